"""What a training run leaves behind: its files, and how good they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vidcolor.training.validation import ValidationScores


@dataclass(frozen=True)
class TrainResult:
    """What a run left behind.

    Attributes:
        folder: The run's folder.
        checkpoint: The best epoch's network, calibrated, in half precision.
        epochs: Epochs done; best_epoch: counted from 0.
        scores: Of the best epoch; None in all but the first of several processes.
        broken: Photos that do not decode.
    """

    folder: Path
    checkpoint: Path
    epochs: int
    best_epoch: int
    scores: ValidationScores | None
    broken: tuple[str, ...]
