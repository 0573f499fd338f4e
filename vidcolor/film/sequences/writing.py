"""Frames as files: how the frames of a film become numbered pictures in colors, with exactly their luma."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcolor.color.codes import rgb_at_luma
from vidcolor.color.weights import LUMA_WEIGHTS
from vidcolor.film.frame import Frame
from vidcolor.film.images.dpx import new_header
from vidcolor.film.images.image import TAGS, Image
from vidcolor.film.images.metadata import Metadata
from vidcolor.film.images.writing import check_format, losses, write_straight
from vidcolor.film.sequences.numbering import Numbered
from vidcolor.film.sequences.reading import SequenceFrame
from vidcolor.film.timecode import TimecodeClock
from vidcolor.film.transfer import VIDEO


@dataclass(frozen=True)
class FrameFiles:
    """How the frames of a film become files: what an Encoding is for packets.

    Attributes:
        name: Of the files, in no folder.
        width, height: Of the frames.
        bits: Depth of frames that do not come from files of their own; 0 takes theirs.
        rate: Frames per second, for the headers of files that had none before.
        timecode: Of frame 0, for the same; empty when there is none.
        alpha: The files hold opacity.
        first: The number of the file of frame 0, where frames do not come from numbered files.
    """

    name: Numbered
    width: int = 0
    height: int = 0
    bits: int = 0
    rate: Fraction | None = None
    timecode: str = ""
    alpha: bool = True
    first: int = 1

    def __str__(self) -> str:
        return f"numbered {self.name.suffix} files"

    def described(self) -> dict[str, str]:
        """Return what a user would like to know, by its names."""
        return {"size": f"{self.width}x{self.height}", "files": self.name.suffix}

    @property
    def chroma_size(self) -> tuple[int, int]:
        """Return width and height of the chroma planes: those of the frames."""
        return self.width, self.height

    def number(self, frame: Frame, place: int) -> int:
        """Return the number of a frame's file.

        Args:
            place: How many frames of the film come before it.
        """
        return frame.number if isinstance(frame, SequenceFrame) else self.first + place

    def grey(self, frame: Frame) -> Image:
        """Return a frame's luma as its file will hold it: to the code where it comes from a file."""
        if isinstance(frame, SequenceFrame) and frame.still is not None:
            still = frame.still  # whose luma is another only when a look-up table has changed it
            return still if still.transfer is not VIDEO else replace(still, pixels=frame.luma)
        bits = self.bits or (8 if frame.bits == 8 else 10 if frame.bits <= 10 else 12 if frame.bits <= 12 else 16)
        if self.name.suffix.lower() != ".dpx":
            bits = 8 if bits == 8 else 16
        top = (1 << bits) - 1
        share = (frame.luma.astype(np.float32) - frame.black) * np.float32(top / frame.span)
        luma = np.rint(np.clip(share, 0, top)).astype(np.uint8 if bits == 8 else np.uint16)
        return Image(luma, bits, _scaled(frame.alpha, frame.bits, bits))

    def losses(self, frame: Frame) -> list[str]:
        """Return what files of this kind will not hold of a frame, a line each."""
        return losses(self.name.path(0), self.grey(frame))


class FrameWriter:
    """Writes frames in colors into a folder, a file each, in any order.

    Raises:
        OutputError: files of such names hold no colors.
    """

    def __init__(self, files: FrameFiles, folder: Path) -> None:
        check_format(files.name.path(0))
        self._files, self._name = files, replace(files.name, folder=folder)
        self._noted = files.name.suffix.lower() == ".dpx" and bool(files.rate or files.timecode)
        self._clock = TimecodeClock.of(files.rate, files.timecode) if files.rate and files.timecode else None

    def write(self, frame: Frame, chroma: Sequence[NDArray[Any]], place: int) -> Path:
        """Write a frame; its luma is that of its file to the code.

        Args:
            frame: From a sequence, or from a film.
            chroma: Cb and Cr as codes of the frame's depth and range, of its full size.
            place: How many frames of the film come before it.

        Raises:
            OutputError: the place cannot be written.
        """
        grey = self._files.grey(frame)
        red, blue = differences(frame, *chroma)
        if frame.tags.matrix == TAGS.matrix:
            pixels = grey.transfer.painted(grey.pixels, grey.bits, red, blue)
        else:  # of a film: its own matrix tells which R'G'B' its luma and chroma mean
            top = (1 << grey.bits) - 1
            pixels = rgb_at_luma(grey.pixels, red * top, blue * top, top, matrix=frame.tags.matrix)
        if self._noted and not grey.metadata.header:
            grey = replace(grey, metadata=self._with_header(grey, place))
        path = self._name.path(self._files.number(frame, place))
        write_straight(path, replace(grey, pixels=pixels))
        return path

    def _with_header(self, grey: Image, place: int) -> Metadata:
        height, width = grey.pixels.shape
        header = new_header(width, height, grey.bits, grey.transfer, 3 if grey.alpha is None else 4)
        header = header.with_rate(self._files.rate) if self._files.rate else header
        header = header.with_timecode(self._clock.text(place)) if self._clock else header
        return replace(grey.metadata, header=header.data)


def _scaled(alpha: NDArray[Any] | None, bits: int, wanted: int) -> NDArray[Any] | None:
    if alpha is None or bits == wanted:
        return alpha
    share: NDArray[np.float32] = alpha.astype(np.float32) * np.float32(((1 << wanted) - 1) / ((1 << bits) - 1))
    return np.rint(share).astype(np.uint8 if wanted == 8 else np.uint16)


def differences(frame: Frame, cb: NDArray[Any], cr: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return R' - Y' and B' - Y' in units of white, of a frame's Cb and Cr codes."""
    kr, kb = LUMA_WEIGHTS[frame.tags.matrix]
    half, unit = np.float32(frame.neutral), 2 / frame.chroma_span
    red = (cr.astype(np.float32) - half) * np.float32((1 - kr) * unit)
    blue = (cb.astype(np.float32) - half) * np.float32((1 - kb) * unit)
    return red, blue
