"""Photos turned grey, colorized at full size, and compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Generator, Tensor

from vidcolor.color.arrays import Plane, RgbImage
from vidcolor.color.spaces import rgb_to_lab
from vidcolor.color.tint import shrink
from vidcolor.color.truth import Truth
from vidcolor.data.degrade import old_film
from vidcolor.data.photos import BrokenPhotos, Photo
from vidcolor.errors import DataError
from vidcolor.evaluation.pictures import (
    FILM_SIDE,
    GREY_TAGS,
    Degradation,
    Pictures,
    Setup,
    full_size,
    grey_frame,
    seed_of,
)
from vidcolor.evaluation.points import true_points
from vidcolor.evaluation.scores import Comparison, color_of, score, sepia
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.prefetch import prefetch
from vidcolor.film.rgb import rgb_to_codes

CHUNK_PHOTOS = 64  # read together, so that those of one network size share batches
CHUNK_PIXELS = 1 << 23  # and at most this many of their pixels: in three chunks, with their grey, some 100 MB
BATCH = 16


@dataclass(frozen=True)
class PhotoScores:
    """The scores of one photo.

    Attributes:
        source: The folder that it lies in.
    """

    name: str
    source: str
    width: int
    height: int
    comparison: Comparison


def evaluate_photos(
    photos: Sequence[Photo], setup: Setup, broken: BrokenPhotos
) -> Iterator[tuple[PhotoScores, Pictures]]:
    """Score photos one after another, in their order.

    Raises:
        DataError: too many photos do not decode; the others are counted in ``broken``.
    """
    with closing(prefetch(_chunks(photos, setup, broken), 1)) as chunks:
        for chunk in chunks:
            yield from _evaluate_chunk(chunk, setup)


@dataclass(frozen=True)
class _Loaded:
    """A photo, and what the colorizer gets of it.

    Attributes:
        image: In color; grey: the black-and-white picture.
        luma: Its Y' at network size, ``(h, w)``.
        hints: What the network is told of its colors, ``(3, h, w)``; None: nothing.
    """

    photo: Photo
    image: RgbImage
    grey: Frame
    luma: Plane
    hints: Plane | None


def _chunks(photos: Sequence[Photo], setup: Setup, broken: BrokenPhotos) -> Iterator[list[_Loaded]]:
    chunk: list[_Loaded] = []
    pixels = 0
    for photo in photos:
        try:
            image = photo.load()
        except DataError:
            broken.add([photo.name])
            continue
        if setup.degrade == "film":
            image = shrink(image, FILM_SIDE)
        height, width = image.shape[:2]
        grey = _grey_frame(photo, image, setup.degrade)
        view = setup.view(VideoInfo.of_still(width, height, GREY_TAGS))
        luma = view.small(grey)
        hints = _points(photo, image, luma.shape, setup.hints) if setup.hints else None
        chunk.append(_Loaded(photo, image, grey, luma, hints))
        pixels += height * width
        if len(chunk) == CHUNK_PHOTOS or pixels >= CHUNK_PIXELS:
            yield chunk
            chunk, pixels = [], 0
    if chunk:
        yield chunk


def _evaluate_chunk(chunk: Sequence[_Loaded], setup: Setup) -> Iterator[tuple[PhotoScores, Pictures]]:
    # Codes are held of all photos of a chunk, floating-point pictures of one at a time: these are eight times as large.
    planes = setup.predictor.predict(
        [item.luma for item in chunk],
        hints=[item.hints for item in chunk],
        saturation=setup.saturation,
        batch=setup.batch or BATCH,
    )
    for item, ab in zip(chunk, planes, strict=True):
        truth = Truth.of(_to_rgb(item.image))
        colorized = truth.with_ab(full_size(item.grey, item.luma, ab))
        height, width = item.image.shape[:2]
        comparison = Comparison(
            score(truth, colorized), score(truth, truth.grey()), score(truth, sepia(truth)), color_of(truth.rgb)
        )
        pictures = Pictures(np.repeat(item.grey.luma[..., None], 3, axis=2), rgb_to_codes(colorized[0]), item.image)
        yield PhotoScores(item.photo.name, item.photo.source, width, height, comparison), pictures


def _to_rgb(image: RgbImage) -> Tensor:
    """Return an 8-bit picture as sRGB ``(1, 3, H, W)`` in 0..1."""
    return torch.from_numpy(image).permute(2, 0, 1)[None] / 255


def _grey_frame(photo: Photo, image: RgbImage, degrade: Degradation) -> Frame:
    """Return the black-and-white picture that the colorizer gets: the true L*, or an old film's."""
    if degrade == "none":
        return grey_frame(rgb_to_lab(_to_rgb(image))[:, :1])
    return grey_frame(old_film(_to_rgb(image), Generator().manual_seed(_seed(photo))))


def _points(photo: Photo, image: RgbImage, size: tuple[int, ...], count: int) -> Plane:
    """Return some points of a photo with their true colors, as hints of the network's size ``(h, w)``."""
    height, width = size
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return true_points(rgb_to_lab(_to_rgb(small))[0, 1:].numpy(), count, _seed(photo))


def _seed(photo: Photo) -> int:
    return seed_of(photo.member or photo.path.name)
