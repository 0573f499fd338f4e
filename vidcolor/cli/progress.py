"""How far a run is: frames a second, and an estimate of the time left, for one file and for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

INTERVAL = 0.25  # seconds between two looks at a run: more often than that nobody reads


@dataclass(frozen=True)
class Moment:
    """How far a run is at one moment, and how long it will still take.

    Attributes:
        file: What is worked on.
        frame, frames: Frames done, and expected; 0: unknown.
        fps: Frames a second in this run; None before the second frame.
        seconds_left: Of this file; None: unknown.
        number, files: The place of the file among all, from 1.
        all_seconds_left: Of all files; None: unknown.
        begins: Whether the file has just been begun.
    """

    file: str
    frame: int
    frames: int
    fps: float | None
    seconds_left: float | None
    number: int
    files: int
    all_seconds_left: float | None
    begins: bool = False


class _Follower:
    """What all that follow a run know.

    Args:
        weights: How much work each file is, in any unit: the size of the file will do.
        tell: Called with each moment.
        clock: Seconds that pass.
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        tell: Callable[[Moment], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._weights, self._tell, self._clock = dict(weights), tell, clock
        self._done, self._left = 0.0, float(sum(weights.values()))  # shares of the work
        self._began: float | None = None


class Progress(_Follower):
    """Follows a run over one or several files, and tells about it a few times a second, and how far each file came."""

    _number = 0
    _told = -1e9
    _file, _last, _last_told = "", (0, 0), (0, 0)
    _first: tuple[int, float] | None = None

    def begin(self, file: str) -> None:
        """Note that a file is begun."""
        now = self._clock()
        if self._began is None:
            self._began = now
        self._number += 1
        self._file, self._first, self._last = file, None, (0, 0)
        self._look(now, begins=True)

    def step(self, done: int, total: int) -> None:
        """Note how many frames are done of the current file, of so many that are expected (0: unknown)."""
        now = self._clock()
        if self._first is None:  # frames of an earlier run say nothing about the speed of this one
            self._first = (done, now)
        self._last = (done, total)
        if now - self._told >= INTERVAL or done == total:
            self._look(now)

    def end(self, *, skipped: bool = False) -> None:
        """Note that the current file is done, or failed; a skipped one says nothing about the time that others take.

        The last step is told now, if it came too soon after another: a film of a blink would never be told about, nor
        the end of one with fewer frames than were expected.
        """
        if self._last != self._last_told:
            self._look(self._clock())
        weight = self._weights.get(self._file, 0.0)
        self._left -= weight
        self._done += 0.0 if skipped else weight
        self._last = self._last_told = (0, 0)

    def _look(self, now: float, begins: bool = False) -> None:
        self._told, self._last_told = now, self._last
        (done, total), (first, since) = self._last, self._first or (0, now)
        fps = (done - first) / (now - since) if done > first and now > since else None
        left = (total - done) / fps if fps and total >= done else None
        self._tell(
            Moment(
                self._file, done, total, fps, left, self._number, max(self._number, len(self._weights)),
                self._all_left(now, left), begins,
            )
        )  # fmt: skip

    def _all_left(self, now: float, left: float | None) -> float | None:
        if len(self._weights) <= 1:
            return left
        done, total = self._last
        weight = self._weights.get(self._file, 0.0)
        finished = self._done + (weight * done / total if total else 0.0)
        remaining = self._left - (finished - self._done)
        return (now - self._began) * remaining / finished if finished and self._began is not None else None


class FilmsProgress(_Follower):
    """Follows a run that is at several films at the same time, in whatever order their parts come.

    A film's moment tells how fast all of them go together.
    """

    _ended = 0
    _worked = 0  # frames in this run

    def __init__(
        self, weights: Mapping[str, float], tell: Callable[[Moment], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(weights, tell, clock)
        self._frames: dict[str, tuple[int, int]] = {}  # of films at work: done, and all

    def planned(self, file: str, frames: int, done: int) -> None:
        """Take a film's frames, and how many of them an earlier run has done."""
        self._left -= self._share(file, done, frames)
        self._frames[file] = (done, frames)
        if self._began is None:
            self._began = self._clock()
        self._look(file, begins=True)

    def made(self, file: str, done: int) -> None:
        """Take how many of a film's frames are done."""
        before, frames = self._frames[file]
        share = self._share(file, done - before, frames)
        self._done, self._left = self._done + share, self._left - share
        self._worked += done - before
        self._frames[file] = (done, frames)
        self._look(file)

    def end(self, file: str, *, skipped: bool = False) -> None:
        """Take the end of a film: it is done, or has failed; a skipped one was never begun."""
        done, frames = self._frames.pop(file, (0, 0))
        self._left -= self._share(file, frames - done, frames) if frames else self._weights.get(file, 0.0)
        self._ended += 1

    def _share(self, file: str, frames: int, of: int) -> float:
        return self._weights.get(file, 0.0) * frames / of if of else 0.0

    def _look(self, file: str, begins: bool = False) -> None:
        elapsed = self._clock() - self._began if self._began is not None else 0.0
        done, frames = self._frames[file]
        fps = self._worked / elapsed if self._worked and elapsed else None
        left = elapsed * max(0.0, self._left) / self._done if self._done else None
        alone = left if len(self._weights) == 1 else None
        files = max(len(self._weights), self._ended + 1)
        self._tell(Moment(file, done, frames, fps, alone, self._ended + 1, files, left, begins))
