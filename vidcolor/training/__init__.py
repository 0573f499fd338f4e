"""Training: photos in, a checkpoint out, with curves and sample pictures on the way."""

from __future__ import annotations

from vidcolor.training.config import TrainConfig
from vidcolor.training.presets import PRESETS, Preset
from vidcolor.training.result import TrainResult
from vidcolor.training.train import train

__all__ = ["PRESETS", "Preset", "TrainConfig", "TrainResult", "train"]
