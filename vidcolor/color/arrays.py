"""Names for the arrays that travel through vidcolor: heights come before widths."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8] | NDArray[np.uint16]
"""Code values ``(H, W)`` of one plane."""

Chroma = tuple[Luma, Luma]
"""Cb and Cr as code values, at a size of their own."""

Plane = NDArray[np.float32]
"""Values ``(H, W)`` or ``(C, H, W)``; Y' lies in 0..1."""

RgbImage = NDArray[np.uint8]
"""A picture ``(H, W, 3)`` in sRGB."""
