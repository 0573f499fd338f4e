"""Containers out: colored frames encoded, every other stream copied packet by packet."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from vidcolor.errors import OutputError
from vidcolor.frames import Frame, VideoInfo

# Containers by suffix, with the codec that each takes by default.
DEFAULT_CODEC = {
    ".mp4": "libx264",
    ".m4v": "libx264",
    ".mov": "libx264",
    ".mkv": "libx264",
    ".avi": "libx264",
    ".webm": "libvpx-vp9",
}
COPYABLE = ("audio", "subtitle")
_COLOR_FIELDS = ("color_range", "colorspace", "color_primaries", "color_trc")


@dataclass(frozen=True)
class EncodeSettings:
    """How the picture is encoded. Empty values take the codec's defaults below."""

    codec: str = ""
    crf: int | None = None
    preset: str = ""


# Options that make each codec's output visually lossless or close to it at a sensible speed.
_CODEC_OPTIONS: dict[str, dict[str, str]] = {
    "libx264": {"crf": "18", "preset": "medium"},
    "libx265": {"crf": "20", "preset": "medium", "x265-params": "log-level=error"},
    "libsvtav1": {"crf": "24", "preset": "6"},
    "libvpx-vp9": {"crf": "24", "b": "0", "row-mt": "1", "cpu-used": "4"},
    "prores_ks": {"profile": "3", "vendor": "apl0"},
    "ffv1": {"level": "3", "g": "1", "slicecrc": "1"},
    "mpeg4": {"qscale": "3"},
}


def choose_codec(path: Path, settings: EncodeSettings) -> str:
    """The encoder for an output file.

    Raises:
        OutputError: the suffix names no container, the encoder is unknown, or the two do not fit.
    """
    suffix = path.suffix.lower()
    if suffix not in DEFAULT_CODEC:
        raise OutputError(
            f"cannot write {path}",
            f"no container has the suffix {suffix or '(none)'}",
            f"Use one of {' '.join(DEFAULT_CODEC)}",
        )
    name = settings.codec or DEFAULT_CODEC[suffix]
    try:
        codec = av.codec.Codec(name, "w")
    except (ValueError, FFmpegError) as error:
        raise OutputError(
            f"cannot encode with {name}", "no such encoder", "Try libx264, libx265, prores_ks or ffv1"
        ) from error
    if codec.type != "video":
        raise OutputError(
            f"cannot encode with {name}", "it is no video encoder", "Try libx264, libx265, prores_ks or ffv1"
        )
    return name


def choose_pix_fmt(codec: str, bits: int, width: int, height: int) -> str:
    """The pixel format nearest to the source's depth: never shallower, 4:2:0 where the codec can.

    Raises:
        OutputError: the codec cannot hold the depth.
    """
    offered = [f.name for f in av.codec.Codec(codec, "w").video_formats or ()]
    odd = width % 2 or height % 2
    # H.264 and H.265 crop 4:2:0 in steps of two pixels: an odd size needs 4:4:4.
    layouts = ("yuv444p",) if odd and codec in ("libx264", "libx265", "mpeg4") else ("yuv420p", "yuv422p", "yuv444p")
    for depth in (d for d in (8, 10, 12, 14, 16) if d >= bits):
        for layout in layouts:
            name = layout if depth == 8 else f"{layout}{depth}le"
            if name in offered:
                return name
    raise OutputError(
        f"cannot encode with {codec}", f"it holds no {bits}-bit picture of {width}x{height}", "Try libx265 or ffv1"
    )


