"""R'G'B' code values of exactly a given luma.

A grey scan's luma is what restorers have graded; in an RGB file it lives on as the weighted sum of three whole numbers.
Here the three are chosen so that this sum rounds to the luma that was there.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color.spaces import LUMA_WEIGHTS

# Those of BT.709, whose primaries are those of sRGB, are taken for all pictures in RGB files.
KR, KB = (np.float32(weight) for weight in LUMA_WEIGHTS["bt709"])
KG = np.float32(1) - KR - KB

Floats = NDArray[np.float32]


def luma_codes(rgb: NDArray[Any]) -> NDArray[Any]:
    """Return the luma ``(H, W)`` of R'G'B' codes ``(H, W, 3)``, rounded to a code of the same type."""
    return cv2.transform(rgb, np.array([[KR, KG, KB]]))


def rgb_at_luma(
    luma: NDArray[Any], red: Floats, blue: Floats, top: int, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Return R'G'B' codes ``(H, W, 3)`` whose luma rounds to the one given: ``luma_codes`` is the inverse.

    Red and blue are rounded to whole codes, and green is what then makes up the luma. Rounding moves the sum by at most
    (Kr + Kb) / 2 for red and blue, which green takes up, and Kg / 2 for green itself: 0.36 of a code, so that the luma
    never rounds to a neighbor. Where a channel would leave 0..top, all three go towards the grey of the same luma.

    Args:
        luma: Codes ``(H, W)``, uint8 or uint16, up to ``top``.
        red, blue: R' - Y' and B' - Y' in codes, ``(H, W)``.
        top: The highest code.
        out: Where to put the result; of the type of ``luma``.
    """
    y = luma.astype(np.float32)
    green = (red * KR + blue * KB) * np.float32(-1 / KG)
    highest = np.maximum(np.maximum(red, blue), green)
    lowest = np.minimum(np.minimum(red, blue), green)
    outside = (y + highest > top) | (y + lowest < 0)
    if outside.any():
        room, depth = top - y[outside], y[outside]
        tiny = np.float32(1e-6)
        scale = np.minimum(room / np.maximum(highest[outside], tiny), depth / np.maximum(-lowest[outside], tiny))
        scale = np.minimum(scale, 1)
        red, blue = red.copy(), blue.copy()
        red[outside] *= scale
        blue[outside] *= scale
    rgb = np.empty((*luma.shape, 3), luma.dtype) if out is None else out
    r, b = np.rint(y + red), np.rint(y + blue)
    rgb[..., 0], rgb[..., 2] = r, b
    r *= -KR
    b *= -KB
    r += b
    r += y
    r *= np.float32(1 / KG)
    rgb[..., 1] = np.rint(r, out=r)
    return rgb
