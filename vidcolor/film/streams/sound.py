"""Sound from a file of its own, for pictures that have none."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from vidcolor.errors import InputError
from vidcolor.film.containers.container import demuxed, open_container
from vidcolor.film.frame import VideoInfo
from vidcolor.film.info import describe_other
from vidcolor.film.marks.tracks import TrackMarks

TOLERANCE = 0.1  # seconds: what encoders put before and behind sound; two and a half frames
_FREE_CLOCKS = ("mpeg", "mpegts")  # containers whose times begin anywhere


def with_sound(info: VideoInfo, path: Path) -> VideoInfo:
    """Return an image sequence with the sound of a file.

    Raises:
        InputError: the file cannot be read, holds no sound, or sound of another length than the pictures.
    """
    what = f"cannot add the sound of {path}"
    with open_container(path) as container:
        streams = list(container.streams.audio)
        if not streams:
            raise InputError(what, "it holds none", "Name a file with sound, or leave out --audio")
        if container.format.name in _FREE_CLOCKS:
            raise InputError(what, "its clock begins anywhere", "Convert it to .wav or .flac")
        found = tuple(describe_other(stream, TrackMarks()) for stream in streams)
        ends = dict.fromkeys((stream.index for stream in streams), Fraction(0))
        for packet in demuxed(container, *streams):
            if packet.pts is not None and packet.time_base is not None:
                end = (packet.pts + (packet.duration or 0)) * Fraction(packet.time_base)
                ends[packet.stream.index] = max(ends[packet.stream.index], end)
    for number, seconds in ends.items():
        if abs(float(seconds) - info.seconds) > TOLERANCE:
            which = f"stream {number} of it" if len(ends) > 1 else "it"
            why = (
                f"{which} lasts {float(seconds):.2f} s, and the pictures {info.seconds:.2f} s "
                f"({info.frames} frames at {float(info.rate):.5g} a second)"
            )
            raise InputError(what, why, "Check --fps, or cut one of them to the length of the other")
    return replace(info, sound=path, streams=found)
