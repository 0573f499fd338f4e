"""The beginning of a film: what is learned from its first pictures and packets."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from beats import write_beats
from vidcolor.film.containers.beginning import first_packets, read_beginning
from vidcolor.film.containers.demuxing import OtherStreams
from vidcolor.film.reader import open_video

PICTURES = 12


def sound_packets(path: Path, number: int) -> list[tuple[int | None, bytes]]:
    """The packets of a sound stream as PyAV alone gives them: at most 64 of the first 300 packets in the file."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux() if packet.size][:300]
        return [(packet.pts, bytes(packet)) for packet in packets if packet.stream_index == number][:64]


@pytest.mark.parametrize(
    ("name", "seconds", "sounds"),
    [("long.mkv", 8, ("pcm_s16le", "flac")), ("short.mp4", 0.2, ("aac",)), ("sync.avi", 2, ("adpcm_ms",))],
)
def test_packets_looked_at_beside_the_pictures_are_the_first(
    tmp_path: Path, name: str, seconds: float, sounds: tuple[str, ...]
) -> None:
    """One opening for both gives what one for each gives: decoding reads ahead, past the end of a short film too."""
    film = write_beats(tmp_path / name, seconds, sounds=sounds)
    found = read_beginning(film, 0, PICTURES, copying=True)
    assert len(found.pictures) == min(PICTURES, round(seconds * 25))
    for packets in (found.packets, first_packets(film)):
        assert packets is not None
        for number in range(1, 1 + len(sounds)):
            assert [(p.pts, bytes(p)) for p in packets[number]] == sound_packets(film, number)


def test_nothing_is_read_on_for_packets_that_nobody_copies(tmp_path: Path) -> None:
    """A preview, or a worker of a cluster, needs the pictures alone."""
    film = write_beats(tmp_path / "film.mkv", 1)
    assert read_beginning(film, 0, PICTURES, copying=False).packets is None
    with open_video(film, copying=True) as video:
        assert isinstance(video.others, OtherStreams)
        assert sorted(video.others.early) == [0, 1]
