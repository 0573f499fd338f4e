"""Pictures out: colored frames into packets, by the encoder that suits the container and the film."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from vidcolor.errors import OutputError, reason
from vidcolor.film.containers.container import runs_evenly
from vidcolor.film.encoding.codecs import (
    CONTAINERS,
    COUNTING,
    KNOWN,
    choose_codec,
    choose_pix_fmt,
    codec_options,
    encoder_threads,
    on_this_processor,
)
from vidcolor.film.field_order import CODES, FieldMarker, FieldOrder
from vidcolor.film.frame import ColorTags, Frame, VideoInfo

_TICKING = ("mpeg4", "mpeg2video")  # encoders that know no finer clock
_FINEST = 65535  # ticks a second in MPEG-4 Part 2, the usual codec of AVI
_COLOR_FIELDS = ("color_range", "colorspace", "color_primaries", "color_trc")


@dataclass(frozen=True)
class EncodeSettings:
    """How the picture is encoded. Empty values take the codec's defaults.

    Attributes:
        cores: That the encoder may count on.
    """

    codec: str = ""
    crf: int | None = None
    preset: str = ""
    pix_fmt: str = ""
    cores: int = 1


@dataclass(frozen=True)
class Encoding:
    """All that decides how a film's frames become packets: equal encodings make packets that fit into one stream.

    Attributes:
        bits: Depth of ``pix_fmt``.
        rate: Frames per second, a hint for the encoder's rate control; times come from pts.
        header_apart: Parameter sets go into the container's header, not into the packets.
        options: The encoder's own, with their values.
        threads: That the encoder works in: the bytes of some follow from their number.
        fields: The field that is shown first, where frames are interlaced and the encoder keeps that.
    """

    codec: str
    pix_fmt: str
    bits: int
    width: int
    height: int
    rate: Fraction
    time_base: Fraction
    sample_aspect: Fraction
    tags: ColorTags
    header_apart: bool
    options: tuple[tuple[str, str], ...]
    threads: int
    fields: FieldOrder = ""

    @property
    def alpha(self) -> bool:
        """Return whether pictures have an opacity plane."""
        return self.pix_fmt.startswith("yuva")

    def __str__(self) -> str:
        options = " ".join(f"{name}={value}" for name, value in self.options)
        return f"{self.codec} ({options}), {self.pix_fmt}"

    def described(self) -> dict[str, str]:
        """Return what a user would like to know, by its names."""
        options = " ".join(f"{name}={value}" for name, value in self.options)
        size = f"{self.width}x{self.height}"
        return {"size": size, "codec": self.codec, "pixel format": self.pix_fmt, "encoder": options}

    @property
    def chroma_size(self) -> tuple[int, int]:
        """Return width and height of the chroma planes."""
        form = av.VideoFormat(self.pix_fmt, self.width, self.height)
        return form.chroma_width(), form.chroma_height()

    def configure(self, context: VideoCodecContext) -> None:
        """Set up a codec context that is not open yet."""
        context.width, context.height, context.pix_fmt = self.width, self.height, self.pix_fmt
        context.time_base, context.framerate = self.time_base, self.rate
        if self.sample_aspect != 1:
            context.sample_aspect_ratio = self.sample_aspect
        for field, value in zip(_COLOR_FIELDS, output_tags(self.tags, self.height), strict=True):
            setattr(context, field, value)
        if self.fields:
            context.field_order = CODES[self.fields]
        if self.header_apart:
            context.flags |= av.codec.context.Flags.global_header
        context.thread_count = self.threads
        context.options = on_this_processor(self.codec, dict(self.options))


def choose_encoding(path: Path, info: VideoInfo, bits: int, settings: EncodeSettings) -> Encoding:
    """Return how a film is to be encoded into an output file.

    Args:
        bits: Depth of the film's frames.

    Raises:
        OutputError: container, codec, depth and size do not fit each other.
    """
    codec = choose_codec(path, settings.codec, bits)
    suffix = path.suffix.lower()
    kind, counts = CONTAINERS[suffix], suffix in COUNTING
    kept = kind.fields and codec in KNOWN and KNOWN[codec].fields is not None
    fields: FieldOrder = info.field_order if info.fields_kept and kept else ""
    options = codec_options(codec, settings.crf, settings.preset, fields=fields)
    alpha = info.alpha and kind.alpha
    pix_fmt = choose_pix_fmt(
        codec, bits, info.width, info.height, alpha=alpha, wanted=settings.pix_fmt, preset=settings.preset
    )
    time_base = info.time_base
    unknown = info.piped and kind.even  # seen to be even while it is written
    evenly = unknown or ((counts or codec in _TICKING) and runs_evenly(info, gaps=not kind.even))
    if info.piped and (counts or codec in _TICKING) and not evenly:
        why = f"nothing tells whether the frames of a pipe come at an even rate, which {codec} in {path.suffix} wants"
        raise OutputError(f"cannot write {path}", why, "Use .mkv with another codec, or NUT for a pipe")
    if kind.even and not evenly:
        why = f"its frames do not come at an even rate, which {path.suffix} wants"
        raise OutputError(f"cannot write {path}", why, "Use .mov or .mkv, or NUT for a pipe")
    if counts and codec == "libx264":
        options["bf"] = "0"  # AVI tells decoding times only: frames must come in the order they are shown
    too_fine = (counts or codec in _TICKING) and time_base.denominator > _FINEST
    if evenly and (counts or too_fine or codec == "mpeg2video"):
        time_base = 1 / info.rate  # AVI counts every tick as a frame, shown or not
    elif too_fine:
        time_base = Fraction(1, 1000)
    return Encoding(
        codec=codec,
        pix_fmt=pix_fmt,
        bits=max(c.bits for c in av.VideoFormat(pix_fmt, info.width, info.height).components),
        width=info.width,
        height=info.height,
        rate=info.rate,
        time_base=time_base,
        sample_aspect=info.sample_aspect,
        tags=info.tags,
        header_apart=kind.headers_apart,
        options=tuple(options.items()),
        threads=encoder_threads(codec, settings.cores),
        fields=fields,
    )


class VideoEncoder:
    """Frames with their chroma in, packets out (push / flush).

    Args:
        encoding: How.
        context: A codec context configured with it; by default one of its own.
    """

    def __init__(self, encoding: Encoding, context: VideoCodecContext | None = None) -> None:
        self.encoding = encoding
        if context is None:
            made = av.CodecContext.create(encoding.codec, "w")
            assert isinstance(made, VideoCodecContext)
            encoding.configure(made)
            context = made
        self._context = context
        self._marker = FieldMarker(encoding.fields) if encoding.fields else None
        with self._failures():
            context.open(strict=False)  # a container has opened its own already

    @property
    def header(self) -> bytes:
        """Return the parameter sets for the container's header; empty where the packets carry them."""
        return bytes(self._context.extradata or b"")

    def push(self, frame: Frame, chroma: Sequence[NDArray[Any]]) -> list[Packet[Stream]]:
        """Encode a frame: its own luma, and Cb and Cr of the encoding's chroma size.

        Raises:
            OutputError: the encoder fails.
        """
        how = self.encoding
        picture = av.VideoFrame(how.width, how.height, how.pix_fmt)
        shift = how.bits - frame.bits
        planes = [frame.luma, *chroma]
        if how.alpha:
            opaque = (1 << frame.bits) - 1
            planes.append(np.full_like(frame.luma, opaque) if frame.alpha is None else frame.alpha)
        for plane, values in zip(picture.planes, planes, strict=True):
            fill_plane(plane, values, shift, how.bits)
        picture.pts, picture.time_base = frame.pts, frame.time_base
        for field, value in zip(_COLOR_FIELDS, output_tags(frame.tags, how.height), strict=True):
            setattr(picture, field, value)
        with self._failures():
            return self._context.encode(self._marker.mark(picture) if self._marker else picture)

    def blank(self) -> list[Packet[Stream]]:
        """Return the packets of a film that is one blank picture; nothing can be pushed afterwards."""
        how = self.encoding
        form = av.VideoFormat(how.pix_fmt, how.width, how.height)
        luma = np.zeros((how.height, how.width), np.uint8 if how.bits <= 8 else np.uint16)
        neutral = np.full((form.chroma_height(), form.chroma_width()), 1 << (how.bits - 1), luma.dtype)
        frame = Frame(luma, how.bits, 0, how.time_base, how.tags)
        return [*self.push(frame, (neutral, neutral)), *self.flush()]

    def flush(self) -> list[Packet[Stream]]:
        """Return the packets that the encoder still holds; nothing can be pushed afterwards."""
        with self._failures():
            return self._context.encode(None)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (FFmpegError, ValueError) as error:
            what = f"cannot encode with {self.encoding.codec}"
            raise OutputError(what, reason(error), "Check --crf and --preset, or choose another codec") from error