class VideoWriter:
    """Writes one film: the picture from frames, the other streams from the source.

    A context manager. The film is written beside its final name and renamed when the block ends well;
    when it ends with an error, nothing of it stays. The source is opened a second time here, so that
    reader and writer stay independent.

    Args:
        path: The film's final name.
        info: The source.
        bits: Depth of its frames.
        start, duration: The part of the source that is written, in seconds of its own time.
    """

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        bits: int,
        settings: EncodeSettings,
        *,
        start: float = 0.0,
        duration: float | None = None,
    ) -> None:
        self.path = path
        self.codec = choose_codec(path, settings)
        self.pix_fmt = choose_pix_fmt(self.codec, bits, info.width, info.height)
        self.format = av.VideoFormat(self.pix_fmt, info.width, info.height)
        self.bits = max(c.bits for c in self.format.components)
        self.warnings: list[str] = []
        self._part = path.with_name(f".{path.stem}.part{path.suffix}")
        self._info = info
        self._settings = settings
        self._origin = start
        self._end = start + duration if duration is not None else float("inf")
        self._container: Any = None
        self._source: Any = None

    def __enter__(self) -> VideoWriter:
        try:
            with self._failures():
                self._open()
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            with self._failures():
                self._container.mux(self._stream.encode(None))
                self._copy_until(self._end)
                self._container.close()
                self._source.close()
                with open(self._part, "rb") as file:
                    os.fsync(file.fileno())  # a full disk may show only here
                os.replace(self._part, self.path)
        except BaseException:
            self._discard()
            raise

    def _discard(self) -> None:
        for container in (self._container, self._source):
            if container is not None:
                with suppress(FFmpegError, OSError, ValueError):
                    container.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn what libav raises into one error about the film's own name."""
        try:
            yield
        except (FFmpegError, OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            if "invalid argument" in reason:
                reason = f"{self.codec} does not fit {self.path.suffix}, or does not take these settings"
            remedy = "Free some space" if "space" in reason else "Choose another codec, container or folder"
            raise OutputError(f"cannot write {self.path}", reason, remedy) from error

    @property
    def chroma_size(self) -> tuple[int, int]:
        """Width and height of the chroma planes."""
        return self.format.chroma_width(), self.format.chroma_height()

    def _open(self) -> None:
        info = self._info
        options = dict(_CODEC_OPTIONS.get(self.codec, {}))
        if self._settings.crf is not None:
            options["crf"] = str(self._settings.crf)
        if self._settings.preset:
            options["preset"] = self._settings.preset
        # faststart puts the index first: browsers play before the whole film has arrived.
        muxing = {"movflags": "+faststart"} if self.path.suffix in (".mp4", ".mov", ".m4v") else {}
        self._container = av.open(str(self._part), "w", options=muxing)
        stream = self._container.add_stream(self.codec, rate=info.rate, options=options)
        stream.width, stream.height, stream.pix_fmt = info.width, info.height, self.pix_fmt
        stream.codec_context.time_base = info.time_base
        stream.time_base = info.time_base
        if info.sample_aspect != 1:
            stream.codec_context.sample_aspect_ratio = info.sample_aspect
        if info.rotation:
            stream.set_display_rotation(info.rotation)
        for field, value in zip(_COLOR_FIELDS, output_tags(info.tags, info.height), strict=True):
            setattr(stream.codec_context, field, value)
        self._stream = stream
        self._copies: dict[int, Any] = {}
        self._source = av.open(str(info.path), metadata_errors="replace")
        self._container.metadata.update(self._source.metadata)
        for other in self._source.streams:
            if other.type in COPYABLE:
                self._add_copy(other)
        self._container.start_encoding()
        self._packets = (
            self._source.demux(*[self._source.streams[i] for i in self._copies]) if self._copies else iter(())
        )
        if self._origin and self._copies:
            self._source.seek(int(self._origin * av.time_base))
        self._pending: Any = None

    def _add_copy(self, other: Any) -> None:
        try:
            copy = self._container.add_stream_from_template(other)
        except (FFmpegError, ValueError) as error:
            name = other.codec_context.name if other.codec_context else "unknown"
            self.warnings.append(
                f"{other.type} stream {other.index} ({name}) left out: {self.path.suffix} cannot hold it ({error}). "
                f"-o {self._info.path.stem}.color.mkv can."
            )
            return
        copy.time_base = other.time_base
        copy.metadata.update(other.metadata)
        self._copies[other.index] = copy

    def write(self, frame: Frame, chroma: Sequence[NDArray[Any]]) -> None:
        """Encode a frame: its own luma, and Cb and Cr of :attr:`chroma_size`.

        Raises:
            OutputError: the disk is full, or the encoder fails.
        """
        picture = av.VideoFrame(self._info.width, self._info.height, self.pix_fmt)
        shift = self.bits - frame.bits
        for plane, values in zip(picture.planes, (frame.luma, *chroma), strict=True):
            fill_plane(plane, values, shift)
        picture.pts, picture.time_base = frame.pts, frame.time_base
        for field, value in zip(_COLOR_FIELDS, output_tags(frame.tags, self._info.height), strict=True):
            setattr(picture, field, value)
        with self._failures():
            self._copy_until(frame.seconds)
            self._container.mux(self._stream.encode(picture))

    def _copy_until(self, seconds: float) -> None:
        """Copy the other streams' packets up to a time, so that the file stays interleaved."""
        while True:
            packet = self._pending or self._next_packet()
            self._pending = None
            if packet is None:
                return
            when = float((packet.dts if packet.dts is not None else packet.pts or 0) * packet.time_base)
            if when > seconds:
                self._pending = packet
                return
            if when < self._origin:
                continue
            packet.stream = self._copies[packet.stream.index]
            self._container.mux(packet)

    def _next_packet(self) -> Any:
        for packet in self._packets:
            if packet.size:  # the demuxer ends with empty flush packets
                return packet
        return None


def output_tags(tags: Any, height: int) -> tuple[int, int, int, int]:
    """Range, matrix, primaries and transfer for a frame's tags: the source's, or those of SD or HD."""
    sd = {"bt601": 5 if height == 576 else 6, "bt709": 1, "bt2020": 9}[tags.matrix]
    colorspace = tags.colorspace if tags.colorspace not in (0, 2) else sd
    primaries = tags.primaries if tags.primaries not in (0, 2) else sd
    transfer = tags.transfer if tags.transfer not in (0, 2) else (6 if tags.matrix == "bt601" else 1)
    return 2 if tags.full_range else 1, colorspace, primaries, transfer


def fill_plane(plane: Any, values: NDArray[Any], shift: int = 0) -> None:
    """Copy rows into a plane, whose rows may be padded; ``shift`` raises the depth of code values."""
    kind = np.uint8 if values.dtype == np.uint8 and not shift else np.uint16
    target = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // np.dtype(kind).itemsize)
    target = target[:, : plane.width]
    if shift:
        np.left_shift(values.astype(np.uint16, copy=False), shift, out=target)
    else:
        target[...] = values
