"""What a network is shown of photos, and what it should answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor
from torch.nn import functional as F

from vidcolor.color.spaces import rgb_to_lab
from vidcolor.data.degrade import (
    PartGenerator,
    blank_frames,
    maybe_old_film,
    maybe_sharper,
    maybe_smaller,
    neutral_borders,
)
from vidcolor.data.photos import Photo, train_batches
from vidcolor.training.config import TrainConfig, reading_workers


def seen_and_true(rgb: Tensor, config: TrainConfig, generator: PartGenerator) -> tuple[Tensor, Tensor]:
    """L* as the network is shown it ``(N, 1, H, W)``, and the true Lab, of photos ``(N, 3, H, W)`` in uint8."""
    rgb = rgb / 255
    rgb = neutral_borders(blank_frames(rgb, config.blanks, generator), config.borders, generator)
    lightness = maybe_old_film(maybe_smaller(rgb, config.enlarged, generator), config.film, generator)
    lightness = F.interpolate(lightness, size=rgb.shape[-2:], mode="bilinear", align_corners=False)
    lightness = maybe_sharper(lightness, config.sharpness, generator)
    return lightness.contiguous(memory_format=torch.channels_last), rgb_to_lab(rgb)


def other_crops(
    photos: Sequence[Photo], number: int, sizes: Sequence[int], config: TrainConfig, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """So many photos of the training in crops that no epoch has, as :func:`seen_and_true` gives them, in batches."""
    batches = train_batches(
        photos,
        batch_size=config.batch_size,
        sizes=sizes,
        seed=config.seed,
        epoch=config.epochs,
        smallest_crop=config.smallest_crop,
        workers=reading_workers(config.workers, device.type, 1),
    )
    for step, batch in enumerate(islice(batches, max(1, number // config.batch_size))):
        yield seen_and_true(batch.rgb.to(device), config, PartGenerator.of(0, 1, config.seed * 1_000_003 + step))
