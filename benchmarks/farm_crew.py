"""Workers, joins and a clock that are made up, for the real schedule: farm.py tells of what, and what for."""

from __future__ import annotations

import heapq
import random
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from vidcolor.film.shots import LOOKAHEAD
from vidcolor.pipeline.distributed.joiner import Arrivals
from vidcolor.pipeline.distributed.parts import Receipt
from vidcolor.pipeline.distributed.plan import Plan
from vidcolor.pipeline.distributed.planner import Outline
from vidcolor.pipeline.distributed.ranges import LEAST, SETTLED, Film, Range, Reading, lay_out
from vidcolor.pipeline.distributed.schedule import JOINS
from vidcolor.pipeline.distributed.tasks import LostError, News, Task
from vidcolor.pipeline.result import Job
from vidcolor.pipeline.segments.cutting import LONGEST, SHORTEST
from vidcolor.settings import RunSettings, ShotSettings

RATE, MINUTES = 24, 90
FRAMES = RATE * 60 * MINUTES
SHOT, SPREAD = 6.0, 0.8  # seconds of a shot in the middle, and deviation of its logarithm
KINDS = 8  # of films that differ in their shots
STRAGGLERS, SLOWER = 1 / 200, 3.0  # of the segments; times as long
LIFE = 24 * 3600.0  # seconds that a worker lives
MESSAGE = 0.02  # seconds of asking and answering through Ray: measured on one machine, less than half of it
READERS = 2  # cores that reading a range keeps busy: what looks for shots is one thread beside the decoder's


@dataclass
class Clock:
    """Seconds that pass in the simulation; those that the schedule itself computes are added."""

    now: float = 0.0
    own: float = 0.0
    mark: float = field(default_factory=time.process_time)

    def __call__(self) -> float:
        return self.now

    def begin(self) -> None:
        """The schedule computes from here on."""
        self.mark = time.process_time()

    def end(self) -> None:
        """It has computed until here."""
        spent = time.process_time() - self.mark
        self.now, self.own = self.now + spent, self.own + spent


