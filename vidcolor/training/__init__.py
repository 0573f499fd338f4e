"""Training: photos in, a checkpoint out, with curves and sample pictures on the way."""

from __future__ import annotations

from vidcolor.training.config import TrainConfig
from vidcolor.training.loop import TrainResult, train

__all__ = ["TrainConfig", "TrainResult", "train"]
