"""How a run is trained, as one frozen value."""

from __future__ import annotations

import math
import os
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
    smallest_crop: float = 0.6
    """Side of the smallest random square, as a share of the photo's short side; 1 takes the whole."""
    mirror: bool = True
    """Mirror half of the photos."""
    loss: Literal["regression", "mse", "psnr", "perceptual", "classification"] = "regression"
    gradient: float = 0.0
    """Weight of a loss on the differences of ab between neighbours, beside the main loss."""
    steadiness: float = 0.0
    """Weight of the distance in ab units between two views of a photo, aged in different ways and a little moved; each
    batch is then half as many photos, shown twice."""
    features: float = 0.0
    """Weight of the distance of colorized from true pictures of a batch, as sets, in the features of a classifier."""
    optimizer: Literal["adamw", "adam"] = "adamw"
    lr: float = 2e-3
    """Peak learning rate of new layers."""
    encoder_lr: float = 0.3
    """The encoder's share of it, when it starts pretrained."""
    weight_decay: float = 1e-2
    dropout: float = 0.0
    """Share of the channels before the fusion that are silenced in each picture (FusionNet, with a moving average)."""
    drop_path: float = 0.0
    """Share of the pictures that skip the encoder's last residual block, fewer at earlier ones (likewise)."""
    warmup_steps: int = 200
    schedule: Literal["cosine", "constant"] = "cosine"
    clip_norm: float = 1.0
    """Gradients are scaled down to this norm; 0 leaves them alone."""
    ema: float = 0.999
    """Decay of the exponential moving average that is validated and kept; 0 turns it off."""
    film: float = 0.7
    """Share of the pictures whose grey copy is made as old film would have made it."""
    enlarged: float = 0.3
    """Share of the batches whose grey copies are enlarged from smaller ones, as small photos and films are."""
    sharpness: float = 0.5
    """Share of the pictures whose grey copy is made softer or sharper."""
    borders: float = 0.1
    """Share of the pictures that get a neutral border."""
    blanks: float = 0.03
    """Share of the pictures that show nothing and are neutral, as leader, fades and title cards are."""
    hints: float = 0.65
    """Share of the pictures that are shown with hints, drawn from their true colors, when the network takes any."""
    val_share: float = 0.03
    """Held out for validation when no validation data are named."""
    val_limit: int = 600
    """Validate on at most this many photos."""
    validate_every: int = 1
    """Validate and keep checkpoints after so many epochs, and after the last: on a GPU epochs take seconds."""
    patience: int = 0
    """Stop after this many epochs without a better validation loss; 0 never stops early."""
    save_minutes: float = 5.0
    """Time between two saves of the whole state."""
    colorfulness: float = 0.62
    """The finished model's gain brings its colors to this share of the truth's colorfulness; 0 leaves them alone."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Number type of the network's convolutions; auto is bf16 where the device computes in it."""
    seed: int = 0
    workers: int = -1
    """Processes that read photos; 0: the training process does; -1: all cores but two beside a GPU, else 0."""


def reading_workers(workers: int, device_type: str, ranks: int) -> int:
    """How many processes read photos: as many as asked for, or automatic (see :attr:`TrainConfig.workers`).

    A GPU would wait for one process that decodes; on a CPU the network itself takes all cores.
    """
    if workers >= 0:
        return workers
    return max(1, (os.cpu_count() or 2) // ranks - 2) if device_type == "cuda" else 0


def learning_rate(step: int, total: int, config: TrainConfig) -> float:
    """The factor on the peak learning rate at a step: linear warm-up, then a half cosine to zero, or flat."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return 1.0
    done = (step - config.warmup_steps) / max(1, total - config.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
