"""Image sequences as films: numbered frames, a file each, read as they are.

sequence = sequence_at("scan/reel_%06d.dpx")             # numbering.py: also a folder, a pattern, a range
reader = open_sequence(sequence, fps=None)               # checks rate, holes, sizes and depths
writer = FrameWriter(parse_numbered("out/reel_%06d.dpx"))  # frame_files.py
for frame in reader.frames():                            # SequenceFrame: a Frame, and its file's depth and header
    writer.write(frame, cb, cr, frame.number)            # Cb and Cr as pipeline.chroma gives them
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcolor.color.arrays import Chroma, Luma
from vidcolor.color.codes import luma_codes
from vidcolor.color.weights import LUMA_WEIGHTS
from vidcolor.errors import InputError
from vidcolor.film.frame import SEQUENCE, Frame, VideoInfo
from vidcolor.film.images.dpx import Header, read_dpx
from vidcolor.film.images.image import TAGS, Image
from vidcolor.film.images.reading import picture_size, read_image
from vidcolor.film.sequences.numbering import Sequence, find_sequences, refuse_several
from vidcolor.film.shots import Thumbnail, are_alike, thumbnail
from vidcolor.film.transfer import VIDEO, Transfer

_PAIRS = 4  # neighbors that are looked at to tell a film from a collection of photographs


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
        info: Size, depth, rate and timecode, as of any film.
        stored: Width, height and bits of the files' code values.
        meaning: What the code values of the first frame mean.
        transfer: What code values mean when the caller knows better than the headers; else None.
        losses: What the first file holds that is not kept, a line each.
    """

    sequence: Sequence
    rate: Fraction
    info: VideoInfo
    stored: tuple[int, int, int]
    meaning: Transfer = VIDEO
    transfer: Transfer | None = None
    losses: tuple[str, ...] = ()

    @property
    def first(self) -> int:
        """Return the number of the first frame."""
        return self.sequence.first

    @property
    def notes(self) -> list[str]:
        """Return what the reader should know, a line each."""
        kind = self.meaning.name
        told = f"its codes are {kind}: colored as it looks developed, and written back as {kind}"
        return [told] if self.meaning is not VIDEO else []

    def frames(self, start: int = 0, stop: int | None = None, *, chroma: bool = False) -> Iterator[SequenceFrame]:
        """Yield frames with pts that count from the first frame of the sequence.

        Args:
            start, stop: How many frames lie before the first one, and before the end; None: all to the last.
            chroma: Frames carry the colors of their files, as they look developed.

        Raises:
            InputError: a file is damaged, or of another size, depth or kind than the first.
        """
        for number in self.sequence.numbers[start:stop]:
            yield self.frame(number, chroma=chroma)

    def between(
        self,
        start: float,
        duration: float | None,
        *,
        chroma: bool = False,
        near: int | None = None,
        glimpse: float = 0.0,
    ) -> Iterator[SequenceFrame]:
        """Yield the frames from a time on, for some seconds (None: to the end); as :func:`reader.frames` does.

        Raises:
            InputError: the range holds no frame, or a file cannot be used.
        """
        numbers = self.numbers(start, duration)
        if not numbers:
            raise InputError(f"cannot read {self.sequence}", "the range holds no frame", "It is shorter than --start")
        beat = -1
        for number in numbers:
            if near is not None and number < self.first + near:
                continue
            frame, still = self._read(number, chroma=chroma)
            now = int((number - self.first) / (self.rate * Fraction(glimpse))) if glimpse else -1
            if now != beat and not chroma:
                shown = still.pixels if still.transfer is VIDEO else still.as_shown(frame.bits).pixels
                frame = replace(frame, chroma=_colors_of(shown, frame))
            beat = now
            yield frame

    def numbers(self, start: float, duration: float | None) -> tuple[int, ...]:
        """Return the numbers of the frames from a time on, for some seconds (None: to the end)."""
        stop = None if duration is None else self._place(start + duration)
        return self.sequence.numbers[self._place(start) : stop]

    def _place(self, seconds: float) -> int:
        """Return the number of the first frame that is shown at a time or after it, in seconds."""
        return ceil(seconds * self.rate - 1e-6)

    def frame(self, number: int, *, chroma: bool = False) -> SequenceFrame:
        """Return the frame with a number.

        Raises:
            InputError: its file is damaged, or of another size, depth or kind than the first.
        """
        return self._read(number, chroma=chroma)[0]

    def _read(self, number: int, *, chroma: bool) -> tuple[SequenceFrame, Image]:
        """Return a frame, and the picture in its file."""
        path = self.sequence.name.path(number)
        still = _read(path, self.transfer)
        luma = still.luma()
        if (found := (luma.shape[1], luma.shape[0], still.bits)) != self.stored:
            raise _unlike(path, found, self.stored)
        if still.transfer is not self.meaning:
            why = f"its codes are {still.transfer.name}, and those of the first frame {self.meaning.name}"
            raise InputError(f"cannot open {path}", why, "Tell what all are with --transfer, or take it out")
        shown = still.frame(luma, number - self.first, 1 / self.rate)
        if chroma:
            shown = _with_colors(still, shown)
        frame = SequenceFrame(
            shown.luma, shown.bits, shown.pts, shown.time_base, shown.tags, chroma=shown.chroma,
            alpha=_alpha_of(still, shown.bits), still=replace(still, pixels=luma), number=number,
        )  # fmt: skip
        return frame, still


