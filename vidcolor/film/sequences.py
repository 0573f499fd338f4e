"""Image sequences as films: numbered frames read as they are, and written in colors with exactly their luma.

    sequence = find_sequence("scan/reel_%06d.dpx")          # numbering.py
    reader = open_sequence(sequence, fps=None)               # checks rate, holes, sizes and depths
    writer = SequenceWriter(parse_numbered("out/reel_%06d.dpx"), reader.first)
    for frame in reader.frames():                            # SequenceFrame: a Frame, and its file's depth and header
        writer.write(frame, cb, cr)                          # Cb and Cr as pipeline.chroma gives them

Every frame is a file of its own, so nothing has to be closed, and frames may be written in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcolor.color.codes import rgb_at_luma
from vidcolor.color.spaces import LUMA_WEIGHTS
from vidcolor.errors import InputError
from vidcolor.film.dpx import Header, new_header, read_dpx
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.images.image import TAGS, Image
from vidcolor.film.images.metadata import Metadata
from vidcolor.film.images.reading import picture_size, read_image
from vidcolor.film.images.writing import check_format, losses, write_image
from vidcolor.film.numbering import Numbered, Sequence
from vidcolor.film.transfer import VIDEO, Transfer


@dataclass(frozen=True, eq=False, repr=False)
class SequenceFrame(Frame):
    """A frame together with the picture that its file holds.

    ``luma`` is what a screen shows: for files of video the stored codes themselves at their own depth, for log and
    linear files 16 bits computed from them.

    Attributes:
        still: The stored picture in grey: its luma as stored, opacity, what the codes mean, header and metadata.
        number: Of the file.
    """

    still: Image | None = None
    number: int = 0


@dataclass(frozen=True)
class SequenceReader:
    """An image sequence that has been checked.

    Attributes:
        sequence: Its files.
        rate: Frames per second.
        info: Size, depth and rate, as of any film.
        stored: Width, height and bits of the files' code values.
        timecode: Of the first frame, "hh:mm:ss:ff"; empty when there is none.
        transfer: What code values mean when the caller knows better than the headers; else None.
        notes: What the reader should know, a line each.
    """

    sequence: Sequence
    rate: Fraction
    info: VideoInfo
    stored: tuple[int, int, int]
    timecode: str = ""
    transfer: Transfer | None = None
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> int:
        """Return the number of the first frame."""
        return self.sequence.first

    def frames(self, start: int = 0) -> Iterator[SequenceFrame]:
        """Yield the frames from one on, with pts that count frames from the first.

        Args:
            start: How many frames to leave out.

        Raises:
            InputError: a file is damaged, or of another size or depth than the first.
        """
        for number in self.sequence.numbers[start:]:
            yield self.frame(number)

    def frame(self, number: int) -> SequenceFrame:
        """Return the frame with a number.

        Raises:
            InputError: its file is damaged, or of another size or depth than the first.
        """
        path = self.sequence.name.path(number)
        still = _read(path, self.transfer)
        luma = still.luma()
        if (found := (luma.shape[1], luma.shape[0], still.bits)) != self.stored:
            raise _unlike(path, found, self.stored)
        shown = still.frame(luma, number - self.first, 1 / self.rate)
        return SequenceFrame(
            shown.luma, shown.bits, shown.pts, shown.time_base, shown.tags, alpha=_alpha_of(still, shown.bits),
            still=replace(still, pixels=luma), number=number,
        )  # fmt: skip


def open_sequence(
    sequence: Sequence, fps: Fraction | None = None, transfer: Transfer | None = None, *, check: bool = True
) -> SequenceReader:
    """Return a reader of a sequence, after a look at its first frame and at the headers of all.

    Args:
        fps: Frames per second; None asks the first frame's header.
        transfer: What code values mean; None asks the headers.
        check: Look at all headers; else a frame that is unlike the first is refused only when it is read.

    Raises:
        InputError: it has holes, frames of other sizes or depths, or nothing tells its rate.
    """
    sequence.refuse_gaps()
    path = sequence.name.path(sequence.first)
    still = _read(path, transfer)
    header = Header(still.metadata.header)
    rate = fps or _rate_of(still)
    if rate is None:
        why = "nothing tells how many frames a second it has"
        raise InputError(f"cannot open {sequence}", why, "Tell it with --fps, as --fps 24")
    height, width = still.pixels.shape[:2]
    shown = 16 if still.transfer is not VIDEO else still.bits
    info = replace(
        VideoInfo.of_still(width, height, TAGS, shown, Path(str(sequence))), container="image sequence",
        codec=sequence.name.suffix.lstrip(".").lower(), rate=rate, time_base=1 / rate, frames=len(sequence),
        seconds=float(len(sequence) / rate), sample_aspect=header.pixel_aspect if header.data else Fraction(1),
        alpha=still.alpha is not None,
    )  # fmt: skip
    kind = still.transfer.name
    told = f"its codes are {kind}: colored as it looks developed, and written back as {kind}"
    notes = [told] if still.transfer is not VIDEO else []
    stored = (width, height, still.bits)
    timecode = header.timecode if header.data else ""
    if check:
        for other in sequence.paths:
            if (found := picture_size(other)) and found != stored:
                raise _unlike(other, found, stored)
    return SequenceReader(sequence, rate, info, stored, timecode, transfer, tuple(notes))


def _read(path: Path, transfer: Transfer | None) -> Image:
    if transfer is not None and path.suffix.lower() == ".dpx":
        return read_dpx(path, transfer)
    image = read_image(path)
    return replace(image, transfer=transfer) if transfer is not None and image.pixels.dtype.kind == "u" else image


def _rate_of(still: Image) -> Fraction | None:
    if still.metadata.header:
        return Header(still.metadata.header).rate
    told = dict(still.metadata.attributes).get("framesPerSecond")
    return told if isinstance(told, Fraction) and told > 0 else None


def _alpha_of(still: Image, bits: int) -> NDArray[Any] | None:
    if still.alpha is None or bits == still.bits:
        return still.alpha
    share: NDArray[np.float32] = still.alpha.astype(np.float32) * np.float32(65535 / still.opaque)
    return np.rint(share).astype(np.uint16)


def _unlike(path: Path, found: tuple[int, int, int], first: tuple[int, int, int]) -> InputError:
    differs = "size" if found[:2] != first[:2] else "depth"
    told = [f"{size[0]}x{size[1]}" if differs == "size" else f"{size[2]} bit" for size in (found, first)]
    why = f"its {differs} is {told[0]}, and that of the first frame {told[1]}"
    return InputError(f"cannot open {path}", why, "Take it out, or name a range without it")


class SequenceWriter:
    """Writes frames in colors, a file each.

    Args:
        name: Of the files.
        first: The number of the frame whose pts is 0.
        bits: Depth of frames that do not come from files of their own; 0 takes theirs.
        rate: Frames per second, for the headers of files that had none before.
    """

    def __init__(self, name: Numbered, first: int = 1, *, bits: int = 0, rate: Fraction | None = None) -> None:
        check_format(name.path(first))
        self.name, self.first, self.bits, self.rate = name, first, bits, rate

    def path(self, pts: int) -> Path:
        """Return the file of a frame that is shown ``pts`` frames after the first."""
        return self.name.path(self.first + pts)

    def losses(self, frame: Frame) -> list[str]:
        """Return what files of this kind will not hold of a frame, a line each."""
        return losses(self.path(0), self._grey(frame))

    def write(self, frame: Frame, cb: NDArray[Any], cr: NDArray[Any], *, timecode: str = "") -> Path:
        """Write a frame in colors; its luma is that of its file to the code.

        Args:
            frame: From a sequence, or from a film. Its pts counts frames.
            cb, cr: Codes of the frame's depth and range, of its full size.
            timecode: To note in the header of a DPX file that had none before.

        Raises:
            OutputError: the place cannot be written.
        """
        grey = self._grey(frame)
        red, blue = differences(frame, cb, cr)
        if frame.tags.matrix == TAGS.matrix:
            pixels = grey.transfer.painted(grey.pixels, grey.bits, red, blue)
        else:  # of a film: its own matrix tells which R'G'B' its luma and chroma mean
            top = (1 << grey.bits) - 1
            pixels = rgb_at_luma(grey.pixels, red * top, blue * top, top, matrix=frame.tags.matrix)
        if self.name.suffix.lower() == ".dpx" and not grey.metadata.header and (self.rate or timecode):
            grey = replace(grey, metadata=self._noted(grey, timecode))
        path = self.path(frame.pts)
        write_image(path, replace(grey, pixels=pixels))
        return path

    def _grey(self, frame: Frame) -> Image:
        """Return the frame's luma as its file will hold it."""
        if isinstance(frame, SequenceFrame) and frame.still is not None:
            return frame.still
        bits = self.bits or (8 if frame.bits == 8 else 10 if frame.bits <= 10 else 12 if frame.bits <= 12 else 16)
        if self.name.suffix.lower() != ".dpx":
            bits = 8 if bits == 8 else 16
        top = (1 << bits) - 1
        share = (frame.luma.astype(np.float32) - frame.black) * np.float32(top / frame.span)
        luma = np.rint(np.clip(share, 0, top)).astype(np.uint8 if bits == 8 else np.uint16)
        return Image(luma, bits, _scaled(frame.alpha, frame.bits, bits))

    def _noted(self, grey: Image, timecode: str) -> Metadata:
        height, width = grey.pixels.shape
        header = new_header(width, height, grey.bits, grey.transfer, 3 if grey.alpha is None else 4)
        header = header.with_rate(self.rate) if self.rate else header
        return replace(grey.metadata, header=(header.with_timecode(timecode) if timecode else header).data)


def _scaled(alpha: NDArray[Any] | None, bits: int, wanted: int) -> NDArray[Any] | None:
    if alpha is None or bits == wanted:
        return alpha
    share: NDArray[np.float32] = alpha.astype(np.float32) * np.float32(((1 << wanted) - 1) / ((1 << bits) - 1))
    return np.rint(share).astype(np.uint8 if wanted == 8 else np.uint16)


def differences(frame: Frame, cb: NDArray[Any], cr: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return R' - Y' and B' - Y' in units of white, of a frame's Cb and Cr codes."""
    half = np.float32(1 << (frame.bits - 1))
    span = (1 << frame.bits) - 1 if frame.tags.full_range else 224 << (frame.bits - 8)
    kr, kb = LUMA_WEIGHTS[frame.tags.matrix]
    red = (cr.astype(np.float32) - half) * np.float32(2 * (1 - kr) / span)
    blue = (cb.astype(np.float32) - half) * np.float32(2 * (1 - kb) / span)
    return red, blue
