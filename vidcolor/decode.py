"""Containers in: what they hold, and their frames with the luma exactly as decoded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from vidcolor.errors import InputError
from vidcolor.frames import SD_HEIGHT, SD_WIDTH, ColorTags, Frame, Luma, StreamInfo, VideoInfo

# H.273 matrix coefficients that name a matrix of color.LUMA_WEIGHTS. 0 is RGB.
_MATRICES = {1: "bt709", 5: "bt601", 6: "bt601", 9: "bt2020", 10: "bt2020"}
_UNSPECIFIED = 2
_FULL_RANGE = 2  # libavutil's AVCOL_RANGE_JPEG
# Codecs of broadcast and delivery write limited range unless they say otherwise. Grey from any other
# codec (ffv1, png, raw) was made by programs for which a grey picture is 0..255.
_LIMITED_GREY = frozenset({"h264", "hevc", "av1", "libdav1d", "vp9", "mpeg2video", "mpeg4", "vp8"})
# The libraries' own messages would stand between ours; VIDCOLOR_DEBUG lets them through.
av.logging.set_libav_level(av.logging.ERROR if os.environ.get("VIDCOLOR_DEBUG") else av.logging.PANIC)
_MAX_BAD_PACKETS = 8  # in a row, before the rest of a film is given up


@dataclass
class Video:
    """An open film. ``bad_packets`` counts what could not be decoded so far."""

    info: VideoInfo
    container: Any
    stream: Any
    bad_packets: int = field(default=0)


@contextmanager
def open_video(path: Path | str) -> Iterator[Video]:
    """Open a film for reading.

    Raises:
        InputError: absent, a folder, not a film, damaged, or without a picture.
    """
    path = Path(path)
    what = f"cannot open {path}"
    if not path.exists():
        raise InputError(what, "no such file", "Check the path")
    if path.is_dir():
        raise InputError(what, "it is a folder", "Name a film in it")
    try:
        # Old containers carry metadata in forgotten encodings; they are no reason to refuse the film.
        container = av.open(str(path), metadata_errors="replace")
    except FFmpegError as error:
        raise InputError(what, _reason(error), "It is no film, or a damaged one") from error
    except OSError as error:
        raise InputError(what, error.strerror or str(error), "Check its permissions") from error
    with container:
        streams = [s for s in container.streams.video if s.codec_context is not None]
        if not streams:
            raise InputError(what, "it holds no video stream", "Name a film")
        stream = streams[0]
        stream.thread_type = "AUTO"
        yield Video(_describe(path, container, stream), container, stream)


def probe(path: Path | str) -> VideoInfo:
    """What a container says about its film; the first frame is decoded where that tells more."""
    with open_video(path) as video:
        return video.info


def frames(video: Video, start: float = 0.0, duration: float | None = None) -> Iterator[Frame]:
    """The frames from ``start`` on, in order, for ``duration`` seconds (None: to the end).

    Single packets that do not decode are skipped and counted in ``video.bad_packets``.

    Raises:
        InputError: nothing decodes.
    """
    info = video.info
    origin = float((video.stream.start_time or 0) * info.time_base)
    first, last = origin + start, origin + start + duration if duration is not None else float("inf")
    if start:
        video.container.seek(int(first / info.time_base), stream=video.stream)
    given = 0
    next_pts = None
    step = max(1, round(1 / (info.rate * info.time_base)))
    for raw in _decoded(video):
        pts = raw.pts if raw.pts is not None else raw.dts
        if pts is None:
            pts = next_pts if next_pts is not None else int(video.stream.start_time or 0)
        if next_pts is not None and pts < next_pts - step + 1:
            pts = next_pts  # time ran backwards or stood still: a muxer takes only rising times
        next_pts = pts + step
        when = float(pts * info.time_base)
        if when < first - 1e-9:
            continue
        if when >= last - 1e-9:
            break
        given += 1
        yield Frame(*_luma(raw, info), pts, info.time_base, _tags(raw, info.codec, info.width, info.height))
    if not given:
        damage = f"{video.bad_packets} packets do not decode" if video.bad_packets else "the range holds no frame"
        raise InputError(f"cannot read {info.path}", damage, "The film is damaged, encrypted or shorter than --start")


def _decoded(video: Video) -> Iterator[Any]:
    """Raw frames; a few undecodable packets in a row are passed over."""
    in_a_row = 0
    packets = video.container.demux(video.stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            yield from packet.decode()
            in_a_row = 0
        except FFmpegError:
            video.bad_packets += 1
            in_a_row += 1
            if in_a_row > _MAX_BAD_PACKETS:
                return


def _reason(error: FFmpegError) -> str:
    reason = (error.strerror or str(error)).lower()
    return "the data are invalid" if "invalid data" in reason else reason


def _describe(path: Path, container: Any, stream: Any) -> VideoInfo:
    context = stream.codec_context
    if not context.pix_fmt or not context.width:
        reason = f"its picture ({context.name}) does not decode"
        raise InputError(f"cannot open {path}", reason, "The film is encrypted, damaged or needs converting first")
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(25)
    seconds = 0.0
    if stream.duration:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration:
        seconds = container.duration / av.time_base
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return VideoInfo(
        path=path,
        container=container.format.name,
        codec=context.name,
        pix_fmt=context.pix_fmt,
        bits=max(c.bits for c in context.format.components),
        width=context.width,
        height=context.height,
        sample_aspect=Fraction(aspect) if aspect else Fraction(1),
        rotation=_rotation(path),
        rate=Fraction(rate),
        time_base=Fraction(stream.time_base),
        frames=stream.frames or 0,
        seconds=seconds,
        tags=_tags(context, context.name, context.width, context.height),
        streams=tuple(
            StreamInfo(
                s.index,
                s.type,
                s.codec_context.name if getattr(s, "codec_context", None) else "unknown",
                s.metadata.get("language", ""),
                f"{s.codec_context.sample_rate} Hz, {s.codec_context.layout.name}"
                if s.type == "audio" and s.codec_context
                else "",
            )
            for s in container.streams
            if s is not stream
        ),
    )


def _rotation(path: Path) -> int:
    """The turn of the first frame: PyAV tells it with a frame, not with the stream."""
    with av.open(str(path), metadata_errors="replace") as container:
        try:
            frame = next(container.decode(video=0), None)
            return int(frame.rotation) if frame is not None else 0
        except (FFmpegError, ValueError):
            return 0


def _tags(source: Any, codec: str, width: int, height: int) -> ColorTags:
    """Range and matrix of a frame or codec context; BT.601 for SD and BT.709 for HD when it is silent."""
    name = source.format.name
    colorspace = int(source.colorspace)
    sd = height <= SD_HEIGHT and width <= SD_WIDTH
    matrix = _MATRICES.get(colorspace, "bt601" if sd else "bt709")
    grey_is_full = name.startswith("gray") and int(source.color_range) == 0 and codec not in _LIMITED_GREY
    full = int(source.color_range) == _FULL_RANGE or name.startswith("yuvj") or grey_is_full
    if source.format.is_rgb or name == "pal8":
        full, colorspace = False, _UNSPECIFIED  # the luma is computed here, in limited range
    primaries, transfer = int(source.color_primaries), int(source.color_trc)
    return ColorTags(matrix, full, colorspace, primaries, transfer)  # type: ignore[arg-type]


def _luma(raw: Any, info: VideoInfo) -> tuple[Luma, int]:
    """The luma plane of a decoded frame as it is, and its bits; computed for RGB, which has none."""
    form = raw.format
    if form.is_rgb or form.name == "pal8":
        return _luma_of_rgb(raw, info)
    if not form.is_planar and not form.name.startswith(("gray", "nv", "p0", "p2", "p4")):
        raw = raw.reformat(format="yuv422p")  # packed 4:2:2: swscale only moves the bytes
        form = raw.format
    bits = form.components[0].bits
    plane = raw.planes[0]
    if bits <= 8:
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        return rows[: raw.height, : raw.width], 8
    kind = ">u2" if form.is_big_endian else "<u2"
    rows16 = np.frombuffer(plane, kind).reshape(-1, plane.line_size // 2)[: raw.height, : raw.width]
    luma = rows16.astype(np.uint16, copy=False)
    if re.match(r"p[024]1", form.name):  # p010 and its kin keep the code value in the high bits
        luma = luma >> (16 - bits)
    return luma, bits


def _luma_of_rgb(raw: Any, info: VideoInfo) -> tuple[Luma, int]:
    """Limited-range Y' of an RGB picture: 8 bits for 8, 10 for more."""
    from vidcolor.color import LUMA_WEIGHTS

    deep = max(c.bits for c in raw.format.components) > 8
    rgb = raw.to_ndarray(format="rgb48le" if deep else "rgb24")
    bits = 10 if deep else 8
    kr, kb = LUMA_WEIGHTS[info.tags.matrix]
    luma = rgb.astype(np.float32) @ np.array([kr, 1 - kr - kb, kb], np.float32) / (65535 if deep else 255)
    codes = np.rint((luma * 219 + 16) * (1 << (bits - 8)))
    return codes.astype(np.uint16 if deep else np.uint8), bits
