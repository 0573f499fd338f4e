"""Sound lies where it lay, or the line names what is lost, why, and the container that keeps it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from beats import beeps, flashes, write_beats
from calls import noted
from rewriting import rewrite
from vidcolor.film.containers import container
from vidcolor.film.containers.container import open_container
from vidcolor.film.encoding.encode import EncodeSettings
from vidcolor.film.marks.avi import stream_headers
from vidcolor.film.reader import probe
from vidcolor.film.streams.trial import fitting

OFF = 0.02  # seconds; less is not noticed


def copied(source: Path, target: Path, **part: Any) -> list[str]:
    """A film decoded and written again with neutral chroma; returns the warnings."""
    return rewrite(source, target, EncodeSettings("mpeg4"), **part)


def offsets(path: Path) -> list[float]:
    """By how much each beep is later than the flash nearest to it."""
    light = flashes(path)
    return [min((beep - flash for flash in light), key=abs) for beep in beeps(path)]


def assert_in_sync(source: Path, target: Path) -> None:
    before, after = offsets(source), offsets(target)
    assert len(after) == len(before) > 0
    assert np.allclose(after, before, atol=OFF), (before, after)


@pytest.mark.parametrize("suffix", [".avi", ".mkv"])
@pytest.mark.parametrize(
    ("codec", "source"),
    [
        *((codec, ".avi") for codec in ("ac3", "adpcm_ms", "adpcm_ima_wav", "adpcm_yamaha")),
        *((codec, ".mkv") for codec in ("aac", "libmp3lame", "pcm_s24le")),
        ("wmav2", ".asf"),
    ],
)
def test_sound_lies_where_it_lay(tmp_path: Path, codec: str, source: str, suffix: str) -> None:
    """Of every kind, into the container that counts packets and into the one that tells their times."""
    film = write_beats(tmp_path / f"film{source}", 2, sounds=(codec,))
    assert copied(film, tmp_path / f"out{suffix}") == []
    assert_in_sync(film, tmp_path / f"out{suffix}")


def test_vbr_mp3_in_avi_is_counted_by_packets(tmp_path: Path) -> None:
    """Packets of many sizes are one tick each; a sample size would play them at another speed."""
    film = write_beats(tmp_path / "film.mkv", 2, sounds=("libmp3lame",), quality=2)
    assert copied(film, tmp_path / "out.avi") == []
    header = stream_headers((tmp_path / "out.avi").read_bytes())[1]
    assert (header.sample_size, header.tick) == (0, Fraction(1152, 48000))
    assert_in_sync(film, tmp_path / "out.avi")


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [*((codec, ".avi") for codec in ("pcm_s16le", "libmp3lame", "ac3", "aac")), ("ac3", ".mkv"), ("aac", ".mov")],
)
def test_sound_that_begins_late_stays_late(tmp_path: Path, codec: str, suffix: str) -> None:
    """Sound that begins in the middle of a film whose clock does not begin at 0."""
    film = write_beats(tmp_path / "film.mkv", 4, sounds=(codec,), begin=2, sound_from=1.7, rate=44100, layout="mono")
    assert copied(film, tmp_path / f"out{suffix}") == []
    assert_in_sync(film, tmp_path / f"out{suffix}")
    assert len(beeps(tmp_path / f"out{suffix}")) == 2


@pytest.mark.parametrize("codec", ["pcm_s16le", "ac3"])
def test_a_part_in_avi_begins_at_once(tmp_path: Path, codec: str) -> None:
    """What lies before the part leaves no blank, and sound stays with its picture."""
    film = write_beats(tmp_path / "film.mkv", 4, sounds=(codec,))
    assert copied(film, tmp_path / "out.avi", start=1.5, duration=2.0) == []
    assert flashes(tmp_path / "out.avi") == pytest.approx([0.48, 1.48])  # 1.52 s is the first frame of the part
    assert offsets(tmp_path / "out.avi") == pytest.approx([0, 0], abs=OFF)


def test_what_a_container_cannot_hold_is_named_with_one_that_can(tmp_path: Path) -> None:
    """Opus does not go into AVI, nor ADPCM into MP4; Matroska keeps both."""
    film = write_beats(tmp_path / "film.mkv", 2, sounds=("libopus",))
    (line,) = copied(film, tmp_path / "out.avi")
    assert line == ".avi cannot hold audio stream 1 (opus) (-o film.color.mkv keeps it)"
    film = write_beats(tmp_path / "film.avi", 2, sounds=("adpcm_ms",))
    (line,) = copied(film, tmp_path / "out.mp4")
    assert line == ".mp4 cannot hold audio stream 1 (adpcm_ms) (-o film.color.mkv keeps it)"


def test_a_header_that_times_wrong_is_not_taken(tmp_path: Path) -> None:
    """AVI has a tag for Vorbis, but its packets last as long as they like: it is tried, not looked up."""
    film = write_beats(tmp_path / "film.mkv", 2, sounds=("vorbis",))
    with open_container(film) as source:
        stream = source.streams.audio[0]
        packets = [packet for packet in source.demux(stream) if packet.size]
        assert fitting(stream, ".mkv", packets) is not None
        assert fitting(stream, ".avi") is not None
        assert fitting(stream, ".avi", packets) is None


def test_sound_behind_the_usual_probing_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that a transport stream announces, but whose sound begins at 9 s, is no unknown one.

    How far to look is found once for a file: only its first opening takes two.
    """
    film = write_beats(tmp_path / "film.ts", 11, sounds=("mp2",), picture="mpeg2video", sound_from=9.0)
    calls = noted(monkeypatch, container, "_open")
    for openings in (2, 3):
        with open_container(film) as opened:
            assert opened.streams.audio[0].codec_context.sample_rate == 48000
        assert len(calls) == openings
    (other,) = probe(film).streams
    assert other.detail == "48000 Hz, stereo"
    assert copied(film, tmp_path / "out.mkv") == []
    assert_in_sync(film, tmp_path / "out.mkv")


