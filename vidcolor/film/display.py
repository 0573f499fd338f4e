"""Color footage as a screen shows it: upright, with square pixels, sRGB."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vidcolor.color.arrays import RgbImage
from vidcolor.color.spaces import bt2020_to_srgb, hlg_to_linear, linear_to_srgb, pq_to_linear, srgb_to_linear
from vidcolor.film.frame import ColorTags, Frame, VideoInfo
from vidcolor.film.rgb import picture

_BT2020_PRIMARIES, _PQ, _HLG = 9, 16, 18  # H.273, tables 2 and 3


def display_size(info: VideoInfo, max_side: int) -> tuple[int, int]:
    """Width and height of the stored picture with square pixels and a long side of at most ``max_side``.

    Never enlarged: where pixels are not square, their longer side is the one that gives way.
    """
    aspect = float(info.sample_aspect)
    width, height = info.width * min(1.0, aspect), info.height / max(1.0, aspect)
    scale = min(1.0, max_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def displayed(frame: Frame, info: VideoInfo, max_side: int) -> RgbImage:
    """The picture ``(H, W, 3)`` that a frame shows, its long side at most ``max_side`` pixels.

    Args:
        frame: With its chroma (decode.frames gives it on request).
    """
    if frame.chroma is None:
        raise ValueError("a frame without its chroma has no colors to show")
    rgb = to_srgb(torch.from_numpy(picture(frame, frame.chroma, *display_size(info, max_side))), frame.tags)
    stored = rgb.mul(255).round().byte().permute(1, 2, 0).numpy()
    upright = np.rot90(stored, round(info.rotation / 90) % 4)
    return np.ascontiguousarray(upright[:, ::-1] if info.mirrored else upright)


def to_srgb(rgb: Tensor, tags: ColorTags) -> Tensor:
    """R'G'B' ``(3, H, W)`` of a film, whatever its primaries and transfer, as sRGB in 0..1.

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
