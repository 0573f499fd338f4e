"""Workers that nobody has started, for tests of who does what when."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vidcolor.errors import UnfitError
from vidcolor.pipeline.distributed.joiner import Arrivals
from vidcolor.pipeline.distributed.parts import Parts, Receipt
from vidcolor.pipeline.distributed.plan import Plan, PlannedSegment
from vidcolor.pipeline.distributed.planner import Outline
from vidcolor.pipeline.distributed.ranges import Reading
from vidcolor.pipeline.distributed.schedule import Schedule
from vidcolor.pipeline.distributed.station import Request
from vidcolor.pipeline.distributed.tasks import News, Report, Task
from vidcolor.pipeline.result import Job, Outcome, Result
from vidcolor.pipeline.segments.cutting import Start
from vidcolor.settings import RunSettings, ShotSettings

FRAMES = 240


def plan_of(film: Path, count: int) -> Plan:
    segments = tuple(PlannedSegment(Start(n, 0, (), FRAMES * n), FRAMES, "") for n in range(count))
    identity = {"input": str(film)}
    return Plan(film, ".mp4", 8, RunSettings(), ShotSettings(), identity, (240, 2880), "", {}, (), segments)


Found = Plan | Outline | Reading | Receipt | Exception
Deed = Callable[[Task], Found]


@dataclass
class FakeCrew:
    """Workers whose tasks end in random order, as a function tells.

    Attributes:
        deed: What becomes of a task.
        workers: Those that are left; one that is lost is replaced.
    """

    deed: Deed
    workers: set[int] = field(default_factory=lambda: set(range(4)))
    busy: dict[int, Task] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(5))

    def idle(self) -> list[int]:
        return sorted(self.workers - set(self.busy))

    def start(self, worker: int, task: Task) -> None:
        assert worker in self.workers
        assert worker not in self.busy
        self.busy[worker] = task

    def news(self, patience: float) -> list[News]:
        if not self.workers:
            raise UnfitError("cannot go on", "no machine is left")
        if not self.busy:
            return []
        worker = self.chance.choice(sorted(self.busy))
        task = self.busy.pop(worker)
        return [News(worker, task, self.deed(task))]

    def dismiss(self, worker: int, why: str) -> None:
        assert why
        self.workers.discard(worker)

    def wanted(self, tasks: int) -> None:
        assert tasks >= 0

    def room(self) -> int:
        return len(self.workers)


def honest(counts: dict[str, int], made: Counter[tuple[str, int]]) -> Deed:
    """Do each task well; write down what is made."""

    def deed(task: Task) -> Found:
        film = task.request.film
        if task.plan is None:
            return plan_of(film, counts[film.stem])
        made[film.stem, task.number] += 1
        Parts(task.folder, task.plan).packets(task.number).write_bytes(b"x")
        receipt = Receipt(task.plan.digest, task.number, FRAMES, 1, "", 1.0, "host", "AVX2")
        Parts(task.folder, task.plan).record(receipt)
        return receipt

    return deed


def await_all(plan: Plan, arrivals: Arrivals | None) -> None:
    """Return when all segments are made, as whoever joins them does."""
    for segment in plan.segments:
        if arrivals:
            arrivals.wait(segment.number)


def run(folder: Path, crew: FakeCrew, names: list[str], report: Report | None = None) -> Iterator[Outcome]:
    def request(job: Job) -> Request:
        return Request(job.source, ".mp4", RunSettings(), ShotSettings())

    def join(job: Job, plan: Plan, parts: Path, arrivals: Arrivals | None) -> Result:
        await_all(plan, arrivals)
        assert Parts(parts, plan).missing() == []
        job.output.touch()
        return Result(job.output, plan.frames, 0.1, 0.0, "fast", "cpu", ())

    jobs = [Job(Path(f"/films/{name}.mkv"), folder / f"{name}.mp4") for name in names]
    return Schedule(jobs, crew, request, join, report or Report()).outcomes()


COUNTS = {"a": 5, "b": 1, "c": 12, "d": 3}


def joined_ahead(folder: Path, deed: Deed, join: Callable[[Arrivals | None], None]) -> Outcome:
    """What becomes of a film of twelve segments, whose joining is told how they arrive."""
    job = Job(Path("/films/c.mkv"), folder / "c.mp4")
    request = Request(job.source, ".mp4", RunSettings(), ShotSettings())

    def joined(job: Job, plan: Plan, parts: Path, arrivals: Arrivals | None) -> Result:
        join(arrivals)
        return Result(job.output, plan.frames, 0.1, 0.0, "fast", "cpu", ())

    (outcome,) = Schedule([job], FakeCrew(deed, {0}), lambda job: request, joined, Report()).outcomes()
    return outcome
