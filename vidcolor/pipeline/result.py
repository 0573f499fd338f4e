"""What came out of coloring: of one film or photograph, and of each of many."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from vidcolor.errors import VidcolorError, reason

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """What came out of a run. ``seconds`` and ``fps`` are those of this run alone.

    Attributes:
        warnings: What was lost or damaged.
        notes: What was done beyond coloring, or was not.
        resumed: Frames taken over from earlier runs.
    """

    output: Path
    frames: int
    seconds: float
    fps: float
    model: str
    device: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()
    resumed: int = 0


@dataclass(frozen=True)
class Job:
    """A file and where its colors go.

    Attributes:
        is_photograph: The file is a single still picture.
    """

    source: Path
    output: Path
    is_photograph: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a job: a result, an error's line, or neither when the output was there already."""

    job: Job
    result: Result | None = None
    error: str = ""

    @property
    def source(self) -> Path:
        """Return the file that was to be colored."""
        return self.job.source

    @property
    def is_photograph(self) -> bool:
        """Return whether the file is a single still picture."""
        return self.job.is_photograph

    @property
    def status(self) -> str:
        """Return one word: failed, done or skipped."""
        return "failed" if self.error else "done" if self.result else "skipped"

    @classmethod
    def failed(cls, job: Job, error: Exception) -> Outcome:
        """Return the outcome of a job that met an error; the traceback of one that nobody foresaw is logged."""
        if isinstance(error, VidcolorError):
            return cls(job, error=str(error))
        if isinstance(error, OSError):  # a folder that cannot be searched, a name that is too long
            return cls(job, error=f"cannot open {job.source}: {reason(error)}.")
        _LOG.error("unexpected error with %s", job.source, exc_info=error)
        return cls(job, error=f"cannot colorize {job.source}: unexpected {type(error).__name__}: {error}.")
