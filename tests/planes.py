"""Planes of libav's pictures as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.video.plane import VideoPlane
from numpy.typing import NDArray


def rows_of(plane: VideoPlane, bits: int = 8) -> NDArray[Any]:
    """Return the memory of a plane, rows with their padding; what is written there is in the picture."""
    kind = np.dtype(np.uint8 if bits <= 8 else np.uint16)
    return np.frombuffer(memoryview(plane), kind).reshape(plane.height, -1)
