"""What came out of coloring a film or photograph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
