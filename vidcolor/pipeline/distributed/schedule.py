"""Which worker does what next: many films over many workers, until each film is joined or has failed.

Workers die, machines vanish, single films cannot be read: a segment that is lost goes to another worker, a machine that
is unfit gets no more work, and a film that fails leaves the others alone. What engine the workers run on is not known
here; memory does not grow with the number of segments.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from vidcolor.errors import OutputError, PartsError, UnfitError, VidcolorError
from vidcolor.pipeline.distributed.parts import Parts, Receipt
from vidcolor.pipeline.distributed.plan import Plan
from vidcolor.pipeline.distributed.station import Request
from vidcolor.pipeline.result import Job, Outcome, Result

TRIES = 4  # of one task, when its worker is lost, before its film is given up
AHEAD = 3  # segments for each worker that are laid out ahead: below it the next film is planned first
JOINS = 2  # films that are joined at the same time
PATIENCE = 1.0  # seconds that are waited for news before joins are looked at

Worker = int
"""The name of a worker in its crew."""


class LostError(Exception):
    """A worker has died, or its machine has vanished; the text tells what is known of it."""


@dataclass(frozen=True)
class Task:
    """Something that a worker does: with a plan a segment is made, without one the film is planned."""

    film: int
    request: Request
    plan: Plan | None = None
    number: int = 0
    folder: Path = field(default=Path())


@dataclass(frozen=True)
class News:
    """What has become of a worker's task: a plan, a receipt, or an error."""

    worker: Worker
    task: Task
    found: Plan | Receipt | Exception


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

    def dismiss(self, worker: Worker) -> None:
        """Give a worker's machine nothing more to do."""

    def wanted(self, tasks: int) -> None:
        """Take how many tasks could be done at the same time."""


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


@dataclass
class _Film:
    """A film on its way.

    Attributes:
        todo: Segments that no worker has.
        out: How many segments workers have.
        tries: Of tasks that failed, by their segments; -1 stands for planning.
    """

    number: int
    job: Job
    request: Request
    folder: Path
    plan: Plan | None = None
    is_asked: bool = False
    todo: deque[int] = field(default_factory=deque)
    out: int = 0
    done: int = 0
    tries: dict[int, int] = field(default_factory=dict)
    joining: Future[Result] | None = None
    resumed: int = 0
    repaired: bool = False
    began: float = field(default_factory=time.monotonic)


