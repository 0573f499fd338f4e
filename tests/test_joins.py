"""Recordings whose clock restarts or jumps: picture and sound stay together, whatever either ends or begins with."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import av
import pytest

from beats import beeps, flashes, write_beats
from test_sound import copied, offsets
from vidcolor.film.containers.joins import find_clock
from vidcolor.film.reader import frames, open_video

OFF = 0.02


def reel(path: Path, seconds: float, **options: Any) -> bytes:
    """A film of flashes and beeps as bytes to join."""
    form = "vob" if path.suffix == ".vob" else "mpegts"
    sounds = options.pop("sounds", ("ac3",))
    return write_beats(path, seconds, sounds=sounds, picture="mpeg2video", form=form, **options).read_bytes()


def beats_are_right(path: Path, steps: list[float]) -> None:
    """Flashes are so far apart, and each beep is with a flash."""
    light = flashes(path)
    assert [b - a for a, b in pairwise(light)] == pytest.approx(steps, abs=OFF)
    assert offsets(path) == pytest.approx([0] * len(beeps(path)), abs=OFF)


@pytest.mark.parametrize(("suffix", "ends"), [(".vob", 2.1), (".vob", 3.4), (".ts", 1.0), (".ts", 3.4)])
def test_reels_that_are_joined_keep_their_sound(tmp_path: Path, suffix: str, ends: float) -> None:
    """The clock restarts; the first reel's sound ends long before its picture, or not at all."""
    first = reel(tmp_path / f"a{suffix}", 3.4, sound_until=ends)
    second = reel(tmp_path / f"b{suffix}", 3)
    film = tmp_path / f"film{suffix}"
    film.write_bytes(first + second)
    assert copied(film, tmp_path / "out.mkv") == []
    beats_are_right(tmp_path / "out.mkv", [1, 1, 1, 0.4, 1, 1])
    assert len(beeps(tmp_path / "out.mkv")) == ceil(ends) + 3
    with open_video(film) as video:
        times = [frame.pts for frame in frames(video)]
        assert len(times) == 85 + 75
        assert {b - a for a, b in pairwise(times)} <= set(range(3590, 3610))
        (note,) = video.notes
        assert "goes back by 3." in note
        assert "at 3.4 s" in note


@pytest.mark.parametrize("suffix", [".vob", ".ts"])
def test_a_jump_ahead_is_closed(tmp_path: Path, suffix: str) -> None:
    """A broadcast that was interrupted for five minutes: nobody wants to see the last picture for so long."""
    film = tmp_path / f"film{suffix}"
    film.write_bytes(reel(tmp_path / f"a{suffix}", 2, begin=1) + reel(tmp_path / f"b{suffix}", 2, begin=303))
    assert copied(film, tmp_path / "out.mkv") == []
    beats_are_right(tmp_path / "out.mkv", [1, 1, 1])
    with open_video(film) as video:
        assert ["jumps ahead by 0:05:00 at 2.0 s" in note for note in video.notes] == [True]


def test_a_gap_of_some_seconds_stays(tmp_path: Path) -> None:
    """Less than ten seconds are part of the film, for both alike."""
    film = tmp_path / "film.ts"
    film.write_bytes(reel(tmp_path / "a.ts", 2, begin=1) + reel(tmp_path / "b.ts", 2, begin=8))
    assert find_clock(film, 0).is_even
    assert copied(film, tmp_path / "out.mkv") == []
    beats_are_right(tmp_path / "out.mkv", [1, 6, 1])


def test_many_reels_and_a_part_of_them(tmp_path: Path) -> None:
    """Jumps add up; a part is found by the clock that the film has when they are closed."""
    film = tmp_path / "film.vob"
    reels = [reel(tmp_path / f"{n}.vob", 2, begin=begin, sound_until=1.4) for n, begin in enumerate((0, 50, 0, 30))]
    film.write_bytes(b"".join(reels))
    assert copied(film, tmp_path / "out.mkv") == []
    beats_are_right(tmp_path / "out.mkv", [1] * 7)
    assert copied(film, tmp_path / "part.mkv", start=3.5, duration=3.0) == []
    beats_are_right(tmp_path / "part.mkv", [1, 1])
    assert len(beeps(tmp_path / "part.mkv")) == 3


def remade(source: Path, target: Path, keep: Callable[[Any], bool]) -> None:
    """A transport stream without some of its packets."""
    with av.open(str(source)) as film, av.open(str(target), "w", format="mpegts") as copy:
        streams = [copy.add_stream_from_template(stream, opaque=True) for stream in film.streams]
        for packet in sorted((p for p in film.demux() if p.size), key=lambda p: p.dts):
            if keep(packet):
                packet.stream = streams[packet.stream.index]
                copy.mux(packet)


def test_sound_that_pauses_is_no_jump(tmp_path: Path) -> None:
    """Twelve seconds without sound, while the picture goes on: the sound after them stays where it was."""
    reel(tmp_path / "a.ts", 15)
    remade(
        tmp_path / "a.ts",
        tmp_path / "film.ts",
        lambda packet: packet.stream.type == "video" or not 1.5 < float(packet.dts * packet.time_base) < 13.5,
    )
    assert find_clock(tmp_path / "film.ts", 0).is_even
    assert copied(tmp_path / "film.ts", tmp_path / "out.mkv") == []
    assert len(beeps(tmp_path / "out.mkv")) == 3
    beats_are_right(tmp_path / "out.mkv", [1] * 14)


def wild(packet: bytes) -> bytes:
    """A packet of a transport stream whose picture is told to be 200 s later (ISO/IEC 13818-1, 2.4.3.7)."""
    start = packet.find(b"\0\0\1\xe0")
    if packet[1] & 0x40 == 0 or start < 0 or not packet[start + 7] & 0x80:
        return packet
    data, place = bytearray(packet), start + 9
    time = (data[place] >> 1 & 7) << 30 | data[place + 1] << 22 | (data[place + 2] >> 1) << 15
    time |= data[place + 3] << 7 | data[place + 4] >> 1
    time += 90000 * 200
    data[place] = data[place] & 0xF1 | (time >> 30 & 7) << 1
    data[place + 1], data[place + 2] = time >> 22 & 0xFF, (time >> 15 & 0x7F) << 1 | 1
    data[place + 3], data[place + 4] = time >> 7 & 0xFF, (time & 0x7F) << 1 | 1
    return bytes(data)


def test_damaged_times_are_no_join(tmp_path: Path) -> None:
    """Some pictures whose times are wild, and the clock goes on as before: they are placed between their neighbors."""
    data = reel(tmp_path / "a.ts", 4)
    packets = [data[n : n + 188] for n in range(0, len(data), 188)]
    third = len(packets) // 3
    packets[third : third + 10] = map(wild, packets[third : third + 10])
    assert b"".join(packets) != data
    (tmp_path / "film.ts").write_bytes(b"".join(packets))
    clock = find_clock(tmp_path / "film.ts", 0)
    assert clock.is_even
    assert clock.strays
    copied(tmp_path / "film.ts", tmp_path / "out.mkv")
    beats_are_right(tmp_path / "out.mkv", [1, 1, 1])
    with open_video(tmp_path / "film.ts") as video:
        times = [float(frame.seconds) for frame in frames(video)]
    assert len(times) == 100
    assert times[-1] - times[0] < 4.1
