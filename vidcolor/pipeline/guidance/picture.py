"""Hints for a single picture."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color.arrays import Plane
from vidcolor.errors import InputError


def shrunk_hints(hints: NDArray[np.floating], shape: tuple[int, ...], width: int, height: int) -> Plane:
    """Return hints ``(H, W, 3)`` at network size, as ``(3, height, width)``; no point is too small to be kept.

    Args:
        shape: Height and width of the picture, which the hints must have.

    Raises:
        InputError: they have another shape, or weights outside 0..1, or values that are no numbers.
    """
    what = "cannot use the hints"
    known = np.asarray(hints, np.float32)
    if known.shape != (*shape[:2], 3):
        why = f"their shape is {known.shape}, the picture's {tuple(shape[:2])}"
        raise InputError(what, why, "Give (height, width, 3): a, b and a weight for each pixel")
    if not np.isfinite(known).all() or known[..., 2].min() < 0 or known[..., 2].max() > 1:
        raise InputError(what, "a weight is not in 0..1, or a value is no number", "Give weights from 0 to 1")
    weight = known[..., 2]
    share = cv2.resize(weight, (width, height), interpolation=cv2.INTER_AREA)
    colors = cv2.resize(known[..., :2] * weight[..., None], (width, height), interpolation=cv2.INTER_AREA)
    # The largest weight of each cell: in a mean, a point of one pixel would be lost.
    reach = tuple(math.ceil(large / small) for large, small in zip(shape[:2], (height, width), strict=True))
    cells = cv2.dilate(weight, np.ones(reach, np.uint8), anchor=(0, 0))
    largest = cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST)
    largest = np.where(share > 0, largest, 0)
    ab = colors.transpose(2, 0, 1) / np.maximum(share, np.float32(1e-6))
    return np.concatenate([ab, largest[None]]).astype(np.float32)
