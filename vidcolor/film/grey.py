"""The pictures of a film in grey. Without torch, which takes a second to load."""

from __future__ import annotations

import cv2
import numpy as np

from vidcolor.color.arrays import RgbImage
from vidcolor.film.display import display_size, upright
from vidcolor.film.frame import Frame, VideoInfo

_BT2020_PRIMARIES, _PQ, _HLG = 9, 16, 18  # H.273, tables 2 and 3


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