def test_ordinary_films_are_not_probed_farther(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking farther is for streams that tell nothing; others are opened once, as far as libav looks by itself."""
    film = write_beats(tmp_path / "film.mkv", 1)
    calls = noted(monkeypatch, container, "_open")
    with open_container(film):
        (call,) = calls
    assert call.arguments[1] == {}


def vob(path: Path) -> Path:
    """A program stream of 7 MB in which sound of another kind begins behind the first 5 MB."""
    with av.open(str(path), "w", format="vob", options={"muxrate": "80000000"}) as film:
        picture = film.add_stream("mpeg2video", rate=25)
        picture.width, picture.height, picture.pix_fmt = 320, 240, "yuv420p"
        picture.codec_context.options = {"qmin": "1", "qmax": "1", "b": "60000000", "bf": "0", "g": "1"}
        sound, late = (film.add_stream(name, rate=48000, layout="mono") for name in ("ac3", "mp2"))
        noise = np.random.default_rng(1).integers(16, 235, (360, 320), np.uint8)
        for number in range(125):
            frame = av.VideoFrame.from_ndarray(np.roll(noise, 7 * number, axis=1), format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            film.mux(picture.encode(frame))
            for stream, heard in ((sound, range(125)), (late, range(108, 116))):
                if number in heard:
                    block = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.int16), format="s16", layout="mono")
                    block.sample_rate, block.pts = 48000, number * 1920
                    block.time_base = Fraction(1, 48000)
                    film.mux(stream.encode(block))
        for stream in (picture, sound, late):
            film.mux(stream.encode(None))
    return path


def test_a_stream_that_nobody_announced_is_kept_or_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Program streams tell of a stream by its first packet: one behind the first 5 MB is kept, behind 100 MB named."""
    film = vob(tmp_path / "film.vob")
    assert film.stat().st_size > 6_000_000
    assert [other.codec for other in probe(film).streams] == ["ac3", "mp2"]
    assert copied(film, tmp_path / "out.mkv", start=4.0, duration=0.9) == []
    with av.open(str(tmp_path / "out.mkv")) as result:
        assert len(result.streams.audio) == 2
    monkeypatch.setattr(container, "PROBED_BYTES", 5_000_000)
    container._probing.cache_clear()
    (line,) = copied(film, tmp_path / "out.mkv", start=4.0, duration=0.9)
    container._probing.cache_clear()
    assert line.startswith("audio stream 2 (mp2) is left out: it begins behind the first")
    assert copied(film, tmp_path / "out.mkv", start=0.0, duration=0.4) == []  # nothing is lost of this part
