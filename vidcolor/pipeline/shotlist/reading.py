"""A list of shots read from a file of any kind, for a film."""

from __future__ import annotations

import math
import sys
from pathlib import Path

from vidcolor.errors import InputError
from vidcolor.film.frame import VideoInfo
from vidcolor.film.timecode import TimecodeClock
from vidcolor.pipeline.shotlist.edl import read_edl
from vidcolor.pipeline.shotlist.otio import read_otio
from vidcolor.pipeline.shotlist.shot import ShotList
from vidcolor.pipeline.shotlist.table import Problem, Reading, read_table

READERS = {".edl": read_edl, ".otio": read_otio}
"""Lists from editing programs, by the suffix of their files; any other file is a table."""


def clock_of(info: VideoInfo) -> TimecodeClock:
    """Return what the frames of a film are called."""
    return TimecodeClock.of(info.rate)


def most_frames(info: VideoInfo) -> int:
    """Return how many frames a film may have at most, as far as its container tells, with a second to spare.

    What is declared and what is there differ; only a pass over the film counts its frames.
    """
    declared = max(info.frames, math.ceil(info.seconds * info.rate))
    return declared + math.ceil(info.rate) if declared else sys.maxsize


def read_list(path: Path, info: VideoInfo) -> Reading:
    """Read a list as far as it can be read.

    Args:
        path: A table (CSV), an edit decision list (.edl) or a timeline of OpenTimelineIO (.otio).
        info: The film whose shots it tells.

    Raises:
        InputError: the file cannot be read, or is no list at all.
    """
    clock, most = clock_of(info), most_frames(info)
    if reader := READERS.get(path.suffix.lower()):
        shots = reader(path, clock, most)
        found = Reading(shots, [f"shot {shot.number}" for shot in shots])
    else:
        found = read_table(path, clock)
    for place, shot in zip(found.places, found.shots, strict=True):
        if shot.end > most:
            found.problems.append(outside(place, shot.end, most, "about "))
    return found


def outside(place: str, end: int, frames: int, about: str = "") -> Problem:
    """Return the problem of a shot that ends after the film."""
    return Problem(f"{place}, column end", f"it ends with frame {end}, but the film has {about}{frames} frames")


def read_shots(path: Path, info: VideoInfo) -> ShotList:
    """Return the shots of a film from a list that must be right.

    Raises:
        InputError: the file cannot be read, or something is wrong with it; the first problem is told, with its line.
    """
    found = read_list(path, info)
    if found.problems:
        first, *others = found.problems
        more = f"; {len(others)} more with vidcolor shots {path} --check {info.path}" if others else ""
        raise InputError(f"cannot use {path}", f"{first}{more}", first.remedy)
    return ShotList(tuple(found.shots), clock_of(info))