class Schedule:
    """Brings films through a crew.

    Args:
        jobs: Films with where their colors go.
        request: Tells how a film is planned.
        join: Joins a film's parts; runs in a thread of this process.
        report: Told on the way.
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        crew: Crew,
        request: Callable[[Job], Request],
        join: Callable[[Job, Plan, Path], Result],
        report: Report,
    ) -> None:
        self._crew, self._join, self._report = crew, join, report
        self._request = request
        self._waiting = deque(enumerate(jobs))
        self._films: dict[int, _Film] = {}  # planned, or about to be
        self._joiner = ThreadPoolExecutor(JOINS, "join")
        self._frames_kept = 0

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
        except KeyboardInterrupt:
            kept = "finished segments are kept" if self._frames_kept else ""
            raise KeyboardInterrupt(kept) from None
        finally:
            self._joiner.shutdown(wait=True, cancel_futures=True)

    def _hand_out(self) -> None:
        idle = deque(self._crew.idle())
        workers = len(idle) + sum(film.out for film in self._films.values())
        while idle and (task := self._next(workers)):
            self._crew.start(idle.popleft(), task)
        left = sum(len(film.todo) + film.out for film in self._films.values())
        self._crew.wanted(left + len(self._waiting))

    def _next(self, workers: int) -> Task | None:
        """Return what is most urgent: films that are not planned while little is left, else the oldest film's next."""
        ready = [film for film in self._films.values() if film.todo]
        if sum(len(film.todo) for film in ready) < AHEAD * workers:
            film = next((film for film in self._films.values() if not film.is_asked), None)
            if film is None and self._waiting:
                number, job = self._waiting.popleft()
                film = self._films[number] = _Film(number, job, self._request(job), parts_folder(job.output))
            if film is not None:
                film.is_asked = True
                film.out += 1
                return Task(film.number, film.request)
        if not ready:
            return None
        film = ready[0]
        film.out += 1
        return Task(film.number, film.request, film.plan, film.todo.popleft(), film.folder)

    def _take(self, news: News) -> Iterator[Outcome]:
        film = self._films.get(news.task.film)
        if isinstance(news.found, UnfitError):
            self._crew.dismiss(news.worker)
            self._report.note(Path(), f"{news.found}")
        if film is None:  # it has failed meanwhile
            return
        film.out -= 1
        try:
            if isinstance(news.found, Plan):
                self._lay_out(film, news.found)
            elif isinstance(news.found, Receipt):
                self._count(film, news.found)
            else:
                self._again(film, news)
        except Exception as error:
            del self._films[film.number]
            yield Outcome.failed(film.job, error)

    def _lay_out(self, film: _Film, plan: Plan) -> None:
        film.plan = plan
        parts = Parts(film.folder, plan)
        parts.claim()
        film.todo.extend(parts.missing())
        missing = sum(plan.segments[number].frames for number in film.todo)
        film.done = film.resumed = plan.frames - missing
        self._frames_kept += film.done
        self._report.planned(film.job.source, plan.frames, film.done)
        self._join_if_done(film)

    def _count(self, film: _Film, receipt: Receipt) -> None:
        film.done += receipt.frames
        self._frames_kept += receipt.frames
        film.tries.pop(receipt.segment, None)
        self._report.made(film.job.source, film.done, receipt)
        self._join_if_done(film)

    def _join_if_done(self, film: _Film) -> None:
        if film.plan and not film.todo and not film.out:
            film.joining = self._joiner.submit(self._join, film.job, film.plan, film.folder)

    def _again(self, film: _Film, news: News) -> None:
        """Put a task back, unless it would fail anywhere."""
        task, error = news.task, news.found
        assert isinstance(error, Exception)
        if not isinstance(error, LostError | UnfitError):
            raise error
        key = task.number if task.plan else -1
        if isinstance(error, LostError):
            film.tries[key] = film.tries.get(key, 0) + 1
            if film.tries[key] >= TRIES:
                raise _given_up(film, task, error)
            self._report.note(film.job.source, f"{_named(task)} is begun again: {error}")
        if task.plan:
            film.todo.appendleft(task.number)
        else:
            film.is_asked = False

    def _joined(self) -> Iterator[Outcome]:
        for film in [film for film in self._films.values() if film.joining and film.joining.done()]:
            assert film.joining is not None
            del self._films[film.number]
            try:
                yield Outcome(film.job, self._timed(film, film.joining.result()))
            except PartsError as error:
                if not self._made_again(film, error.segments):
                    yield Outcome.failed(film.job, error)
            except Exception as error:
                yield Outcome.failed(film.job, error)

    def _timed(self, film: _Film, result: Result) -> Result:
        """Return the result of joining with the time that the whole film took."""
        seconds = time.monotonic() - film.began
        fps = (result.frames - film.resumed) / seconds
        return replace(result, seconds=round(seconds, 3), fps=round(fps, 2), resumed=film.resumed)

    def _made_again(self, film: _Film, segments: Sequence[int]) -> bool:
        """Put parts back that are damaged, unless they were put back before."""
        if not segments or not film.plan or film.repaired:
            return False
        parts = Parts(film.folder, film.plan)
        for number in segments:
            parts.forget(number)
        film.todo.extend(segments)
        film.joining, film.repaired = None, True
        self._films[film.number] = film
        self._report.note(film.job.source, f"{len(segments)} parts are damaged: made again")
        return True


def parts_folder(output: Path) -> Path:
    """Return the folder of a film's parts while it is made."""
    return output.with_name(f".{output.name}.parts")


def _named(task: Task) -> str:
    return f"segment {task.number}" if task.plan else "the plan"


def _given_up(film: _Film, task: Task, error: Exception) -> VidcolorError:
    what = f"cannot colorize {film.job.source}"
    why = f"{_named(task)} has lost {TRIES} workers, the last one so: {error}"
    return OutputError(what, why, "Look at the memory of the workers' machines; the same command goes on")
