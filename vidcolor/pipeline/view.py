"""How the network sees a film or picture: at which size, which way up."""

from __future__ import annotations

import numpy as np

from vidcolor.color.arrays import Plane
from vidcolor.errors import InputError
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.network.predictor import whole_strides
from vidcolor.pipeline.chroma import shrink_luma

MAX_ASPECT = 4.0  # the long side is at most this many times the short one: longer pictures are squeezed


class View:
    """The network's picture of a film: its shape on the screen, in multiples of the stride.

    Args:
        info: The film or picture, for its size, pixel shape, rotation and mirroring.
        short_side: Of the network's picture, in pixels.
        stride: Of the network.

    Attributes:
        width, height: Of the network's picture, as the film is stored: not turned.

    Raises:
        InputError: the film is in high dynamic range, whose code values mean something else to network and color math.
    """

    def __init__(self, info: VideoInfo, short_side: int, stride: int) -> None:
        if info.hdr:
            why = f"it is in high dynamic range ({info.hdr})"
            raise InputError(f"cannot colorize {info.path}", why, "Convert it to standard dynamic range first")
        aspect = float(info.width * info.sample_aspect / info.height)
        long_side = short_side * min(max(aspect, 1 / aspect), MAX_ASPECT)
        long, short = whole_strides(long_side, stride), whole_strides(short_side, stride)
        self.width, self.height = (long, short) if aspect >= 1 else (short, long)
        # The network knows faces upright only; players turn the picture by multiples of 90 degrees, then mirror it.
        self._turns, self._mirrored = round(info.rotation / 90) % 4, info.mirrored

    def small(self, frame: Frame) -> Plane:
        """Return Y' at network size, ``(h, w)`` in 0..1, as the film is stored."""
        return np.clip(shrink_luma(frame, self.width, self.height), 0, 1)

    def upright(self, planes: Plane) -> Plane:
        """Return planes ``(..., h, w)`` the way up that they are shown, for the network."""
        turned = np.rot90(planes, self._turns, axes=(-2, -1))
        return turned[..., ::-1] if self._mirrored else turned

    def stored(self, planes: Plane) -> Plane:
        """Return planes ``(..., h, w)`` the way up that the film is stored: the inverse of :meth:`upright`."""
        shown = planes[..., ::-1] if self._mirrored else planes
        return np.ascontiguousarray(np.rot90(shown, -self._turns, axes=(-2, -1)))

    def shown(self, frame: Frame) -> Plane:
        """Return Y' at network size as the network sees it: :meth:`small`, upright."""
        return np.ascontiguousarray(self.upright(self.small(frame)))

    @property
    def shown_size(self) -> tuple[int, int]:
        """Return width and height of the network's picture, upright."""
        return (self.height, self.width) if self._turns % 2 else (self.width, self.height)
