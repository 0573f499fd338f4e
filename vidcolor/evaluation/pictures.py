"""Pictures between color and grey: what a colorizer is given, and what becomes of its ab."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vidcolor.color.arrays import Plane, RgbImage
from vidcolor.color.spaces import lab_to_rgb
from vidcolor.film.frame import ColorTags, Frame, VideoInfo
from vidcolor.film.rgb import rgb_to_codes
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.chroma import guided_enlarge
from vidcolor.pipeline.view import View
from vidcolor.settings import RunSettings, ShotSettings

Degradation = Literal["none", "film"]

# The short side of pictures that are damaged like film, in pixels. Grain, blur and scratches are drawn in pixels: on
# a picture of ten megapixels none of them would be seen at the network's size.
FILM_SIDE = 256
GREY_TAGS = ColorTags("bt601", full_range=True)


@dataclass(frozen=True)
class Setup:
    """How a model is set up to be measured.

    Attributes:
        predictor: The model on its device.
        size: Short side of the network's picture; 0 is the model's own.
        smooth: Strength of the smoothing along time, of films; 0 is off.
        batch: Pictures that go through the network together; 0: as many as suit the device.
        looks: Whether the network sees all frames of a film.
        hints: Points of a photo, or of a film's first frame, whose true color is told.
        reference: What films are told: "first" or "middle", the frame whose true colors these are, or a picture's file.
    """

    predictor: Predictor
    size: int
    saturation: float
    degrade: Degradation
    smooth: float = ShotSettings.smooth
    batch: int = 0
    looks: str = RunSettings.looks
    hints: int = 0
    reference: str = ""

    def view(self, info: VideoInfo) -> View:
        """Return how the network sees a film or picture.

        Raises:
            InputError: it is in high dynamic range.
        """
        short_side = self.size or self.predictor.model.config.short_side(info.is_still)
        return View(info, short_side, self.predictor.stride)


@dataclass(frozen=True)
class Pictures:
    """What scores were computed from, as 8-bit sRGB ``(H, W, 3)``.

    Attributes:
        grey: What the colorizer was given.
    """

    grey: RgbImage
    colorized: RgbImage
    truth: RgbImage


def seed_of(name: str) -> int:
    """Return a seed that belongs to a name: a file is damaged in the same way whatever stands beside it."""
    return zlib.crc32(name.encode())


def smaller_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """Return width and height with at most the given short side, the shape kept."""
    scale = min(1.0, short_side / min(width, height))
    return round(width * scale), round(height * scale)


def grey_frame(lightness: Tensor, pts: int = 0) -> Frame:
    """Return a black-and-white frame of L* ``(1, 1, H, W)``."""
    grey = lab_to_rgb(F.pad(lightness, (0, 0, 0, 0, 0, 2)))
    return Frame(rgb_to_codes(grey[0])[..., 1], 8, pts, Fraction(1), GREY_TAGS)


def full_size(grey: Frame, luma: Plane, ab: Plane) -> Tensor:
    """Return ab ``(1, 2, H, W)`` at the size of a grey frame: enlarged along its edges, as the chroma of a film is.

    Args:
        grey: From :func:`grey_frame`.
        luma: Its Y' at network size, ``(h, w)``.
        ab: ``(2, h, w)``.
    """
    return torch.from_numpy(guided_enlarge(luma, ab, grey.luma.astype(np.float32) * np.float32(1 / 255)))[None]
