"""Films over workers that die, refuse and fail: nothing is lost, nothing is done twice, and memory stays flat."""

from __future__ import annotations

import random
import shutil
import time
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crews import COUNTS, FRAMES, FakeCrew, Found, await_all, honest, joined_ahead, plan_of, run
from vidcolor.errors import InputError, PartsError, UnfitError, VidcolorError
from vidcolor.pipeline.distributed import schedule
from vidcolor.pipeline.distributed.joiner import Arrivals
from vidcolor.pipeline.distributed.parts import Parts, Receipt
from vidcolor.pipeline.distributed.plan import Plan, PlannedSegment
from vidcolor.pipeline.distributed.planner import Outline
from vidcolor.pipeline.distributed.ranges import Range, Reading
from vidcolor.pipeline.distributed.schedule import Schedule
from vidcolor.pipeline.distributed.station import Request
from vidcolor.pipeline.distributed.tasks import EARLY, LostError, News, Report, Task, in_order
from vidcolor.pipeline.result import Job, Outcome, Result
from vidcolor.pipeline.segments.cutting import Start
from vidcolor.settings import RunSettings, ShotSettings


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "PATIENCE", 0.01)


@pytest.mark.parametrize("seed", range(5))
def test_lost_workers_cost_their_segment_alone(tmp_path: Path, seed: int) -> None:
    """A third of the tasks lose their workers: each film is done, and no segment is made twice but for that."""
    made: Counter[tuple[str, int]] = Counter()
    chance = random.Random(seed)
    well = honest(COUNTS, made)
    lost: Counter[tuple[int, bool, int]] = Counter()

    def deed(task: Task) -> Found:
        key = (task.film, task.plan is None, task.number)
        if chance.random() < 0.3 and lost[key] < schedule.TRIES - 1:
            lost[key] += 1
            return LostError("killed")
        return well(task)

    notes: list[str] = []
    crew = FakeCrew(deed, chance=random.Random(seed))
    outcomes = list(run(tmp_path, crew, list(COUNTS), Report(note=lambda film, line: notes.append(line))))
    assert sorted(outcome.source.stem for outcome in outcomes if outcome.status == "done") == sorted(COUNTS)
    assert made == Counter({(name, n): 1 for name, count in COUNTS.items() for n in range(count)})
    assert len(notes) == sum(lost.values()) > 0


def test_outputs_by_relative_paths_are_found_from_other_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker's process runs in a folder of its own: what it is told of parts does not depend on that."""
    made: Counter[tuple[str, int]] = Counter()
    well = honest(COUNTS, made)
    monkeypatch.chdir(tmp_path)

    def deed(task: Task) -> Found:
        assert task.plan is None or task.folder == tmp_path / ".b.mp4.parts"
        return well(task)

    (outcome,) = run(Path(), FakeCrew(deed), ["b"])
    assert outcome.status == "done"


def test_a_film_that_fails_leaves_the_others_alone(tmp_path: Path) -> None:
    """One cannot be read, another's segment kills every worker: each is told in one line, the rest is done."""
    made: Counter[tuple[str, int]] = Counter()
    well = honest(COUNTS, made)

    def deed(task: Task) -> Found:
        if task.request.film.stem == "b":
            return InputError("cannot open b.mkv", "the data are invalid")
        if task.request.film.stem == "c" and task.plan and task.number == 7:
            return LostError("its memory was full")
        return well(task)

    outcomes = {outcome.source.stem: outcome for outcome in run(tmp_path, FakeCrew(deed), list(COUNTS))}
    assert {name: outcome.status for name, outcome in outcomes.items()} == {
        **dict.fromkeys("ad", "done"),
        **dict.fromkeys("bc", "failed"),
    }
    assert outcomes["b"].error == "cannot open b.mkv: the data are invalid."
    lost = f"segment 7 has lost {schedule.TRIES} workers, the last one so: its memory was full"
    assert lost in outcomes["c"].error


