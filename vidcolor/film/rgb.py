"""Color footage: the truth that training learns from and evaluation compares with.

Colorizing never looks at a film's own chroma; here it is read on purpose, and joined with the luma as R'G'B'.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vidcolor.color.arrays import Chroma
from vidcolor.color.spaces import Matrix, rgb_to_ycbcr, ycbcr_to_rgb
from vidcolor.film.frame import Frame

FloatImage = NDArray[np.float32]


def chroma_of(raw: Any, matrix: Matrix) -> Chroma:
    """Cb and Cr of a decoded picture as code values of its luma's depth, at their own size.

    Of RGB they are computed, in limited range, as its luma is. Grey has none: one neutral pixel stands for it.
    """
    form = raw.format
    if form.is_rgb or form.name == "pal8":
        return _chroma_of_rgb(raw, matrix)
    bits = max(8, form.components[0].bits)
    if len(form.components) < 3:
        neutral = np.full((1, 1), 1 << (bits - 1), np.uint8 if bits == 8 else np.uint16)
        return neutral, neutral
    if not form.name.startswith("yuv") or not form.is_planar or form.is_big_endian:
        raw = raw.reformat(format="yuv444p" if bits == 8 else f"yuv444p{bits}le")  # same matrix and range
    planes = []
    for plane in raw.planes[1:3]:
        kind = np.uint8 if bits == 8 else np.uint16
        rows = np.frombuffer(plane, kind).reshape(-1, plane.line_size // np.dtype(kind).itemsize)
        planes.append(rows[: plane.height, : plane.width])
    return planes[0], planes[1]


def _chroma_of_rgb(raw: Any, matrix: Matrix) -> Chroma:
    deep = max(c.bits for c in raw.format.components) > 8
    rgb = raw.to_ndarray(format="rgb48le" if deep else "rgb24").astype(np.float32) / (65535 if deep else 255)
    cbcr = rgb_to_ycbcr(torch.from_numpy(rgb).permute(2, 0, 1), matrix)[1:].numpy()
    shift = 2 if deep else 0
    codes = np.rint(cbcr * (224 << shift) + (128 << shift)).astype(np.uint16 if deep else np.uint8)
    return codes[0], codes[1]


def picture(frame: Frame, chroma: Chroma, width: int, height: int) -> FloatImage:
    """R'G'B' ``(3, height, width)`` in 0..1 of a frame's luma with chroma planes of any size.

    Made smaller, planes are averaged over areas; the siting of chroma samples (half a pixel at most) is not regarded.
    """
    half = 1 << (frame.bits - 1)
    span = (1 << frame.bits) - 1 if frame.tags.full_range else 224 << (frame.bits - 8)
    cb, cr = ((_scaled(plane, width, height) - half) * np.float32(1 / span) for plane in chroma)
    luma = (_scaled(frame.luma, width, height) - frame.black) * np.float32(1 / frame.span)
    rgb = ycbcr_to_rgb(torch.from_numpy(np.stack([luma, cb, cr])), frame.tags.matrix).clamp(0, 1)
    return np.ascontiguousarray(rgb.numpy())


def _scaled(plane: NDArray[Any], width: int, height: int) -> FloatImage:
    if plane.shape != (height, width):
        smaller = width * height < plane.size
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        plane = cv2.resize(np.ascontiguousarray(plane), (width, height), interpolation=how)
    return plane.astype(np.float32)
