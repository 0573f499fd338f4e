"""How a run is trained, as one frozen value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TrainConfig:
    """The settings of a training run; they are written into its folder and must be the same on resuming."""

    epochs: int = 10
    batch_size: int = 32
    """Photos a step, over all processes together."""
    sizes: tuple[int, ...] = (128,)
    """Crop sizes in pixels, multiples of 32; each batch takes one of them."""
    loss: Literal["regression", "mse", "classification"] = "regression"
    optimizer: Literal["adamw", "adam"] = "adamw"
    lr: float = 2e-3
    """Peak learning rate of new layers."""
    encoder_lr: float = 0.3
    """The encoder's share of it, when it starts pretrained."""
    weight_decay: float = 1e-2
    warmup_steps: int = 200
    schedule: Literal["cosine", "constant"] = "cosine"
    clip_norm: float = 1.0
    """Gradients are scaled down to this norm; 0 leaves them alone."""
    ema: float = 0.999
    """Decay of the exponential moving average that is validated and kept; 0 turns it off."""
    film: float = 0.7
    """Share of the pictures whose grey copy is made as old film would have made it."""
    borders: float = 0.1
    """Share of the pictures that get a neutral border."""
    val_share: float = 0.03
    """Held out for validation when no validation data are named."""
    val_limit: int = 600
    """Validate on at most this many photos."""
    patience: int = 0
    """Stop after this many epochs without a better validation loss; 0 never stops early."""
    save_minutes: float = 5.0
    """Time between two saves of the whole state."""
    seed: int = 0
    workers: int = 0
    """Processes that read photos; 0 reads in the training process."""


def learning_rate(step: int, total: int, config: TrainConfig) -> float:
    """The factor on the peak learning rate at a step: linear warm-up, then a half cosine to zero, or flat."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return 1.0
    done = (step - config.warmup_steps) / max(1, total - config.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
