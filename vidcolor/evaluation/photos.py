"""Photos turned grey, colorized at full size, and compared."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from vidcolor.color.arrays import RgbImage
from vidcolor.data.degrade import old_film
from vidcolor.data.photos import BrokenPhotos, Photo
from vidcolor.errors import DataError
from vidcolor.evaluation.pictures import (
    FILM_SIDE,
    GREY_TAGS,
    Degradation,
    Pictures,
    Settings,
    full_size,
    grey_frame,
    seed_of,
    shrink_to,
)
from vidcolor.evaluation.scores import Comparison, Truth
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.prefetch import prefetch
from vidcolor.film.rgb import rgb_to_codes
from vidcolor.pipeline.view import Colorizer, network_size

CHUNK_PHOTOS = 64  # read together, so that those of one network size share batches
CHUNK_PIXELS = 1 << 25  # and at most this many pixels of them: some 100 MB
BATCH = 16


@dataclass(frozen=True)
class PhotoScores:
    """One photo.

    Attributes:
        source: The folder that it lies in.
    """

    name: str
    source: str
    width: int
    height: int
    comparison: Comparison


def evaluate_photos(
    photos: Sequence[Photo], settings: Settings, broken: BrokenPhotos
) -> Iterator[tuple[PhotoScores, Pictures]]:
    """Score photos one after another, in their order.

    Raises:
        DataError: too many photos do not decode; the others are counted in ``broken``.
    """
    colorize = _PhotoColorizer(settings)
    with closing(prefetch(_chunks(photos, settings.degrade, broken), 1)) as chunks:
        for chunk in chunks:
            yield from _evaluate_chunk(chunk, colorize, settings.degrade)


@dataclass(frozen=True)
class _Loaded:
    photo: Photo
    image: RgbImage


def _chunks(photos: Sequence[Photo], degrade: Degradation, broken: BrokenPhotos) -> Iterator[list[_Loaded]]:
    chunk: list[_Loaded] = []
    pixels = 0
    for photo in photos:
        try:
            image = photo.load()
        except DataError:
            broken.add([photo.name])
            continue
        if degrade == "film":
            image = shrink_to(image, FILM_SIDE)
        chunk.append(_Loaded(photo, image))
        pixels += image.shape[0] * image.shape[1]
        if len(chunk) == CHUNK_PHOTOS or pixels >= CHUNK_PIXELS:
            yield chunk
            chunk, pixels = [], 0
    if chunk:
        yield chunk


def _evaluate_chunk(
    chunk: Sequence[_Loaded], colorize: _PhotoColorizer, degrade: Degradation
) -> Iterator[tuple[PhotoScores, Pictures]]:
    truths = [Truth.of(torch.from_numpy(item.image).permute(2, 0, 1)[None] / 255) for item in chunk]
    greys = [_grey_frame(item, truth, degrade) for item, truth in zip(chunk, truths, strict=True)]
    for item, truth, grey, ab in zip(chunk, truths, greys, colorize(greys), strict=True):
        colorized = truth.with_ab(ab)
        height, width = item.image.shape[:2]
        comparison = Comparison(
            truth.score(colorized), truth.score(truth.grey()), truth.score(truth.sepia()), truth.color()
        )
        pictures = Pictures(np.repeat(grey.luma[..., None], 3, axis=2), rgb_to_codes(colorized[0]), item.image)
        yield PhotoScores(item.photo.name, item.photo.source, width, height, comparison), pictures


def _grey_frame(item: _Loaded, truth: Truth, degrade: Degradation) -> Frame:
    """The black-and-white picture that the colorizer gets: the true L*, or an old film's."""
    if degrade == "none":
        return grey_frame(truth.lab[:, :1])
    seed = seed_of(item.photo.member or item.photo.path.name)
    return grey_frame(old_film(truth.rgb, Generator().manual_seed(seed)))


class _PhotoColorizer:
    """One network for pictures of all sizes."""

    def __init__(self, settings: Settings) -> None:
        self.size = settings.size or settings.model.config.short_side(still=True)
        self._any = Colorizer(
            settings.model,
            VideoInfo.of_still(32, 32, GREY_TAGS),
            device=settings.device,
            precision=settings.precision,
            size=settings.size,
            saturation=settings.saturation,
        )

    def __call__(self, greys: Sequence[Frame]) -> list[Tensor]:
        """ab ``(1, 2, H, W)`` at each picture's own size."""
        groups: dict[tuple[int, int], list[int]] = {}
        for index, grey in enumerate(greys):
            height, width = grey.luma.shape
            groups.setdefault(network_size(VideoInfo.of_still(width, height, GREY_TAGS), self.size), []).append(index)
        found: dict[int, Tensor] = {}
        for size, indices in groups.items():
            colorizer = copy.copy(self._any)  # shares the weights
            colorizer.width, colorizer.height = size
            for start in range(0, len(indices), BATCH):
                batch = indices[start : start + BATCH]
                lumas = [colorizer.small(greys[index]) for index in batch]
                for index, luma, ab in zip(batch, lumas, colorizer.ab(lumas), strict=True):
                    found[index] = full_size(greys[index], luma, ab)
        return [found[index] for index in range(len(greys))]