def output_tags(tags: ColorTags, height: int) -> tuple[int, int, int, int]:
    """Return range, matrix, primaries and transfer for a frame's tags: the source's, or those of SD or HD."""
    sd = {"bt601": 5 if height == 576 else 6, "bt709": 1, "bt2020": 9}[tags.matrix]
    colorspace = tags.colorspace if tags.colorspace not in (0, 2) else sd
    primaries = tags.primaries if tags.primaries not in (0, 2) else sd
    transfer = tags.transfer if tags.transfer not in (0, 2) else (6 if tags.matrix == "bt601" else 1)
    return 2 if tags.full_range else 1, colorspace, primaries, transfer


def fill_plane(plane: Any, values: NDArray[Any], shift: int = 0, bits: int = 8) -> None:
    """Copy rows into a plane, whose rows may be padded.

    Args:
        shift: Bits by which the depth of the code values rises, or falls when negative.
        bits: Depth of the plane.
    """
    kind = np.dtype(np.uint8 if bits <= 8 else np.uint16)
    target = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind.itemsize)[:, : plane.width]
    if shift > 0:
        np.left_shift(values, shift, out=target, dtype=kind, casting="unsafe")
    elif shift < 0:
        rounded = (values.astype(np.int32) + (1 << (-shift - 1))) >> -shift
        target[...] = np.minimum(rounded, (1 << bits) - 1)
    else:
        target[...] = values
