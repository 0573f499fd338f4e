"""The luma, chroma and alpha planes of decoded pictures, whatever their pixel format."""

from __future__ import annotations

import re
from typing import Any

import cv2
import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from vidcolor.color.arrays import Chroma, Luma
from vidcolor.color.weights import LUMA_WEIGHTS, Matrix

# Packed Y'CbCr that PyAV's planes cannot take apart; swscale only moves the values.
_UNPACKED = {8: "yuva444p", 10: "yuv444p10le", 12: "yuv444p12le", 16: "yuva444p16le"}
_HIGH_BITS = re.compile(r"p[024]\d\d|xv\d|v30x|y21\d")  # code values in the upper bits of their words


def luma_and_alpha(raw: VideoFrame, matrix: Matrix) -> tuple[Luma, int, Luma | None]:
    """Return the luma plane of a decoded picture as it is, its bits, and its alpha.

    RGB has no luma: its Y' is computed, in limited range, with 8 bits for 8 and 10 for more.
    """
    form = raw.format
    if form.is_rgb or form.name == "pal8" or form.name.startswith(("gbr", "bayer", "xyz")):
        return _luma_of_rgb(raw, matrix)
    if form.name.startswith("mono"):
        raw = raw.reformat(format="gray")
    elif form.name.startswith(("grayf", "yaf")):
        raw = raw.reformat(format="gray16le")
    elif form.name.startswith("ya"):
        return _interleaved(raw)
    elif not form.is_planar and not form.name.startswith(("gray", "nv", "p0", "p2", "p4")):
        raw = raw.reformat(format=_UNPACKED[next(b for b in _UNPACKED if b >= form.components[0].bits)])
    bits = raw.format.components[0].bits
    luma = _plane(raw, 0, bits)
    if _HIGH_BITS.match(raw.format.name):
        luma = luma >> (16 - bits)
    alpha = _plane(raw, 3, bits) if raw.format.name.startswith("yuva") and "a" in form.name else None
    return luma, max(bits, 8), alpha


def chroma_of(raw: VideoFrame, matrix: Matrix) -> Chroma:
    """Return Cb and Cr of a decoded picture as code values of its luma's depth, at their own size.

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
    cb, cr = (
        _rows(plane, np.dtype(np.uint8 if bits == 8 else np.uint16))[: plane.height, : plane.width]
        for plane in raw.planes[1:3]
    )
    return cb, cr


def has_alpha(form: VideoFormat) -> bool:
    """Return whether a pixel format has an opacity plane; a palette may have one, and mostly has not."""
    return bool(re.match(r"yuva|ya\d|yaf|rgba|bgra|argb|abgr|gbrap|ayuv|vuya", form.name))


def _rows(plane: VideoPlane, kind: np.dtype[Any]) -> NDArray[Any]:
    """Return the memory of a plane as it is, rows with their padding."""
    return np.frombuffer(memoryview(plane), kind).reshape(-1, plane.line_size // kind.itemsize)


def _kind(raw: VideoFrame, bits: int) -> np.dtype[Any]:
    return np.dtype(np.uint8 if bits <= 8 else ">u2" if raw.format.is_big_endian else "<u2")


def _plane(raw: VideoFrame, number: int, bits: int) -> NDArray[Any]:
    kind = _kind(raw, bits)
    rows = _rows(raw.planes[number], kind)[: raw.height, : raw.width]
    return rows.astype(kind.newbyteorder("="), copy=False)


def _interleaved(raw: VideoFrame) -> tuple[Luma, int, Luma]:
    """Return grey and alpha that alternate in one plane."""
    bits = raw.format.components[0].bits
    kind = _kind(raw, bits)
    pairs = _rows(raw.planes[0], kind)[: raw.height, : 2 * raw.width].astype(kind.newbyteorder("="))
    return np.ascontiguousarray(pairs[:, ::2]), bits, np.ascontiguousarray(pairs[:, 1::2])


def _luma_of_rgb(raw: VideoFrame, matrix: Matrix) -> tuple[Luma, int, Luma | None]:
    deep = max(c.bits for c in raw.format.components) > 8
    alpha_too = has_alpha(raw.format)
    bits, top = (10, 65535) if deep else (8, 255)
    rgb = raw.to_ndarray(format=("rgba64le" if alpha_too else "rgb48le") if deep else "rgba" if alpha_too else "rgb24")
    kr, kb = LUMA_WEIGHTS[matrix]
    kind = np.uint16 if deep else np.uint8
    luma = rgb[..., :3].astype(np.float32) @ np.array([kr, 1 - kr - kb, kb], np.float32) / top
    codes = np.rint((luma * 219 + 16) * (1 << (bits - 8))).astype(kind)
    if not alpha_too:
        return codes, bits, None
    alpha: NDArray[Any] = np.ascontiguousarray(rgb[..., 3])
    return codes, bits, (alpha >> 6).astype(kind) if deep else alpha


def _chroma_of_rgb(raw: VideoFrame, matrix: Matrix) -> Chroma:
    deep = max(c.bits for c in raw.format.components) > 8
    top = np.float32(65535 if deep else 255)
    rgb = raw.to_ndarray(format="rgb48le" if deep else "rgb24").astype(np.float32) / top
    kr, kb = LUMA_WEIGHTS[matrix]
    luma = rgb @ np.array([kr, 1 - kr - kb, kb], np.float32)
    shift = 2 if deep else 0

    def codes(color: NDArray[np.float32], weight: float) -> Luma:
        """Return the plane of a color's difference to the luma (ITU-R BT.601-7, 2.5.2)."""
        difference = (color - luma) * np.float32((224 << shift) / (2 * (1 - weight)))
        found: Luma = np.rint(difference + np.float32(128 << shift)).astype(np.uint16 if deep else np.uint8)
        return found

    return codes(rgb[..., 2], kb), codes(rgb[..., 0], kr)


def resize(plane: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """Return a plane at another size: areas averaged when it shrinks, straight lines when it grows (no overshoot)."""
    shrinks = plane.shape[0] > height
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized: NDArray[Any] = cv2.resize(plane, (width, height), interpolation=how)
    return resized
