"""What is told of a film at work: how far it is, and what went wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from vidcolor.errors import InputError
from vidcolor.film.frame import Frame
from vidcolor.pipeline.destination import Output
from vidcolor.pipeline.shot_colors import ShotColors
from vidcolor.pipeline.stretches import unreached
from vidcolor.pipeline.work import Work


@dataclass
class Account:
    """The account of a film on its way to its file.

    Attributes:
        progress: Called with frames done and frames expected (0: unknown).
        report: Called with a line for the reader.
        colors: What colors its shots have already.
        expected: Frames of the whole; 0: unknown.
        done: Frames so far, and ``resumed``: of these, how many earlier runs have made.
    """

    work: Work
    writer: Output
    progress: Callable[[int, int], None]
    report: Callable[[str], None]
    colors: ShotColors
    expected: int = 0
    done: int = 0
    resumed: int = 0
    _tallies: deque[tuple[int, dict[str, float]]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.writer.accept = self._accept

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was lost or damaged, a line each."""
        work = self.work
        found = (*self.writer.warnings, *work.video.warnings, *work.stages.warnings)
        return (*found, *unreached(work.settings, work.stages.grading, self.done))

    def _accept(self) -> None:
        """Refuse, just before the film gets its name, what ``strict`` does not allow: nothing may have gone wrong."""
        if self.work.settings.strict and self.warnings:
            what = f"cannot colorize {self.work.video.info.path}"
            raise InputError(what, "; ".join(self.warnings), "Leave out --strict to accept it")

    def count(self) -> None:
        """Count a frame that is colored and encoded."""
        self.done += 1
        self.progress(self.done, self.expected)

    @property
    def tally(self) -> dict[str, float]:
        """What has been counted so far; setting it takes over the counts of an earlier run."""
        return self.work.video.tally | self.colors.tally

    @tally.setter
    def tally(self, counts: Mapping[str, float]) -> None:
        self.work.video.tally = counts
        self.colors.tally = counts

    def tallied(self, stream: Iterator[Frame]) -> Iterator[Frame]:
        """Yield frames, and note what had been counted when each came: decoding runs ahead of what is recorded."""
        self._tallies.clear()
        for frame in stream:
            self._tallies.append((frame.pts, self.work.video.tally))
            yield frame

    def tally_at(self, pts: int) -> dict[str, float]:
        """Return what had been counted when the frame of a time came; earlier frames are not asked for any more."""
        while self._tallies[0][0] != pts:
            self._tallies.popleft()
        return self._tallies[0][1] | self.colors.tally
