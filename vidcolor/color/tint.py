"""Whether a picture is in color, of a single tint (sepia, dyed, toned), or grey.

The limits were set on real material: color clips, old films, sepia prints and photographs (docs/training.md has the
figures).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vidcolor.color.arrays import RgbImage
from vidcolor.color.spaces import rgb_to_lab

SIDE = 64  # pixels, the short side of the copy that is judged: averaging takes the noise of scans and codecs away
BLACK = 12.0  # L*: a picture whose brightest tenth stays below is black
FADED = 20.0  # L* between the darkest and the brightest fiftieth: below, the picture is blank, fogged or mid-fade
GREY = 8.0  # ab units: chroma that 19 of 20 pixels stay below
ONE_HUE = 6.0  # ab units: distance from the best tint that 19 of 20 pixels stay below

Kind = Literal["", "grey", "tinted", "colored"]


@dataclass(frozen=True)
class Tint:
    """The colors of a picture, in measures.

    Attributes:
        highlights: L* that a tenth of the picture exceeds.
        contrast: L* between the darkest and the brightest fiftieth.
        chroma: Distance from neutral that 19 of 20 pixels stay below, in ab units.
        hue_spread: Distance from the best tint that 19 of 20 pixels stay below, in ab units.
    """

    highlights: float
    contrast: float
    chroma: float
    hue_spread: float

    @property
    def kind(self) -> Kind:
        """Return what the picture is; "" for one too dark or too flat to tell."""
        if self.highlights < BLACK or self.contrast < FADED:
            return ""
        if self.hue_spread >= ONE_HUE:
            return "colored"
        return "grey" if self.chroma < GREY else "tinted"


def tint_of(image: RgbImage) -> Tint:
    """Return the measures of an sRGB picture ``(H, W, 3)``."""
    rgb = torch.from_numpy(shrink(image, SIDE).astype(np.float32) / 255).permute(2, 0, 1)
    lab = rgb_to_lab(rgb).flatten(1).T.numpy()
    dark, bright, highlights = np.percentile(lab[:, 0], (2, 98, 90))
    chroma = float(np.percentile(np.hypot(lab[:, 1], lab[:, 2]), 95))
    return Tint(float(highlights), float(bright - dark), chroma, _hue_spread(lab))


def shrink(image: NDArray[np.uint8], short_side: int) -> NDArray[np.uint8]:
    """Return a picture with the short side given, averaged over areas; smaller ones are left alone."""
    height, width = image.shape[:2]
    scale = short_side / min(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small: RgbImage = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return small


def _hue_spread(lab: NDArray[np.float32]) -> float:
    """Return how far colors lie from the best tint.

    Grey, sepia, dyed and toned film has one color at each lightness: ab is a smooth function of L*. What is left after
    the best cubic tells of real color. (A threshold on chroma would take sepia, and lose overcast days.)
    """
    lightness, ab = lab[:, 0] / 50 - 1, lab[:, 1:]
    terms = np.stack([lightness**power for power in range(4)], axis=1)
    near = np.ones(len(ab), bool)
    for _ in range(3):  # a colored caption must not bend the fit: what lies farthest is left out of the next one
        tint = terms @ np.linalg.lstsq(terms[near], ab[near], rcond=None)[0]
        distance = np.hypot(*(ab - tint).T)
        near = distance <= np.percentile(distance, 90)
    return float(np.percentile(distance, 95))
