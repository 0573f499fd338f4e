"""A list of shots as an edit decision list (CMX3600), which editing programs import and export.

    001  AX       V     C        00:00:00:00 00:00:01:06 00:00:00:00 00:00:01:06
    event reel    track transition  source in and out    record in and out

Out points are exclusive: the frame after the last. Reels have at most 8 characters, so the film's name stands in a
comment, where editing programs look for it. Every shot begins with a cut here, a dissolve too: both shots are mixed in
the film's own frames already. How a shot came about stands in a comment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from vidcolor.errors import InputError, VidcolorError, reason
from vidcolor.film.timecode import TimecodeClock, can_drop
from vidcolor.pipeline.shotlist.shot import CUT, KINDS, Shot, ShotList, Transition

MOST_EVENTS = 999  # of the format; programs of today read more
SPEED = 0.01  # by which the speed of an event may differ from the film's: 24 stands for 23.976
REEL = "AX"  # "auxiliary": a source without a reel

_TIME = r"\d{1,2}:\d{2}:\d{2}[:;.,]\d{2,3}"
_EVENT = re.compile(
    rf"(?P<number>\d+)\s+(?P<reel>\S+)\s+(?P<track>\S+)\s+(?P<how>C|D|K\w*|W\w*)\s+(?:(?P<frames>\d+)\s+)?"
    rf"(?P<times>{_TIME}\s+{_TIME}\s+{_TIME}\s+{_TIME})"
)
_LOOKS_LIKE_ONE = re.compile(rf"\d+\s+\S+\s+\S+\s.*{_TIME}")
_COMMENT = "* VIDCOLOR TRANSITION: "


def write_edl(shots: ShotList, film: Path) -> str:
    """Return a list of shots as an edit decision list; what a person asks for a shot has no place in it.

    Args:
        film: Whose shots they are.
    """
    lines = [f"TITLE: {film.stem[:70]}", f"FCM: {'DROP FRAME' if shots.clock.drop else 'NON-DROP FRAME'}", ""]
    for number, shot in enumerate(shots.shots, 1):
        times = f"{shots.clock.text(shot.start)} {shots.clock.text(shot.end)}"
        lines.append(f"{number:03}  {REEL:<8} V     C        {times} {times}")
        lines.append(f"* FROM CLIP NAME: {film.name}")
        if shot.transition.frames:
            lines.append(f"{_COMMENT}{shot.transition}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Event:
    """A line that shows a stretch of a source: its first frame, and the frame after its last."""

    start: int
    end: int
    transition: Transition = CUT


def read_edl(path: Path, clock: TimecodeClock, most: int) -> list[Shot]:
    """Read the shots that an editor has cut a film into.

    The source's times count, not those of the edit: they name the film's frames. They begin with the film's first
    timecode, with 00:00:00:00, or with a full hour, as all of them lie in the film then.

    Args:
        clock: That of the film.
        most: Frames that the film has at most.

    Raises:
        InputError: it cannot be read, a line is wrong (it is named), or it is not a list of this film.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"cannot read {path}", reason(error), "Name an edit decision list") from error
    reading = _Reading(path, TimecodeClock(clock.rate, clock.drop))
    for number, line in enumerate(text.splitlines(), 1):
        reading.line(number, line.strip())
    events = sorted(reading.events, key=lambda event: event.start)
    if not events:
        raise InputError(f"cannot read {path}", "it holds no event with a picture", "Export it as CMX3600")
    origin = origin_of(path, events[0].start, max(event.end for event in events), clock, most)
    return [
        Shot(number, event.start - origin, event.end - origin, event.transition)
        for number, event in enumerate(events, 1)
    ]


def origin_of(path: Path, start: int, end: int, clock: TimecodeClock, most: int) -> int:
    """Return the number that the film's first frame has in a list, whose stretches lie between two numbers.

    Raises:
        InputError: they don't lie in the film, whatever its first frame is called.
    """
    hour = 3600 * clock.base
    for origin in (clock.start, 0, start // hour * hour):
        if origin <= start and end <= origin + most:
            return origin
    named = TimecodeClock(clock.rate, clock.drop)
    why = f"its times reach from {named.text(start)} to {named.text(end)}, but the film has {most} frames"
    raise InputError(f"cannot use {path}", why, "It is a list of another film")


class _Reading:
    """What has been read of a list."""

    def __init__(self, path: Path, clock: TimecodeClock) -> None:
        self.path, self.clock = path, clock
        self.events: list[_Event] = []

    def line(self, number: int, line: str) -> None:
        """Take the next line."""
        if line.startswith("FCM:"):
            drop = "NON" not in line.upper()
            if drop and not can_drop(self.clock.rate):
                raise self._error(number, f"it is in drop-frame timecode, but the film has {self.clock}")
            self.clock = TimecodeClock(self.clock.rate, drop)
        elif line.startswith(_COMMENT) and self.events:
            kind, _, frames = line.removeprefix(_COMMENT).partition(" ")
            if kind in KINDS and frames.isdecimal():
                self.events[-1] = replace(self.events[-1], transition=Transition(kind, int(frames)))
        elif line.startswith("M2") and not self._is_at_speed(line):
            raise self._error(number, "it plays its source at another speed")
        elif found := _EVENT.match(line):
            self._event(number, found)
        elif _LOOKS_LIKE_ONE.match(line):
            raise self._error(number, "it is no event of CMX3600")

    def _event(self, number: int, found: re.Match[str]) -> None:
        if found["reel"] == "BL" or (found["track"][0] not in "VB" and "V" not in found["track"].split("/")):
            return  # black, or sound alone
        try:
            first, last, shown, hidden = (self.clock.frame(text) for text in found["times"].split())
        except VidcolorError as error:
            raise self._error(number, f"{error.what.removeprefix('cannot read ')}: {error.why}") from error
        if last < first:
            raise self._error(number, "its source ends before it begins")
        if last - first != hidden - shown:
            raise self._error(number, "it plays its source at another speed")
        length = int(found["frames"] or 0) if found["how"][0] in "DW" else 0
        middle = first + length // 2  # until then the shot before makes most of the picture
        if length > last - first > 0:
            raise self._error(number, "its transition is longer than what it shows")
        if length and self.events and self.events[-1].end == first:
            self.events[-1] = replace(self.events[-1], end=middle)
        if first < last:  # editing programs write the shot before a dissolve once more, without a frame
            self.events.append(_Event(middle, last, Transition("dissolve", length) if length else CUT))

    def _is_at_speed(self, line: str) -> bool:
        words = line.split()
        try:
            return abs(float(words[2]) / float(self.clock.rate) - 1) < SPEED
        except (IndexError, ValueError):
            return False

    def _error(self, number: int, why: str) -> InputError:
        return InputError(f"cannot read {self.path}", f"line {number}: {why}", "Export it anew as CMX3600")
