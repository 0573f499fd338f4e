"""R'G'B' code values of exactly a given luma.

A grey scan's luma is what restorers have graded; in an RGB file it lives on as the weighted sum of three whole numbers.
Here the three are chosen so that this sum rounds to the luma that was there.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color.weights import LUMA_WEIGHTS, Matrix

# Those of BT.709, whose primaries are those of sRGB, are taken for all pictures in RGB files.
KR, KB = (np.float32(weight) for weight in LUMA_WEIGHTS["bt709"])
KG = np.float32(1) - KR - KB

Floats = NDArray[np.float32]
_BAND = 1 << 15  # pixels that are solved at a time: they stay in the processor's cache


def luma_codes(rgb: NDArray[Any]) -> NDArray[Any]:
    """Return the luma ``(H, W)`` of R'G'B' codes ``(H, W, 3)``, rounded to a code of the same type."""
    luma: NDArray[Any] = cv2.transform(rgb, np.array([[KR, KG, KB]]))
    return luma


def rgb_at_luma(
    luma: NDArray[Any],
    red: Floats,
    blue: Floats,
    top: int,
    out: NDArray[Any] | None = None,
    matrix: Matrix = "bt709",
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
        matrix: Whose luma it is.
    """
    rgb = np.empty((*luma.shape, 3), luma.dtype) if out is None else out
    kr, kb = (np.float32(weight) for weight in LUMA_WEIGHTS[matrix])
    rows = max(1, _BAND // max(1, luma.shape[1]))
    for start in range(0, len(luma), rows):
        band = slice(start, start + rows)
        _solve(luma[band], red[band], blue[band], np.float32(top), rgb[band], kr, kb)
    return rgb


def _solve(
    luma: NDArray[Any], red: Floats, blue: Floats, top: np.float32, out: NDArray[Any], kr: np.float32, kb: np.float32
) -> None:
    kg = np.float32(1) - kr - kb
    y = luma.astype(np.float32)
    green = (red * kr + blue * kb) * (-1 / kg)
    r, g, b = y + red, y + green, y + blue
    if min(r.min(), g.min(), b.min()) < 0 or max(r.max(), g.max(), b.max()) > top:
        highest, lowest = np.maximum(np.maximum(red, blue), green), np.minimum(np.minimum(red, blue), green)
        tiny = np.float32(1e-6)
        scale = np.minimum((top - y) / np.maximum(highest, tiny), y / np.maximum(-lowest, tiny))
        np.minimum(scale, 1, out=scale)
        r, b = y + red * scale, y + blue * scale
    np.rint(r, out=r)
    np.rint(b, out=b)
    out[..., 0], out[..., 2] = r, b
    r *= kr
    b *= kb
    y -= r
    y -= b
    y *= 1 / kg
    out[..., 1] = np.rint(y, out=y)