def test_an_unfit_machine_gets_nothing_more(tmp_path: Path) -> None:
    """It is told once by name; its task is done by another. With no machine left, the work ends with that."""
    made: Counter[tuple[str, int]] = Counter()
    well = honest(COUNTS, made)
    crew = FakeCrew(well)
    notes: list[str] = []
    refused: set[int] = set()

    def deed(task: Task) -> Found:
        if len(crew.workers) > 2 and task.plan:
            refused.add(len(crew.workers))
            return UnfitError("cannot work on the plan", "node7 has torch 2.0.1 instead of 2.9")
        return well(task)

    crew.deed = deed
    outcomes = list(run(tmp_path, crew, list(COUNTS), Report(note=lambda film, line: notes.append(line))))
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert notes == ["cannot work on the plan: node7 has torch 2.0.1 instead of 2.9."] * 2
    assert set(made.values()) == {1}
    crew = FakeCrew(lambda task: UnfitError("no", "no"))
    with pytest.raises(VidcolorError, match="no machine is left"):
        list(run(tmp_path / "others", crew, ["a"]))


def test_what_was_made_before_is_not_made_again(tmp_path: Path) -> None:
    """Stopped by Ctrl-C, the same call goes on; a part that is damaged meanwhile is made anew."""
    made: Counter[tuple[str, int]] = Counter()
    well = honest(COUNTS, made)

    def deed(task: Task) -> Found:
        if sum(made.values()) == 9:
            raise KeyboardInterrupt
        return well(task)

    with pytest.raises(KeyboardInterrupt, match="finished segments are kept"):
        list(run(tmp_path, FakeCrew(deed), list(COUNTS)))
    planned: dict[str, int] = {}
    report = Report(planned=lambda film, frames, done: planned.update({film.stem: done // FRAMES}))
    outcomes = list(run(tmp_path, FakeCrew(well), list(COUNTS), report))
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert sum(planned.values()) >= 9
    assert set(made.values()) == {1}
    assert sum(outcome.result.resumed for outcome in outcomes if outcome.result) == FRAMES * sum(planned.values())


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_film_is_read_in_several_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_whole: bool) -> None:
    """With many workers for few films all read; what does not fit together is read in one pass, and is done too."""
    made: Counter[tuple[str, int]] = Counter()
    well = honest(COUNTS, made)
    read: list[int] = []
    ranges = tuple(Range(n or None, n + 1) for n in range(3))

    def deed(task: Task) -> Found:
        if task.part:
            read.append(task.number)
            return Reading(np.array([task.number]), np.array([b""]), 1, (), None, {})
        if task.plan is None and task.request.readers:
            return Outline(plan_of(task.request.film, COUNTS[task.request.film.stem]), ranges)
        return well(task)

    def finish(outline: Outline, readings: Sequence[Reading]) -> Plan | None:
        assert [int(reading.pts[0]) for reading in readings] == [0, 1, 2]
        return outline.plan if is_whole else None

    monkeypatch.setattr(schedule, "finish_plan", finish)
    (outcome,) = run(tmp_path, FakeCrew(deed), ["c"])
    assert outcome.status == "done"
    assert sorted(read) == [0, 1, 2]
    assert made == Counter({("c", n): 1 for n in range(12)})


def test_the_last_segments_wait_for_no_straggler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment that takes far longer than usual is made by an idle worker too; the first of the two counts."""
    monkeypatch.setattr(schedule, "SLOW", 1.5)  # minutes are coarse here: the other segments differ by a fifth
    made: Counter[tuple[str, int]] = Counter()
    well, now = honest(COUNTS, made), [0.0]
    asked: list[int] = []

    class WithStraggler(FakeCrew):
        """The worker that gets the film's last segment does not end with it; a minute passes with each look."""

        def news(self, patience: float) -> list[News]:
            now[0] += 60.0
            assert now[0] < 60_000.0, "nothing ends any more"
            ready = [(worker, task) for worker, task in self.busy.items() if asked.count(worker) == 0]
            if not ready:
                time.sleep(patience)  # the film is joined meanwhile
                return []
            worker, task = ready[0]
            del self.busy[worker]
            return [News(worker, task, self.deed(task))]

        def start(self, worker: int, task: Task) -> None:
            super().start(worker, task)
            if task.plan and task.number == 11 and not asked:
                asked.append(worker)

    job = Job(Path("/films/c.mkv"), tmp_path / "c.mp4")
    request = Request(job.source, ".mp4", RunSettings(), ShotSettings())

    def join(job: Job, plan: Plan, parts: Path, arrivals: Arrivals | None) -> Result:
        await_all(plan, arrivals)
        Parts(parts, plan).remove()
        return Result(job.output, plan.frames, 0.1, 0.0, "fast", "cpu", ())

    crew = WithStraggler(well)
    films = Schedule([job], crew, lambda job: request, join, Report(), clock=lambda: now[0])
    assert [outcome.status for outcome in films.outcomes()] == ["done"]
    assert made == Counter({("c", n): 1 for n in range(12)})
    assert [task.number for task in crew.busy.values()] == [11], "the straggler is at it still"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("is_early", [False, True])
def test_damaged_parts_are_made_again_once(tmp_path: Path, is_early: bool) -> None:
    """Joining names them, they are made again; if that does not help, the film fails with the line.

    What is damaged while the film is made is made again when all is looked at.
    """
    made: Counter[tuple[str, int]] = Counter()
    tries = [0]

    def outcome(wrong: set[int]) -> Outcome:
        tries[0] = 0

        def join(arrivals: Arrivals | None) -> None:
            tries[0] += 1
            if arrivals and not is_early:
                arrivals.wait(11)
            if tries[0] in wrong:
                error = PartsError("cannot join", "segments 2 are damaged")
                error.segments = (2,)
                raise error

        return joined_ahead(tmp_path, honest(COUNTS, made), join)

    assert outcome({1, 2} if is_early else {1}).status == "done"
    assert made["c", 2] == 2
    shutil.rmtree(tmp_path / ".c.mp4.parts")
    assert outcome({1, 2, 3}).error == "cannot join: segments 2 are damaged."


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=60), st.integers(1, 40))
def test_segments_are_begun_in_the_order_of_the_film_and_long_ones_in_time(lengths: list[int], workers: int) -> None:
    """Each once; one that comes before its turn is so long that it would end after the others."""
    starts = np.cumsum([0, *lengths[:-1]]).tolist()
    segments = [PlannedSegment(Start(n, 0, (), start), lengths[n], "") for n, start in enumerate(starts)]
    found = in_order(segments, workers)
    assert sorted(found) == list(range(len(lengths)))
    for place, number in enumerate(found):
        overtaken = [other for other in found[place + 1 :] if other < number]
        assert all(lengths[other] <= lengths[number] for other in overtaken)
        if overtaken:
            assert sum(lengths) - starts[number] < EARLY * workers * lengths[number]


