"""What is told of a film that is made in segments is what a run in one go tells, also after an interruption."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest

from calls import stop_at
from reels import transparent_film
from scenes import shot, write_film
from vidcolor.errors import InputError
from vidcolor.pipeline.film import colorize_film
from vidcolor.settings import RunSettings

pytestmark = pytest.mark.usefixtures("short_segments", "tiny_network")
SMALL: dict[str, Any] = {"size": 32, "batch_size": 4}


def test_strict_at_the_very_end_keeps_finished_segments(tmp_path: Path) -> None:
    """One warning refuses the film, not the work: without --strict it is only joined."""
    source, out = transparent_film(tmp_path / "film.mkv"), tmp_path / "out.mp4"
    said: list[str] = []
    with pytest.raises(InputError, match="Leave out --strict"):
        colorize_film(source, out, settings=RunSettings(strict=True, **SMALL), report=said.append)
    assert not out.exists()
    assert "frames are kept" in said[-1]
    result = colorize_film(source, out, settings=RunSettings(**SMALL))
    assert result.resumed == result.frames
    assert result.warnings


def test_damage_before_the_first_frame_is_told_with_segments_too(tmp_path: Path) -> None:
    """A film that begins with broken packets: as many are counted as without segments."""
    good, bad = write_film(tmp_path / "good.mkv", shot(1) + shot(2)), tmp_path / "bad.mkv"
    with av.open(str(good)) as source, av.open(str(bad), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if packet.dts is None:
                continue
            if number == 0:
                broken = av.Packet(b"\xff" * 20)
                broken.pts, broken.dts, broken.time_base = packet.pts, packet.dts, packet.time_base
                broken.is_keyframe, packet = True, broken
            packet.stream = stream
            target.mux(packet)
    told = [
        colorize_film(bad, tmp_path / f"{resume}.mkv", settings=RunSettings(resume=resume, **SMALL)).warnings
        for resume in (False, True)
    ]
    assert "damaged packets skipped" in told[0][0]
    assert told[1] == told[0]


def test_warnings_and_notes_survive_an_interruption(tmp_path: Path) -> None:
    """What was seen in frames that are done already is told, and counted once."""
    source, out = transparent_film(tmp_path / "film.mkv"), tmp_path / "out.mp4"
    whole = colorize_film(source, tmp_path / "whole.mp4", settings=RunSettings(**SMALL))
    with pytest.raises(KeyboardInterrupt):
        colorize_film(source, out, settings=RunSettings(**SMALL), progress=stop_at(34))
    again = colorize_film(source, out, settings=RunSettings(**SMALL))
    assert again.resumed
    assert again.warnings == whole.warnings
    assert "alpha is not kept" in again.warnings[0]
