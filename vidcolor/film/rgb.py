"""A frame as a picture: its luma with chroma of whatever size as R'G'B', and as a screen shows it.

Colorizing never looks at a film's own chroma. Here it is read on purpose, as the truth that training learns from and
evaluation compares with.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidcolor.color.arrays import Chroma, RgbImage
from vidcolor.color.spaces import (
    bt2020_to_srgb,
    hlg_to_linear,
    linear_to_srgb,
    pq_to_linear,
    srgb_to_linear,
    ycbcr_to_rgb,
)
from vidcolor.film.display import display_size, upright
from vidcolor.film.frame import ColorTags, Frame, VideoInfo

FloatImage = NDArray[np.float32]

_BT2020_PRIMARIES, _PQ, _HLG = 9, 16, 18  # H.273, tables 2 and 3


def frame_to_rgb(frame: Frame, chroma: Chroma, width: int, height: int) -> Tensor:
    """Return R'G'B' ``(3, height, width)`` in 0..1 of a frame's luma with chroma planes of any size.

    Made smaller, planes are averaged over areas; the siting of chroma samples (half a pixel at most) is not regarded.
    """
    cb, cr = ((_scaled(plane, width, height) - frame.neutral) * np.float32(1 / frame.chroma_span) for plane in chroma)
    luma = (_scaled(frame.luma, width, height) - frame.black) * np.float32(1 / frame.span)
    return ycbcr_to_rgb(torch.from_numpy(np.stack([luma, cb, cr])), frame.tags.matrix).clamp(0, 1)


def without_color(frame: Frame) -> Chroma:
    """Return chroma planes of one neutral pixel."""
    plane = np.full((1, 1), frame.neutral, frame.luma.dtype)
    return plane, plane


def frame_to_picture(frame: Frame, info: VideoInfo, max_side: int) -> RgbImage:
    """Return the sRGB picture ``(H, W, 3)`` that a frame of color footage shows, upright and with square pixels.

    Args:
        frame: With its chroma (reader.frames gives it on request).
        max_side: Longest side of the picture, in pixels.
    """
    if frame.chroma is None:
        raise ValueError("a frame without its chroma has no colors to show")
    stored = frame_to_rgb(frame, frame.chroma, *display_size(info, max_side))
    return upright(rgb_to_codes(rgb_to_srgb(stored, frame.tags)), info)


def rgb_to_codes(rgb: Tensor) -> RgbImage:
    """Return ``(3, H, W)`` in 0..1 as ``(H, W, 3)`` of 0..255."""
    return rgb.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()


def rgb_to_srgb(rgb: Tensor, tags: ColorTags) -> Tensor:
    """Return R'G'B' ``(3, H, W)`` of a film, whatever its primaries and transfer, as sRGB in 0..1.

    High dynamic range is shown as on a screen as bright as its reference white: brighter things keep their hue.
    """
    if tags.transfer not in (_PQ, _HLG) and tags.primaries != _BT2020_PRIMARIES:
        return rgb.clamp(0, 1)
    decode = {_PQ: pq_to_linear, _HLG: hlg_to_linear}.get(tags.transfer, srgb_to_linear)
    linear = decode(rgb)
    if tags.primaries == _BT2020_PRIMARIES:
        linear = bt2020_to_srgb(linear)
    linear = linear / linear.amax(dim=-3, keepdim=True).clamp(min=1)
    return linear_to_srgb(linear.clamp(0, 1))


def _scaled(plane: NDArray[Any], width: int, height: int) -> FloatImage:
    if plane.shape != (height, width):
        smaller = width * height < plane.size
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        plane = cv2.resize(np.ascontiguousarray(plane), (width, height), interpolation=how)
    return plane.astype(np.float32)
