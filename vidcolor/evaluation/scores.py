"""What is said about a picture beside its truth, and the means of it.

Every score stands beside the same score of two pictures that need no network: grey, and a constant sepia.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Generic, TypeVar

import torch
from torch import Tensor

from vidcolor.color.metrics import SSIM_WINDOW, ab_error, ciede2000, colorfulness, ssim
from vidcolor.color.spaces import rgb_to_lab
from vidcolor.color.truth import Truth

# a, b of the sepia baseline: the mean over the training photographs of weights/README.md (2,308 of them, middle
# squares), which of all constants has the least squared error.
SEPIA = (1.4, 5.0)
LEAST = 0.5  # of colorfulness, ab error or color difference: a truth below it is grey, and shares of it say nothing


def share(value: float, whole: float) -> float:
    """Return a value as a share of the truth's or grey's own; nan where that is next to nothing."""
    return value / whole if whole >= LEAST else math.nan


@dataclass(frozen=True)
class Color:
    """How colorful a picture is by itself.

    Attributes:
        colorfulness: Hasler and Suesstrunk 2003, signed opponent channels, on 0..255.
        colorfulness_absolute: The same with |rg| and |yb| taken first, as many papers do.
    """

    colorfulness: float
    colorfulness_absolute: float


@dataclass(frozen=True)
class Scores(Color):
    """How near a picture comes to the true one.

    Attributes:
        psnr: dB, sRGB, at most metrics.PSNR_LIMIT.
        ssim: Structural similarity, sRGB, at most 1; nan for pictures of less than 11 pixels a side.
        ciede2000: The mean color difference.
        ab_error: The mean distance in the ab plane.
    """

    psnr: float
    ssim: float
    ciede2000: float
    ab_error: float


def color_of(rgb: Tensor) -> Color:
    """Return how colorful a picture ``(1, 3, H, W)`` is."""
    return Color(float(colorfulness(rgb)), float(colorfulness(rgb, absolute=True)))


def score(truth: Truth, rgb: Tensor) -> Scores:
    """Score a picture ``(1, 3, H, W)`` that claims to be the true one."""
    lab = rgb_to_lab(rgb)
    color = color_of(rgb)
    return Scores(
        colorfulness=color.colorfulness,
        colorfulness_absolute=color.colorfulness_absolute,
        psnr=float(truth.psnr(rgb)),
        ssim=float(ssim(rgb, truth.rgb)) if min(rgb.shape[2:]) >= SSIM_WINDOW else math.nan,
        ciede2000=float(ciede2000(lab, truth.lab)),
        ab_error=float(ab_error(lab, truth.lab)),
    )


def sepia(truth: Truth) -> Tensor:
    """Return the picture in the constant tint of :data:`SEPIA`, sRGB."""
    return truth.with_ab(torch.tensor(SEPIA).to(truth.lab).view(1, 2, 1, 1).expand_as(truth.lab[:, 1:]))


@dataclass(frozen=True)
class Comparison:
    """Colorized, the two baselines, and the truth: of one file, or the means over many."""

    colorized: Scores
    grey: Scores
    sepia: Scores
    truth: Color

    @property
    def gain(self) -> float:
        """Return by how many dB the PSNR is better than grey's."""
        return self.colorized.psnr - self.grey.psnr

    @property
    def ab_reduction(self) -> float:
        """Return the share of grey's ab error that is gone."""
        return 1 - share(self.colorized.ab_error, self.grey.ab_error)

    @property
    def ciede2000_reduction(self) -> float:
        """Return the share of grey's color difference that is gone."""
        return 1 - share(self.colorized.ciede2000, self.grey.ciede2000)

    @property
    def colorfulness_ratio(self) -> float:
        """Return the colorfulness as a share of the truth's."""
        return share(self.colorized.colorfulness, self.truth.colorfulness)


AnyColor = TypeVar("AnyColor", bound=Color)


class Mean(Generic[AnyColor]):
    """The mean of scores, field by field, without keeping them; what a picture does not have is left out."""

    def __init__(self, values: Iterable[AnyColor] = ()) -> None:
        self._kind: type[AnyColor] | None = None
        self._total: Counter[str] = Counter()
        self._count: Counter[str] = Counter()
        for value in values:
            self.push(value)

    def push(self, value: AnyColor) -> None:
        """Take the scores of the next picture; fields that are nan are passed over."""
        self._kind = type(value)
        known = {f.name: number for f in fields(value) if math.isfinite(number := getattr(value, f.name))}
        self._total.update(known)
        self._count.update(known.keys())

    def result(self) -> AnyColor:
        """Return the means so far, nan where no picture had a number. At least one picture must have been taken."""
        assert self._kind is not None
        return self._kind(
            **{f.name: self._total[f.name] / (self._count[f.name] or math.nan) for f in fields(self._kind)}
        )


def mean_comparison(values: Sequence[Comparison]) -> Comparison:
    """Return means over files; every file counts the same."""
    return Comparison(
        colorized=Mean(v.colorized for v in values).result(),
        grey=Mean(v.grey for v in values).result(),
        sepia=Mean(v.sepia for v in values).result(),
        truth=Mean(v.truth for v in values).result(),
    )
