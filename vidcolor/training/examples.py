"""What a network is shown of photos, and what it should answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor
from torch.nn import functional as F

from vidcolor.color.spaces import rgb_to_lab
from vidcolor.data.degrade import (
    PartGenerator,
    blank_frames,
    drawn,
    maybe_old_film,
    maybe_sharper,
    maybe_smaller,
    neutral_borders,
)
from vidcolor.data.photos import Photo, PhotoReader
from vidcolor.settings import TrainSettings
from vidcolor.training.hints import draw_hints, moved
from vidcolor.training.schedule import reading_workers

VIEWS_MOVED = 3  # pixels at most between two views of a picture
ANOTHER_SEED = 0x5EED  # makes the seed of reels of that of a step


@dataclass(frozen=True)
class Shown:
    """What a network is given in one step.

    Attributes:
        lightness: L* ``(N, 1, H, W)`` as the network sees it.
        truth: Lab ``(N, 3, H, W)``.
        hints: ``(N, 3, H, W)``, if the network takes any.
        moves: When all pictures are there twice, first and second views one after the other: the pixels down and to the
            right by which each second view is moved, ``(N / 2, 2)``.
    """

    lightness: Tensor
    truth: Tensor
    hints: Tensor | None = None
    moves: Tensor | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Return height and width in pixels."""
        height, width = self.lightness.shape[-2:]
        return height, width

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """Return what the network is called with."""
        return (self.lightness,) if self.hints is None else (self.lightness, self.hints)

    def unhinted(self) -> Tensor:
        """Return which of the pictures that are there twice are shown without hints, ``(N / 2,)``."""
        if self.hints is None:
            return torch.ones(len(self.lightness) // 2, dtype=torch.bool, device=self.lightness.device)
        return self.hints[:, 2].amax(dim=(1, 2)).reshape(2, -1).amax(dim=0) == 0


def seen_and_true(rgb: Tensor, config: TrainSettings, generator: PartGenerator) -> tuple[Tensor, Tensor]:
    """Return L* ``(N, 1, H, W)`` as the network is shown it, and the true Lab, of photos ``(N, 3, H, W)`` in uint8."""
    framed = _framed(rgb, config, generator)
    return _aged(framed, config, generator), rgb_to_lab(framed)


def shown_once(rgb: Tensor, config: TrainSettings, generator: PartGenerator, *, hints: bool) -> Shown:
    """Return each of the photos ``(N, 3, H, W)`` in uint8 as it is trained on.

    Args:
        hints: Whether the network takes any; those without are zeros, so that all layers are used in every step.
    """
    lightness, truth = seen_and_true(rgb, config, generator)
    return Shown(lightness, truth, draw_hints(truth, config.hints, generator) if hints else None)


def shown_twice(rgb: Tensor, config: TrainSettings, generator: PartGenerator, *, hints: bool) -> Shown:
    """Return the photos as :func:`shown_once` does, and each once more, a little moved: as two frames of one reel.

    Both are of one emulsion, sharpness and fading; flicker, dust and grain differ. Pictures have hints in both views,
    or in none: what differs between hints may differ in the answer.
    """
    framed = _framed(rgb, config, generator)
    moves = (drawn(torch.rand, (len(rgb), 2), framed, generator) * (2 * VIEWS_MOVED + 1)).floor() - VIEWS_MOVED
    views = (framed, moved(framed, moves))
    # Drawn anew for each view from the same seed, what belongs to the reel comes out the same.
    reel, device = generator.initial_seed() ^ ANOTHER_SEED, generator.device
    reels = (PartGenerator.of(generator.rank, generator.ranks, reel, device) for _ in views)
    lightness = torch.cat([_aged(view, config, one, generator) for view, one in zip(views, reels, strict=True)])
    truths = [rgb_to_lab(view) for view in views]
    given = None
    if hints:
        first, second = (draw_hints(truths[i], share, generator) for i, share in enumerate((config.hints, 1.0)))
        given = torch.cat([first, second * (first[:, 2:].amax(dim=(2, 3), keepdim=True) > 0)])
    return Shown(lightness.contiguous(memory_format=torch.channels_last), torch.cat(truths), given, moves)


def _framed(rgb: Tensor, config: TrainSettings, generator: PartGenerator) -> Tensor:
    """Return sRGB in 0..1 with some pictures of nothing, and some borders."""
    return neutral_borders(blank_frames(rgb / 255, config.blanks, generator), config.borders, generator)


def _aged(rgb: Tensor, config: TrainSettings, generator: PartGenerator, moving: PartGenerator | None = None) -> Tensor:
    """Return L* as films and photos of all kinds show it; ``moving`` as for :func:`vidcolor.data.degrade.old_film`."""
    lightness = maybe_old_film(maybe_smaller(rgb, config.enlarged, generator), config.film, generator, moving)
    lightness = F.interpolate(lightness, size=rgb.shape[-2:], mode="bilinear", align_corners=False)
    lightness = maybe_sharper(lightness, config.sharpness, generator)
    return lightness.contiguous(memory_format=torch.channels_last)


def step_seed(config: TrainSettings, step: int) -> int:
    """Return the seed of all that is drawn in a step."""
    return config.seed * 1_000_003 + step


def other_photos(
    photos: Sequence[Photo], number: int, sizes: Sequence[int], config: TrainSettings, device: torch.device
) -> Iterator[Tensor]:
    """Return so many photos of the training in crops that no epoch has, in batches ``(N, 3, H, W)`` of uint8."""
    reader = PhotoReader(
        photos,
        batch_size=config.batch_size,
        sizes=sizes,
        seed=config.seed,
        smallest_crop=config.smallest_crop,
        workers=reading_workers(config.workers, device.type, 1),
    )
    for batch in islice(reader.epoch(config.epochs), max(1, number // config.batch_size)):
        yield batch.rgb


def other_crops(
    photos: Sequence[Photo], number: int, sizes: Sequence[int], config: TrainSettings, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """Return :func:`other_photos` as :func:`seen_and_true` gives them."""
    for step, rgb in enumerate(other_photos(photos, number, sizes, config, device)):
        yield seen_and_true(rgb.to(device), config, PartGenerator.of(0, 1, step_seed(config, step), device))
