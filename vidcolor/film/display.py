"""How large and which way up a screen shows a film, and its pictures in grey. Without torch, which takes a second."""

from __future__ import annotations

import cv2
import numpy as np

from vidcolor.color.arrays import RgbImage
from vidcolor.film.frame import Frame, VideoInfo

_BT2020_PRIMARIES, _PQ, _HLG = 9, 16, 18  # H.273, tables 2 and 3


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


def grey_picture(frame: Frame, info: VideoInfo, max_side: int) -> RgbImage:
    """Return the grey sRGB picture ``(H, W, 3)`` that a frame shows, upright and with square pixels.

    Args:
        max_side: Longest side of the picture, in pixels.
    """
    size, tags = display_size(info, max_side), frame.tags
    if tags.transfer in (_PQ, _HLG) or tags.primaries == _BT2020_PRIMARIES:
        from vidcolor.film import rgb  # with torch: few films need it

        shown = rgb.rgb_to_srgb(rgb.frame_to_rgb(frame, rgb.without_color(frame), *size), tags)
        return upright(rgb.rgb_to_codes(shown), info)
    luma = np.ascontiguousarray(frame.luma)
    smaller = size[0] * size[1] < luma.size
    luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    share = (luma.astype(np.float32) - frame.black) * np.float32(255 / frame.span)
    grey = np.rint(share.clip(0, 255)).astype(np.uint8)
    return upright(np.repeat(grey[..., None], 3, axis=2), info)
