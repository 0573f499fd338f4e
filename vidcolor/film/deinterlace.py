"""Interlaced film: which frames show two moments at once, and those frames made whole."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import Any, Literal

import cv2
import numpy as np
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from vidcolor.film.filter_chain import filter_chain
from vidcolor.film.planes import luma_and_alpha

Deinterlace = Literal["auto", "on", "off"]
Picture = tuple[VideoFrame, NDArray[Any] | None]  # as decoded, and its new luma where it has one

BLOCK = 16  # pixels; combing is looked for in squares of this side
COMBED_SHARE = 0.003  # share of combed squares from which a frame is; 0.0007 is the most progressive film shows
# What cameras and decoding devices give; taken apart into planes the values stay as they are.
_PLANAR = {
    "nv12": "yuv420p", "nv21": "yuv420p", "yuyv422": "yuv422p", "uyvy422": "yuv422p", "yvyu422": "yuv422p",
}  # fmt: skip
_NOISE = 16.0  # squared code values; what grain adds to both measures


def is_combed(luma: NDArray[Any], bits: int = 8) -> bool:
    """Return whether lines of the two fields stand apart, as they do where something moved between them.

    In a picture of one moment a line is more like its neighbors than like the lines two away. Where the second
    difference over neighbors is more than twice that over every other line, the square is combed.
    """
    if luma.shape[0] < 2 * BLOCK or luma.shape[1] < BLOCK:
        return False
    f = luma.astype(np.float32) * np.float32(2.0 ** (8 - bits))
    near = f[1:-1] * 2 - f[:-2] - f[2:]
    far = f[2:-2] * 2 - f[:-4] - f[4:]
    size = (far.shape[1] // BLOCK, far.shape[0] // BLOCK)
    near, far = (cv2.resize(np.square(d), size, interpolation=cv2.INTER_AREA) for d in (near[1:-1], far))
    return float(np.mean(near > 2 * far + _NOISE)) > COMBED_SHARE


class Deinterlacer:
    """Pictures in, pictures with the luma of one moment out (push / flush); bwdif, one frame out for each in.

    Args:
        mode: "on" takes every frame apart; "auto" those that are marked as interlaced and show combing, from the
            first marked frame on; "off" none.

    Attributes:
        delay: Most frames held back.
        marked: Frames that the film says are interlaced.
        changed: Frames whose luma is no longer the source's.
    """

    delay = 1

    def __init__(self, mode: Deinterlace) -> None:
        self.mode = mode
        self.marked = self.changed = 0
        self._graph: Graph | None = None
        self._shape: tuple[int, int, str] | None = None
        self._pushed = 0
        self._waiting: deque[VideoFrame] = deque()

    def push(self, raw: VideoFrame) -> list[Picture]:
        """Take a decoded picture; give back those that are done, each with its new luma or None."""
        begun = self.mode == "on" or self.marked or self._waiting or raw.interlaced_frame
        if self.mode == "off" or not begun or _planar(raw.format) is None:
            return [*self.flush(), self._done(raw, None)]
        shape = (raw.width, raw.height, raw.format.name)
        done = [] if shape == self._shape else self.flush()
        if self._graph is None:
            self._graph, self._shape, self._pushed = _bwdif(*shape), shape, 0
        self._waiting.append(raw)
        # The filter counts on even times, and writes its own clock into the picture: put back at once.
        pts, time_base = raw.pts, raw.time_base
        raw.pts, raw.time_base = self._pushed, Fraction(1, 25)
        self._graph.vpush(raw)
        raw.pts, raw.time_base = pts, time_base
        self._pushed += 1
        return done + self._ready()

    def flush(self) -> list[Picture]:
        """Return the pictures still held."""
        if self._graph is None:
            return []
        self._graph.vpush(None)
        done = self._ready()
        done += [self._done(raw, None) for raw in self._waiting]
        self._waiting.clear()
        self._graph = self._shape = None
        return done

    def _ready(self) -> list[Picture]:
        done: list[Picture] = []
        while self._graph is not None:
            try:
                whole = self._graph.vpull()
            except (BlockingIOError, EOFError):  # as FFmpegError says that it wants more, or has no more
                return done
            raw = self._waiting.popleft()
            luma = None
            if self.mode == "on" or (raw.interlaced_frame and is_combed(*_luma(raw))):
                luma = _luma(whole)[0]
            done.append(self._done(raw, luma))
        return done

    def _done(self, raw: VideoFrame, luma: NDArray[Any] | None) -> Picture:
        self.marked += raw.interlaced_frame
        self.changed += luma is not None
        return raw, luma


def _planar(form: VideoFormat) -> str | None:
    """Return the format of the same code values with luma in a plane of its own; None where there is none."""
    if form.name in _PLANAR:
        return _PLANAR[form.name]
    apart = form.name.startswith("gray") or (form.name.startswith("yuv") and form.is_planar)
    return str(form.name) if apart else None


def _luma(raw: VideoFrame) -> tuple[NDArray[Any], int]:
    luma, bits, _ = luma_and_alpha(raw, "bt601")
    return luma, bits


def _bwdif(width: int, height: int, pix_fmt: str) -> Graph:
    """Return a filter graph from pictures to their deinterlaced luma."""
    return filter_chain(
        ("buffer", f"video_size={width}x{height}:pix_fmt={pix_fmt}:time_base=1/25:pixel_aspect=1/1"),
        ("format", f"pix_fmts={_PLANAR.get(pix_fmt, pix_fmt)}"),
        ("extractplanes", "planes=y"),
        ("bwdif", "mode=send_frame:parity=auto:deint=all"),
    )
