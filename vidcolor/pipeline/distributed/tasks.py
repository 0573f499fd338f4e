"""What is asked of workers, what comes back, and what a crew of them is to whoever gives them work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Literal, Protocol

from vidcolor.pipeline.distributed.parts import Receipt
from vidcolor.pipeline.distributed.plan import Plan, PlannedSegment
from vidcolor.pipeline.distributed.planner import Outline
from vidcolor.pipeline.distributed.ranges import Range, Reading
from vidcolor.pipeline.distributed.station import Request

EARLY = 2.0  # times as long as it takes, before the film's expected end, that a segment is begun at the latest

Worker = int
"""The name of a worker in its crew."""

Key = tuple[Literal["plan", "read", "make"], int]
"""What is done of a film, and of which range or segment."""


class LostError(Exception):
    """A worker has died, or its machine has vanished; the text tells what is known of it."""


@dataclass(frozen=True)
class Task:
    """Something that a worker does: with a plan it makes a segment, with a range it reads it, else it plans a film."""

    film: int
    request: Request
    plan: Plan | None = None
    part: Range | None = None
    number: int = 0
    folder: Path = field(default=Path())

    @property
    def key(self) -> Key:
        """What it does."""
        return ("make" if self.plan else "read" if self.part else "plan"), self.number

    def __str__(self) -> str:
        return {"plan": "the plan", "read": f"reading part {self.number}", "make": f"segment {self.number}"}[
            self.key[0]
        ]


@dataclass(frozen=True)
class News:
    """What has become of a worker's task: what it was asked for, or an error."""

    worker: Worker
    task: Task
    found: Plan | Outline | Reading | Receipt | Exception


class Crew(Protocol):
    """Workers on some engine. Each does one task at a time."""

    def idle(self) -> Iterable[Worker]:
        """Return the workers that wait for a task."""

    def start(self, worker: Worker, task: Task) -> None:
        """Give a worker something to do."""

    def news(self, patience: float) -> list[News]:
        """Return what has ended, after waiting for so many seconds at most.

        Raises:
            VidcolorError: no worker is left, and none can come.
        """

    def dismiss(self, worker: Worker, why: str) -> None:
        """Give a worker's machine nothing more to do; tell why when no machine is left."""

    def wanted(self, tasks: int) -> None:
        """Take how many tasks could be done at the same time."""

    def room(self) -> int:
        """Return how many workers there may be; those that nobody wanted yet have not started."""


@dataclass(frozen=True)
class Report:
    """What is told while the work goes on; each is called with the film's source first.

    Attributes:
        planned: And its frames, and how many of them are there already.
        made: And the frames that are done.
        note: And a line; an empty path stands for all films.
    """

    planned: Callable[[Path, int, int], None] = lambda film, frames, done: None
    made: Callable[[Path, int, Receipt], None] = lambda film, frames, receipt: None
    note: Callable[[Path, str], None] = lambda film, line: None


def in_order(segments: Sequence[PlannedSegment], workers: int) -> list[int]:
    """Return the numbers of a film's segments in the order in which they are best begun.

    That is the order of the film, so that it can be joined meanwhile. But each is begun so early that it ends with the
    others: long ones first of all, and of the last ones the longer ones first.

    Args:
        workers: That are at the film at the same time.
    """
    ends = list(accumulate(segment.frames for segment in segments))
    turns = {
        segment.number: min(end - segment.frames, ends[-1] - EARLY * workers * segment.frames)
        for segment, end in zip(segments, ends, strict=True)
    }
    return sorted(turns, key=lambda number: turns[number])