def sequence_at(path: Path | str) -> Sequence | None:
    """Return the sequence that a path, a pattern or a folder means; None when it means something else.

    Numbered TIFF or PNG files of a folder are frames when neighbors among them look alike, as in a film; else they are
    a collection of photographs.

    Raises:
        InputError: no frame has such a name, or a folder holds the frames of several films.
    """
    found = [one for one in find_sequences(path) if not one.guessed or _looks_like_film(one)]
    if len(found) > 1:
        refuse_several(found, path)
    return found[0] if found else None


def is_sequence(path: Path | str) -> bool:
    """Return whether a path, a pattern or a folder means an image sequence; as :func:`sequence_at` says which."""
    return sequence_at(path) is not None


def _looks_like_film(sequence: Sequence) -> bool:
    """Return whether most of some neighbors, evenly chosen, show the same scene: hardly any unrelated pictures do."""
    paths = sequence.paths
    places = np.linspace(0, len(paths) - 2, _PAIRS).round().astype(int).tolist()
    found = [_are_neighbors(paths[place], paths[place + 1]) for place in places]
    known = [alike for alike in found if alike is not None]
    return bool(known) and 2 * sum(known) > len(known)


def _are_neighbors(path: Path, other: Path) -> bool | None:
    """Return whether two files look like neighbors in a film; None when one of them cannot be read."""
    try:
        sizes = [picture_size(each) for each in (path, other)]
        return sizes[0] == sizes[1] and are_alike(_thumbnail(path), _thumbnail(other))
    except InputError:
        return None


def _thumbnail(path: Path) -> Thumbnail:
    image = read_image(path)
    frame = image.frame(image.luma())
    return thumbnail(frame.luma, frame.bits)


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
    info = replace(
        VideoInfo.of_still(width, height, TAGS, min(16, still.bits), Path(str(sequence))), container=SEQUENCE,
        codec=sequence.name.suffix.lstrip(".").lower(), rate=rate, time_base=1 / rate, frames=len(sequence),
        seconds=float(len(sequence) / rate), sample_aspect=header.pixel_aspect if header.data else Fraction(1),
        alpha=still.alpha is not None, timecode=header.timecode if header.data else "",
    )  # fmt: skip
    stored = (width, height, still.bits)
    if check and (known := picture_size(path)):
        for other in sequence.paths[1:]:
            found = picture_size(other)
            if found is None:  # of another format, if it is a picture at all
                image = read_image(other)
                found = (image.pixels.shape[1], image.pixels.shape[0], image.bits)
            if found != known:
                raise _unlike(other, found, known)
    return SequenceReader(sequence, rate, info, stored, still.transfer, transfer, still.losses)


def _read(path: Path, transfer: Transfer | None) -> Image:
    if transfer is not None and path.suffix.lower() == ".dpx":
        return read_dpx(path, transfer)
    image = read_image(path)
    if transfer is None or transfer is image.transfer:
        return image
    if image.pixels.dtype.kind == "f":
        raise InputError(f"cannot open {path}", f"its numbers are light, not {transfer.name}", "Leave out --transfer")
    return replace(image, transfer=transfer)


def _rate_of(still: Image) -> Fraction | None:
    if still.metadata.header:
        return Header(still.metadata.header).rate
    told = dict(still.metadata.attributes).get("framesPerSecond")
    return Fraction(told) if isinstance(told, Fraction | int) and told > 0 else None


def _with_colors(still: Image, shown: Frame) -> Frame:
    """Return a frame with the colors of its file as a screen shows them."""
    if still.pixels.ndim == 2 or still.transfer is VIDEO:
        return replace(shown, chroma=_colors_of(still.pixels, shown))
    # The luma of what is shown is not quite what is shown of the luma.
    rgb = still.as_shown(shown.bits).pixels
    shown = replace(shown, luma=luma_codes(rgb))
    return replace(shown, chroma=_colors_of(rgb, shown))


def _colors_of(pixels: NDArray[Any], shown: Frame) -> Chroma:
    """Return Cb and Cr of a picture at its full size, as codes of the frame's depth; of grey ones, a neutral pixel."""
    if pixels.ndim == 2:
        neutral: Luma = np.full((1, 1), shown.neutral, shown.luma.dtype)
        return neutral, neutral
    kr, kb = LUMA_WEIGHTS[shown.tags.matrix]
    top = (1 << shown.bits) - 1
    planes: list[Luma] = []
    for channel, weight in ((2, kb), (0, kr)):
        part = pixels[..., channel].astype(np.float32)
        part -= shown.luma
        part *= np.float32(1 / (2 * (1 - weight)))
        part += np.float32(shown.neutral)
        codes = np.clip(np.rint(part, out=part), 0, top)
        planes.append(codes.astype(np.uint8) if shown.bits == 8 else codes.astype(np.uint16))
    return planes[0], planes[1]


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
