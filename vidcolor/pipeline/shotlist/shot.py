"""Shots of a film as values: where each begins and ends, and what a person wants of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from vidcolor.errors import VidcolorError
from vidcolor.film.timecode import TimecodeClock
from vidcolor.pipeline.shotlist.landmark import Landmark
from vidcolor.settings import ShotSettings, changed

Kind = Literal["start", "cut", "dissolve", "fade"]
KINDS: tuple[Kind, ...] = ("start", "cut", "dissolve", "fade")


@dataclass(frozen=True)
class Transition:
    """How a shot comes about.

    Attributes:
        kind: "start" is the film's own; a "fade" goes through a blank picture.
        frames: How long the change takes; 0 for a cut.
    """

    kind: Kind = "cut"
    frames: int = 0

    def __str__(self) -> str:
        return f"{self.kind} {self.frames}" if self.frames else self.kind


CUT = Transition()


@dataclass(frozen=True)
class Shot:
    """A shot, and what is asked for it.

    Attributes:
        number: By which it is named, from 1 on; no other shot of the list has it.
        start: Its first frame, counted from 0. After a dissolve, the first in which it makes at least half of the
            picture.
        end: The frame after its last.
        transition: How it comes about.
        changes: Settings of :class:`vidcolor.settings.ShotSettings` that it has of its own, by their names.
        references: Pictures whose colors it takes, as they were written.
        hints: The file of its hints, as it was written.
        like: The number of the shot whose look it shares; what it has of its own goes before.
        note: For the reader.
        landmark: A frame of it, by which the film is known again.
    """

    number: int
    start: int
    end: int
    transition: Transition = CUT
    changes: Mapping[str, Any] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    hints: str = ""
    like: int | None = None
    note: str = ""
    landmark: Landmark | None = None

    @property
    def frames(self) -> int:
        """Return how many frames it has."""
        return self.end - self.start


@dataclass(frozen=True)
class Fault:
    """What is wrong with a shot of a list.

    Attributes:
        place: Of the shot in the list, counted from 0.
        column: The column that is to be corrected.
        why: As a phrase.
    """

    place: int
    column: str
    why: str


def faults(shots: Sequence[Shot]) -> Iterator[Fault]:
    """Find shots that contradict each other; in whatever order they stand."""
    numbers: dict[int, int] = {}
    for place, shot in enumerate(shots):
        if shot.number in numbers:
            yield Fault(place, "shot", f"there is another shot {shot.number}")
        numbers.setdefault(shot.number, place)
        if shot.start < 0:
            yield Fault(place, "start", "it lies before the film's first frame")
        if shot.end <= shot.start:
            yield Fault(place, "end", "it is not after the start; the end is the frame after the last")
    before: Shot | None = None
    for place in sorted(range(len(shots)), key=lambda place: shots[place].start):
        shot = shots[place]
        if before and shot.start < before.end:
            yield Fault(place, "start", f"frames {shot.start} to {min(before.end, shot.end) - 1} are in two shots")
        if before is None or shot.end > before.end:
            before = shot
    for place, shot in enumerate(shots):
        if shot.like is not None and shot.like not in numbers:
            yield Fault(place, "like", f"there is no shot {shot.like}")
        elif shot.like is not None and shot.number in _models(shots, numbers, shot):
            yield Fault(place, "like", "this shot and those that it is like are like each other in a circle")


def _models(shots: Sequence[Shot], numbers: Mapping[int, int], shot: Shot) -> list[int]:
    """Return the numbers of the shots that a shot is like, the nearest first, up to the first that comes twice."""
    found: list[int] = []
    while shot.like is not None and shot.like in numbers and shot.like not in found:
        found.append(shot.like)
        shot = shots[numbers[shot.like]]
    return found


def parse_numbers(text: str, kind: str = "shot") -> list[int]:
    """Return the numbers that a text names: 12,15-17 is 12, 15, 16 and 17.

    Args:
        kind: What is numbered.

    Raises:
        VidcolorError: the text is of another form.
    """
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        ends = (first, last if dash else first)
        if not all(end.isdecimal() for end in ends) or int(ends[0]) > int(ends[1]):
            why = f"{part.strip()!r} is no number of a {kind}"
            raise VidcolorError(f"cannot take {kind}s {text!r}", why, "Write numbers as in 12,15-17")
        numbers += range(int(ends[0]), int(ends[1]) + 1)
    return numbers


@dataclass(frozen=True)
class ShotList:
    """The shots of a film, in the order of the film. Frames that are in none of them are allowed.

    Attributes:
        shots: As given, put in order.
        clock: What their frames are called.

    Raises:
        VidcolorError: shots overlap, have one number, or are like shots that do not exist.
    """

    shots: tuple[Shot, ...]
    clock: TimecodeClock

    def __post_init__(self) -> None:
        for fault in faults(self.shots):
            number = self.shots[fault.place].number
            raise VidcolorError(f"cannot use shot {number}", f"{fault.column}: {fault.why}", "Correct the list")
        object.__setattr__(self, "shots", tuple(sorted(self.shots, key=lambda shot: shot.start)))

    @cached_property
    def _starts(self) -> list[int]:
        return [shot.start for shot in self.shots]

    def place_of(self, frame: int) -> int | None:
        """Return the place in the list of the shot that a frame is in, counted from 0; None when it is in none."""
        place = bisect_right(self._starts, frame) - 1
        return place if place >= 0 and frame < self.shots[place].end else None

    def shot_at(self, frame: int) -> Shot | None:
        """Return the shot that a frame is in; None when it is in none."""
        place = self.place_of(frame)
        return None if place is None else self.shots[place]

    def is_boundary(self, frame: int) -> bool:
        """Return whether another shot, or none, begins at a frame."""
        return self.place_of(frame) != self.place_of(frame - 1)

    @cached_property
    def _by_number(self) -> dict[int, int]:
        return {shot.number: place for place, shot in enumerate(self.shots)}

    def models(self, shot: Shot) -> list[int]:
        """Return the places in the list of the shots that a shot is like, the nearest first."""
        return [self._by_number[number] for number in _models(self.shots, self._by_number, shot)]

    def with_model(self, shot: Shot) -> Shot:
        """Return a shot with all that it takes from those it is like: settings, references and hints."""
        for place in self.models(shot):
            model = self.shots[place]
            shot = replace(
                shot,
                changes={**model.changes, **shot.changes},
                references=shot.references or model.references,
                hints=shot.hints or model.hints,
            )
        return shot

    def settings(self, shot: Shot, defaults: ShotSettings) -> ShotSettings:
        """Return the settings of a shot: its own, then of those it is like, then the defaults."""
        found: ShotSettings
        (found,) = changed(self.with_model(shot).changes, defaults)
        return found

    def only(self, numbers: Sequence[int]) -> tuple[Shot, ...]:
        """Return the shots of some numbers, in the order of the film.

        Raises:
            VidcolorError: a number is unknown.
        """
        for number in numbers:
            if number not in self._by_number:
                known = f"1 to {max(self._by_number)}" if self._by_number else "none"
                raise VidcolorError(f"cannot take shot {number}", "the list has no such shot", f"Its shots are {known}")
        return tuple(shot for shot in self.shots if shot.number in numbers)
