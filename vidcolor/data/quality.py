"""What makes a frame a good photo: its light, its detail, its colors, and whether another looks the same.

Everything is judged on a small copy of the picture, about the size at which networks see it. The limits were set on
real material: color clips, old films, sepia prints and photographs (docs/training.md has the figures).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color.arrays import RgbImage
from vidcolor.color.tint import BLACK, FADED, Tint, shrink, tint_of

SIDE = 160  # pixels, the short side of the copy that is judged

BLURRED = 0.6  # fine detail over coarse detail; a Gaussian of one pixel at SIDE leaves 0.6 to 0.75

FREQUENCIES = 8  # of a fingerprint's bits: the lowest 8 x 8
LAYOUT = 6  # of a fingerprint's layout: 6 x 6 mean colors
# Two pictures are alike when few of 64 bits differ, or their layouts by little (root mean square, ab units and L*).
# Of 600 unrelated photos no two come nearer than 14 bits or a layout of 10; frames of one shot may come near by chance
# of the camera alone, so they have to differ more.
ALIKE = (12, 9.0)
ALIKE_IN_SHOT = (16, 14.0)


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What survives scaling, encoding and a new grading of a picture.

    Attributes:
        bits: The signs of its lowest frequencies about their median (pHash).
        layout: Lab of 6 x 6 parts of it, flat.
    """

    bits: int
    layout: NDArray[np.float32]


@dataclass(frozen=True)
class Quality:
    """How good a picture is to learn colors from, in measures.

    Attributes:
        tint: Its light and its colors.
        sharpness: Fine detail over coarse detail, in the direction that has less; 0.5 is mush, above 1 is crisp.
        fingerprint: For finding pictures that look the same.
    """

    tint: Tint
    sharpness: float
    fingerprint: Fingerprint

    @property
    def flaw(self) -> str:
        """Return why nobody learns color from it: black, faded, blurred, grey or tinted; "" when it is good."""
        tint = self.tint
        if tint.highlights < BLACK:
            return "black"
        if tint.contrast < FADED:
            return "faded"
        if tint.kind != "colored":
            return tint.kind
        return "blurred" if self.sharpness < BLURRED else ""


def judge(image: RgbImage) -> Quality:
    """Judge an sRGB picture ``(H, W, 3)``."""
    small = shrink(image, SIDE)
    luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    return Quality(tint_of(image), _sharpness(luma), fingerprint(small, luma))


def detail(luma: NDArray[np.uint8]) -> float:
    """Return a quick measure of detail to compare frames of one shot with: curvature, in the direction that has less.

    A camera that moves sideways blurs sideways only.
    """
    across = cv2.meanStdDev(cv2.Sobel(luma, cv2.CV_16S, 2, 0))[1]
    down = cv2.meanStdDev(cv2.Sobel(luma, cv2.CV_16S, 0, 2))[1]
    return float(min(across, down)[0, 0])


def _sharpness(luma: NDArray[np.uint8]) -> float:
    """Return the detail of one pixel over that of two, in the strongest hundredth: one sharp thing is enough."""
    values = luma.astype(np.float32)
    ratios = []
    for direction in ((1, 0), (0, 1)):
        fine, coarse = (_blur(values, sigma, direction) for sigma in (1.0, 2.0))
        strong, soft = (float(np.percentile(np.abs(band), 99)) for band in (values - fine, fine - coarse))
        ratios.append(strong / max(soft, 0.1))
    return min(ratios)


def _blur(values: NDArray[np.float32], sigma: float, direction: tuple[int, int]) -> NDArray[np.float32]:
    taps = cv2.getGaussianKernel(2 * round(4 * sigma) + 1, sigma, cv2.CV_32F)
    none = np.ones((1, 1), np.float32)
    along, across = (taps, none) if direction == (1, 0) else (none, taps)
    blurred: NDArray[np.float32] = cv2.sepFilter2D(values, -1, along, across)
    return blurred


def fingerprint(image: RgbImage, luma: NDArray[np.uint8]) -> Fingerprint:
    """Return the fingerprint of a picture ``(H, W, 3)`` and its luma ``(H, W)``."""
    side = 4 * FREQUENCIES
    waves = cv2.dct(cv2.resize(luma, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32))
    low = waves[:FREQUENCIES, :FREQUENCIES].flatten()
    low[0] = np.median(low[1:])  # the mean brightness says nothing
    parts = cv2.resize(image, (LAYOUT, LAYOUT), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    layout = cv2.cvtColor(parts, cv2.COLOR_RGB2LAB).astype(np.float32).flatten()
    return Fingerprint(int.from_bytes(np.packbits(low > low[0]).tobytes(), "big"), layout)


class Likeness:
    """Remembers pictures by their fingerprints, and finds one that a new picture is alike."""

    def __init__(self) -> None:
        self._count = 0
        self._bits = np.empty(64, np.uint64)
        self._layouts = np.empty((64, 3 * LAYOUT**2), np.float32)
        self._shots = np.empty(64, np.int64)

    def __len__(self) -> int:
        return self._count

    def add(self, seen: Fingerprint, shot: int) -> None:
        """Remember a picture of a shot; it gets the next number, from 0."""
        if self._count == len(self._bits):
            for name in ("_bits", "_layouts", "_shots"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.empty_like(old)]))
        at = self._count
        self._bits[at], self._layouts[at], self._shots[at] = seen.bits, seen.layout, shot
        self._count += 1

    def find(self, seen: Fingerprint, shot: int) -> int | None:
        """Return the number of the first picture that looks like one of the given shot, or None."""
        bits = np.bitwise_xor(self._bits[: self._count], np.uint64(seen.bits))
        differing = np.unpackbits(bits.view(np.uint8).reshape(-1, 8), axis=1).sum(axis=1)
        squares = np.square(self._layouts[: self._count] - seen.layout)
        distance = np.sqrt(squares.sum(axis=1) / LAYOUT**2)
        same = self._shots[: self._count] == shot
        alike = (differing <= np.where(same, ALIKE_IN_SHOT[0], ALIKE[0])) | (
            distance < np.where(same, ALIKE_IN_SHOT[1], ALIKE[1])
        )
        return int(alike.argmax()) if alike.any() else None