def test_a_film_is_read_by_workers_that_have_not_started(tmp_path: Path) -> None:
    """Workers start as they are wanted, and a film that is not planned wants one: it asks how many there may be."""
    readers: list[int] = []

    class Starting(FakeCrew):
        def room(self) -> int:
            return 64

    def deed(task: Task) -> Found:
        if not task.plan:
            readers.append(task.request.readers)
        return honest(COUNTS, Counter())(task)

    list(run(tmp_path, Starting(deed, {0}), ["a", "b"]))
    assert readers == [64, 64 // 2], "all read the first film, the second is planned while it is worked"


@pytest.mark.parametrize("count", [40, pytest.param(200, marks=pytest.mark.thorough)])
def test_memory_is_flat_over_many_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """The driver holds what is at work, not what is done: 40 films take no more than the first ten."""
    monkeypatch.setattr(Parts, "claim", lambda self: None)
    monkeypatch.setattr(Parts, "missing", lambda self: [segment.number for segment in self._plan.segments])

    def deed(task: Task) -> Found:
        if task.plan is None:
            return plan_of(task.request.film, count)
        return Receipt(task.plan.digest, task.number, FRAMES, 1, "", 1.0, "host", "AVX2")

    def join(job: Job, plan: Plan, parts: Path, arrivals: Arrivals | None) -> Result:
        await_all(plan, arrivals)
        return Result(job.output, plan.frames, 0.1, 0.0, "fast", "cpu", ())

    jobs = [Job(Path(f"/films/{n}.mkv"), tmp_path / f"{n}.mp4") for n in range(40)]
    crew = FakeCrew(deed, set(range(64)))
    made = [0]
    report = Report(made=lambda film, frames, receipt: made.__setitem__(0, made[0] + 1))
    films = Schedule(jobs, crew, lambda job: Request(job.source, "", RunSettings(), ShotSettings()), join, report)
    used: list[int] = []
    tracemalloc.start()
    try:
        for outcome in films.outcomes():
            assert outcome.status == "done"
            used.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert made[0] == 40 * count
    assert max(used[10:]) < 1.2 * max(used[:10])
