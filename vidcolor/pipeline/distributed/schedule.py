"""Which worker does what next: many films over many workers, until each film is joined or has failed.

Workers die, machines vanish, single films cannot be read: a segment that is lost goes to another worker, a machine that
is unfit gets no more work, and a film that fails leaves the others alone. What engine the workers run on is not known
here; memory does not grow with the number of segments.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from vidcolor.errors import OutputError, PartsError, UnfitError
from vidcolor.pipeline.distributed.joiner import Arrivals
from vidcolor.pipeline.distributed.parts import Parts, Receipt
from vidcolor.pipeline.distributed.plan import Plan
from vidcolor.pipeline.distributed.planner import Outline, finish_plan
from vidcolor.pipeline.distributed.ranges import Reading
from vidcolor.pipeline.distributed.station import Request
from vidcolor.pipeline.distributed.tasks import Crew, Key, LostError, News, Report, Task, Worker, in_order
from vidcolor.pipeline.result import Job, Outcome, Result

TRIES = 8  # of one task, when its worker is lost, before its film is given up
AHEAD = 3  # segments for each worker that are laid out ahead: below it the next film is planned first
JOINS = 2  # films that are joined at the same time
MADE = 0.5  # of a film's frames, that have to be made before it is joined with the others as they come
READERS = 16  # of a film, where others are worked meanwhile: with more, what is read twice weighs too much
PATIENCE = 1.0  # seconds that are waited for news before joins are looked at
SLOW = 1.2  # times as long as usual, after which an idle worker makes a segment too: the first of the two counts
LATE = 10.0  # seconds that it has to be at work at least: a worker that is new loads its network first


@dataclass
class _Film:
    """A film on its way.

    Attributes:
        todo: What no worker does yet, of what can be done.
        left: Segments that have yet to be made.
        arrivals: Tells who joins the film of those that are made.
        ahead: Whether it may be joined while it is made.
        at_work: How many workers do the same.
        readings: Of its ranges, while it is read in several places.
        tries: Of tasks that failed.
        done, resumed: Frames that are made, and of these those of an earlier run.
    """

    number: int
    job: Job
    request: Request
    folder: Path
    plan: Plan | None = None
    outline: Outline | None = None
    readings: dict[int, Reading] = field(default_factory=dict)
    todo: deque[Key] = field(default_factory=lambda: deque([("plan", 0)]))
    left: set[int] = field(default_factory=set)
    at_work: Counter[Key] = field(default_factory=Counter)
    tries: Counter[Key] = field(default_factory=Counter)
    done: int = 0
    resumed: int = 0
    arrivals: Arrivals = field(default_factory=Arrivals)
    joining: Future[Result] | None = None
    ahead: bool = True
    repaired: bool = False
    began: float = 0.0

    @property
    def longest_to_do(self) -> int:
        """The frames of the longest segment that no worker has begun."""
        return max((self.plan.segments[n].frames for _, n in self.todo), default=0) if self.plan else 0

    def task(self, key: Key) -> Task:
        """Return what is to be done as a task."""
        kind, number = key
        if kind == "make":
            return Task(self.number, self.request, self.plan, None, number, self.folder)
        part = self.outline.ranges[number] if self.outline and kind == "read" else None
        return Task(self.number, self.request, None, part, number)


class Schedule:
    """Brings films through a crew.

    Args:
        jobs: Films with where their colors go.
        request: Tells how a film is planned.
        join: Joins a film's parts: those that are there, or each as it comes if it is told how they arrive.
        report: Told on the way.
        joiner: Runs it; by default in threads of this process.
        clock: Seconds that pass.
        parts: Gives the parts in a folder.
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        crew: Crew,
        request: Callable[[Job], Request],
        join: Callable[[Job, Plan, Path, Arrivals | None], Result],
        report: Report,
        *,
        joiner: Executor | None = None,
        clock: Callable[[], float] = time.monotonic,
        parts: Callable[[Path, Plan], Parts] = Parts,
    ) -> None:
        self._crew, self._request, self._join, self._report = crew, request, join, report
        self._joiner = joiner or ThreadPoolExecutor(JOINS, "join")
        self._clock, self._parts = clock, parts
        self._waiting = deque(enumerate(jobs))
        self._films: dict[int, _Film] = {}  # planned, or about to be
        self._running: dict[Worker, tuple[Task, float]] = {}  # with when it was begun
        self._late: dict[int, Path] = {}  # films that are done while somebody still makes a segment of them
        self._made = (0, 0.0)  # frames, and seconds that they took
        self._kept = 0

    def outcomes(self) -> Iterator[Outcome]:
        """Yield what became of each film, as soon as it is known.

        Raises:
            VidcolorError: nobody is left to do the work.
            KeyboardInterrupt: its text tells what is kept.
        """
        try:
            while self._films or self._waiting:
                self._hand_out()
                for news in self._crew.news(PATIENCE):
                    yield from self._take(news)
                yield from self._joined()
                self._join_ahead()
        except KeyboardInterrupt:
            raise KeyboardInterrupt("finished segments are kept" if self._kept else "") from None
        finally:
            for film in self._films.values():
                film.arrivals.stop()
            self._joiner.shutdown(wait=True, cancel_futures=True)
            for folder in self._late.values():
                shutil.rmtree(folder, ignore_errors=True)

    def _hand_out(self) -> None:
        idle = deque(self._crew.idle())
        while idle and (task := self._spare() or self._next()):
            worker = idle.popleft()
            self._running[worker] = (task, self._clock())
            self._films[task.film].at_work[task.key] += 1
            self._crew.start(worker, task)
        left = sum(len(film.todo) + film.at_work.total() for film in self._films.values())
        self._crew.wanted(left + len(self._waiting))

    def _next(self) -> Task | None:
        """Return what is most urgent: a film's plan while little else is left to do, else the oldest film's next."""
        ready, workers = [film for film in self._films.values() if film.todo], self._crew.room()
        if self._waiting and sum(len(film.todo) for film in ready) < AHEAD * workers:
            share = workers // (len(self._films) + len(self._waiting))
            number, job = self._waiting.popleft()
            # All wait for the first film, and read it; the next ones are planned while others are worked.
            readers = min(workers, max(READERS, share)) if self._films else workers
            request = replace(self._request(job), readers=readers)
            film = _Film(number, job, request, parts_folder(job.output), began=self._clock())
            self._films[number] = film
            return film.task(film.todo.popleft())
        if not ready:
            return None
        return ready[0].task(ready[0].todo.popleft())

    def _spare(self) -> Task | None:
        """Return a segment that another worker has been at for too long, if the last film would wait for it.

        So it would when all that is left to do is shorter.
        """
        frames, seconds = self._made
        if not frames or self._waiting or any(not film.plan for film in self._films.values()):
            return None
        now, late = self._clock(), []
        for number, (task, since) in enumerate(self._running.values()):
            film = self._films.get(task.film)
            if film is None or task.plan is None or task.number not in film.left or film.at_work[task.key] > 1:
                continue
            length = task.plan.segments[task.number].frames
            excess = now - since - max(LATE, SLOW * length * seconds / frames)
            if excess > 0:
                late.append((excess, number, length, task))
        least = max((film.longest_to_do for film in self._films.values()), default=0) if late else 0
        return max((each for each in late if each[2] >= least), default=(None,))[-1]

    def _take(self, news: News) -> Iterator[Outcome]:
        task, since = self._running.pop(news.worker)
        film = self._films.get(task.film)
        if film is None:  # it is done, or has failed meanwhile
            if task.film in self._late and not any(other.film == task.film for other, _ in self._running.values()):
                shutil.rmtree(self._late.pop(task.film), ignore_errors=True)
            return
        if isinstance(news.found, UnfitError):
            self._crew.dismiss(news.worker, f"{news.found.what}: {news.found.why}")
            self._report.note(Path(), f"{news.found}")
        film.at_work -= Counter([task.key])  # what comes to nothing is left out
        try:
            if isinstance(news.found, Receipt):
                self._count(film, news.found, self._clock() - since)
            elif isinstance(news.found, Reading):
                self._gather(film, task.number, news.found)
            elif isinstance(news.found, Outline):
                film.outline = news.found
                film.todo.extend(("read", number) for number in range(len(news.found.ranges)))
            elif isinstance(news.found, Plan):
                self._lay_out(film, news.found)
            else:
                self._again(film, task, news.found)
        except Exception as error:
            del self._films[film.number]
            film.arrivals.stop()
            yield Outcome.failed(film.job, error)

    def _gather(self, film: _Film, number: int, reading: Reading) -> None:
        """Take what was seen of a range; with the last of them the film is planned."""
        assert film.outline is not None
        film.readings[number] = reading
        if len(film.readings) < len(film.outline.ranges):
            return
        plan = finish_plan(film.outline, [film.readings[place] for place in range(len(film.readings))])
        film.outline, film.readings = None, {}
        if plan is None:  # it has to be read in one pass
            film.request = replace(film.request, readers=0)
            film.todo.append(("plan", 0))
        else:
            self._lay_out(film, plan)

    def _lay_out(self, film: _Film, plan: Plan) -> None:
        film.plan = plan
        parts = self._parts(film.folder, plan)
        parts.claim()
        missing = parts.missing()
        film.left, film.arrivals = set(missing), Arrivals(missing)
        film.todo.extend(("make", n) for n in in_order([plan.segments[n] for n in missing], self._crew.room()))
        film.done = film.resumed = plan.frames - sum(plan.segments[number].frames for number in missing)
        self._kept += film.done
        self._report.planned(film.job.source, plan.frames, film.done)
        self._join_if_done(film)

    def _count(self, film: _Film, receipt: Receipt, seconds: float) -> None:
        self._made = (self._made[0] + receipt.frames, self._made[1] + seconds)
        if receipt.segment not in film.left:  # two have made it
            return
        film.left.remove(receipt.segment)
        film.arrivals.add(receipt.segment)
        film.done += receipt.frames
        self._kept += receipt.frames
        self._report.made(film.job.source, film.done, receipt)
        self._join_if_done(film)

    def _join_if_done(self, film: _Film) -> None:
        if film.plan and not film.left and film.joining is None:
            film.joining = self._joiner.submit(self._join, film.job, film.plan, film.folder, None)

    def _join_ahead(self) -> None:
        """Begin to join the oldest film while it is made, if no other one has to be planned any more.

        So little is left to do when its last segment is made, for which all workers have to wait. Before that the
        workers have other films, and nothing is gained.
        """
        films = self._films.values()
        if self._waiting or any(film.joining and film.left for film in films):
            return
        film = next((film for film in films if film.left and film.ahead), None)
        if film and film.plan and film.done >= MADE * film.plan.frames:
            film.joining = self._joiner.submit(self._join, film.job, film.plan, film.folder, film.arrivals)

    def _again(self, film: _Film, task: Task, error: Exception) -> None:
        """Put a task back, unless it would fail anywhere, or somebody else is at it."""
        if not isinstance(error, LostError | UnfitError):
            raise error
        if isinstance(error, LostError):
            film.tries[task.key] += 1
            if film.tries[task.key] >= TRIES:
                what = f"cannot colorize {film.job.source}"
                why = f"{task} has lost {TRIES} workers, the last one so: {error}"
                remedy = "Look at the memory of the workers' machines; the same command goes on"
                raise OutputError(what, why, remedy)
            self._report.note(film.job.source, f"{task} is begun again: {error}")
        if not film.at_work[task.key] and (not task.plan or task.number in film.left):
            film.todo.appendleft(task.key)

    def _joined(self) -> Iterator[Outcome]:
        for film in [film for film in self._films.values() if film.joining and film.joining.done()]:
            assert film.joining is not None
            try:
                result = self._timed(film, film.joining.result())
            except PartsError as error:
                if self._made_again(film, error.segments):
                    continue
                outcome = Outcome.failed(film.job, error)
            except Exception as error:
                outcome = Outcome.failed(film.job, error)
            else:
                outcome = Outcome(film.job, result)
                if film.at_work.total():
                    self._late[film.number] = film.folder
            del self._films[film.number]
            yield outcome

    def _timed(self, film: _Film, result: Result) -> Result:
        """Return the result of joining with the time that the whole film took."""
        seconds = self._clock() - film.began
        fps = (result.frames - film.resumed) / max(seconds, 1e-9)
        return replace(result, seconds=round(seconds, 3), fps=round(fps, 2), resumed=film.resumed)

    def _made_again(self, film: _Film, segments: Sequence[int]) -> bool:
        """Put parts back that are damaged, unless they were put back before.

        Of a film that is made still, they are put back when all is made, and all of it is looked at.
        """
        if film.left:
            film.joining, film.ahead = None, False
            return True
        if not segments or not film.plan or film.repaired:
            return False
        parts = self._parts(film.folder, film.plan)
        for number in segments:
            parts.forget(number)
        film.todo.extend(("make", number) for number in segments)
        film.left = set(segments)
        film.done -= sum(film.plan.segments[number].frames for number in segments)
        film.joining, film.repaired, film.ahead = None, True, False
        self._report.note(film.job.source, f"{len(segments)} parts are damaged: made again")
        return True


def parts_folder(output: Path) -> Path:
    """Return the folder of a film's parts while it is made, by its whole path: workers run in other folders."""
    return output.absolute().with_name(f".{output.name}.parts")
