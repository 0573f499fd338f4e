"""Photos that are the same in every epoch: validated, shown on sample sheets, measured by batch norms."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from vidcolor.data.degrade import PartGenerator
from vidcolor.data.photos import BrokenPhotos, Photo
from vidcolor.settings import TrainSettings
from vidcolor.training.examples import other_photos, shown_once, step_seed
from vidcolor.training.validation import middle_squares

NORM_PHOTOS = 1920  # that the average's batch norms are measured on after each epoch
SAMPLE_PHOTOS = 4  # from training and from validation, on each sample sheet


class FixedPhotos:
    """The photos of a run that every epoch comes back to, each read when it is first asked for.

    Args:
        photos: Of the training.
        held_out: To validate on.
        size: Side of the squares that are validated and shown, in pixels.
        hints: Whether the network takes hints.
        broken: Gets the names of photos that do not decode.
    """

    def __init__(
        self,
        photos: list[Photo],
        held_out: list[Photo],
        size: int,
        config: TrainSettings,
        hints: bool,
        device: torch.device,
        broken: BrokenPhotos,
    ) -> None:
        self._photos, self._held_out, self._size, self._config = photos, held_out, size, config
        self._hints, self._device, self._broken = hints, device, broken

    @property
    def validated(self) -> list[Photo]:
        """Return the held-out photos that decode."""
        return self._validated[0]

    @property
    def squares(self) -> Tensor:
        """Return the middle squares ``(N, 3, H, W)`` of the held-out photos that decode, uint8 sRGB."""
        return self._validated[1]

    @cached_property
    def samples(self) -> tuple[Tensor, Tensor]:
        """Return the squares on the sample sheets ``(N, 3, H, W)``: of the training, and held out."""
        chosen = np.random.default_rng((self._config.seed, 4)).permutation(len(self._photos))[:SAMPLE_PHOTOS]
        apart = max(1, len(self.squares) // SAMPLE_PHOTOS)
        trained = middle_squares([self._photos[i] for i in chosen], self._broken, self._size)
        return trained, self.squares[::apart][:SAMPLE_PHOTOS]

    def shown_to_norms(self) -> Iterator[tuple[Tensor, ...]]:
        """Yield what batch norms are measured on: aged photos, and hints for as many of them as in training."""
        for step, rgb in enumerate(self._measured):
            generator = PartGenerator.of(0, 1, step_seed(self._config, step), self._device)
            yield shown_once(rgb.to(self._device), self._config, generator, hints=self._hints).inputs

    @cached_property
    def _validated(self) -> tuple[list[Photo], Tensor]:
        broken = BrokenPhotos(len(self._held_out))
        squares = middle_squares(self._held_out, broken, self._size)
        self._broken.names |= broken.names
        return [p for p in self._held_out if p.name not in broken.names], squares

    @cached_property
    def _measured(self) -> list[Tensor]:
        """Return photos of the training in crops that no epoch has."""
        return list(other_photos(self._photos, NORM_PHOTOS, self._config.sizes, self._config, self._device))