class Parts:
    """The parts of a film of which none is there."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._plan = plan

    def claim(self) -> None:
        """Nobody else has the folder."""

    def missing(self) -> list[int]:
        return [segment.number for segment in self._plan.segments]


@dataclass
class Joining:
    """A film that is being joined.

    Attributes:
        free: When what is there is joined.
        place: The segment that comes next.
        arrivals: Tells which are there; None: all.
    """

    found: Future[Any]
    result: Any
    plan: Plan
    free: float
    arrivals: Arrivals | None
    place: int = 0


class Joiner(Executor):
    """Joins on the driver, as long as bytes and packets take."""

    def __init__(self, crew: Crew) -> None:
        self.crew, self.clock = crew, crew.clock
        self.slots = [0.0] * JOINS
        self.queue: deque[Joining] = deque()
        self.running: list[Joining] = []

    def submit(self, join: Callable[..., Any], job: Job, plan: Plan, folder: Path, arrivals: Arrivals | None) -> Any:  # type: ignore[override]
        found: Future[Any] = Future()
        self.queue.append(Joining(found, join(job, plan, folder), plan, self.clock.now, arrivals))
        return found

    def settle(self, since: float) -> None:
        """Tell what is joined by now.

        Args:
            since: When the arrivals were told that have not been looked at yet.
        """
        while self.queue and len(self.running) < JOINS:
            each = self.queue.popleft()
            each.free = max(each.free, self.slots.pop(0))
            self.running.append(each)
        for each in list(self.running):
            end = self.end_of(each, since)
            if end is not None and end <= self.clock.now:
                self.running.remove(each)
                self.slots = sorted([*self.slots, end])
                each.found.set_result(each.result)

    def end_of(self, each: Joining, since: float) -> float | None:
        """Return when a film is joined; None if that is not known yet."""
        figures, bytes_ = self.crew.figures, self.crew.bytes
        segments = each.plan.segments
        while each.place < len(segments) and (each.arrivals is None or each.place in each.arrivals):
            if each.arrivals is not None:
                each.free = max(each.free, since)
            # Its bytes are read from the disk once, and from memory when they are read again.
            frames = segments[each.place].frames
            each.free += frames * (figures["join"] - figures["close"] + bytes_ / self.crew.disk)
            each.place += 1
        if each.place < len(segments):
            return None
        # At the end the film is moved behind its index, which is written first, and all of it goes to the disk.
        return each.free + FRAMES * (figures["close"] + bytes_ / self.crew.disk)


@dataclass(frozen=True)
class Circumstances:
    """What the figures do not tell.

    Attributes:
        cores: Of each worker.
        disk: Bytes a second that joining reads or writes.
    """

    cores: int
    disk: float


class Crew:
    """Workers that take as long as the figures say, straggle, and die."""

    def __init__(self, figures: dict[str, Any], workers: int, how: Circumstances, calm: bool, first: int = 0) -> None:
        self.figures, self.cores, self.disk, self.calm = figures, how.cores, how.disk, calm
        self.clock = Clock()
        self.joiner = Joiner(self)
        self.told = 0.0
        self.first, self.chance = first, random.Random(11 + first)
        self.rates = [seconds / frames for frames, seconds, _ in figures["segments"]]
        self.weights = [frames for frames, _, _ in figures["segments"]]  # a short one tells little
        self.bytes = sum(row[2] for row in figures["segments"]) / sum(row[0] for row in figures["segments"])
        self.workers, self.free = workers, dict.fromkeys(range(workers))
        self.at: dict[int, int] = {}  # the film that a worker was at
        self.born, self.nominal, self.lost, self.tasks = workers, 0.0, 0, 0
        self.counted: set[tuple[int, int]] = set()
        self.events: list[tuple[float, int, int, Task | None, Any]] = []

    def idle(self) -> list[int]:
        return list(self.free)

    def start(self, worker: int, task: Task) -> None:
        del self.free[worker]
        self.tasks += 1
        seconds, found = self._done(worker, task)
        if not self.calm and self.chance.random() < 1 - np.exp(-seconds / LIFE):
            seconds, found = self.chance.uniform(0, seconds), LostError("it died")
        heapq.heappush(self.events, (self.clock.now + seconds + MESSAGE, self.tasks, worker, task, found))

    def news(self, patience: float) -> list[News]:
        self.clock.end()
        until = self.clock.now + patience
        self.clock.now = max(self.clock.now, min(until, self.events[0][0])) if self.events else until
        found = []
        while self.events and self.events[0][0] <= self.clock.now:
            _, _, worker, task, value = heapq.heappop(self.events)
            if task is None or not isinstance(value, LostError):
                self.free[worker] = None
            else:  # another worker starts in its place
                self.lost, self.born = self.lost + 1, self.born + 1
                ready = self.clock.now + 2.0 + self.figures["start"]
                heapq.heappush(self.events, (ready, -self.born, self.born, None, None))
            if task is not None:
                found.append(News(worker, task, value))
        self.joiner.settle(self.told)
        self.told = self.clock.now
        self.clock.begin()
        return found

    def dismiss(self, worker: int, why: str) -> None:
        raise AssertionError("no machine is unfit here")

    def wanted(self, tasks: int) -> None:
        """All workers stay."""

    def room(self) -> int:
        return self.workers

    def _done(self, worker: int, task: Task) -> tuple[float, Any]:
        """Return how long a task takes, and what comes of it."""
        read = self.figures["read"] / min(READERS, self.cores)
        kind = (self.first + task.film) % KINDS
        plan = plan_of(kind)
        if task.part is not None:
            begin, end = task.part.begin or 0, task.part.end or FRAMES
            # Beyond its end by what detectors remember; what is decided there looks ahead.
            pts = np.arange(begin, min(end + SETTLED + LOOKAHEAD, FRAMES))
            seen = Reading(pts, np.zeros(len(pts), "S16"), end - begin, (), None, {})
            return len(pts) * read, seen
        if task.plan is None:
            count = min(task.request.readers, FRAMES // LEAST)
            if count < 2:
                return FRAMES * read, plan
            places = [round(FRAMES * n / count) for n in range(count + 1)]
            ranges = tuple(Range(a or None, b) for a, b in pairwise(places))
            return self.figures["turn"], Outline(replace(plan, segments=()), ranges)
        frames = plan.segments[task.number].frames
        (rate,) = random.Random(f"{self.first + task.film} {task.number}").choices(self.rates, self.weights)
        seconds = frames * rate / self.cores
        if (task.film, task.number) not in self.counted:
            self.counted.add((task.film, task.number))
            self.nominal += seconds
        turn = self.figures["turn"] if self.at.get(worker) != task.film else 0.0
        self.at[worker] = task.film
        slow = SLOWER if not self.calm and self.chance.random() < STRAGGLERS else 1.0
        receipt = Receipt("", task.number, frames, round(frames * self.bytes), "", seconds, "host", "")
        return turn + slow * seconds, receipt


@cache
def plan_of(kind: int) -> Plan:
    """Return the plan of a film with random shots, laid out by the real rule."""
    chance = np.random.default_rng(kind)
    shots = np.maximum(chance.lognormal(np.log(SHOT * RATE), SPREAD, FRAMES // 20).astype(int), 8)
    starts = [int(place) for place in np.cumsum(shots) if place < FRAMES - 8]
    film = Film(np.arange(FRAMES), np.zeros(FRAMES, "S16"), frozenset(starts))
    segments = lay_out(film, (SHORTEST, LONGEST))
    assert segments
    names = (Path(f"/films/{kind}.mkv"), ".mp4", 8, RunSettings(), ShotSettings(), {}, (SHORTEST, LONGEST), "", {}, ())
    return Plan(*names, tuple(segments))
