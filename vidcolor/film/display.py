"""How large and which way up a screen shows a film."""

from __future__ import annotations

import numpy as np

from vidcolor.color.arrays import RgbImage
from vidcolor.film.frame import VideoInfo


def display_size(info: VideoInfo, max_side: int) -> tuple[int, int]:
    """Return width and height of the stored picture with square pixels and a long side of at most ``max_side``.

    Never enlarged: where pixels are not square, their longer side is the one that gives way.
    """
    aspect = float(info.sample_aspect)
    width, height = info.width * min(1.0, aspect), info.height / max(1.0, aspect)
    scale = min(1.0, max_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def upright(picture: RgbImage, info: VideoInfo) -> RgbImage:
    """Return a stored picture ``(H, W, 3)`` turned and mirrored as players do."""
    turned = np.rot90(picture, round(info.rotation / 90) % 4)
    return np.ascontiguousarray(turned[:, ::-1] if info.mirrored else turned)
