"""What is known about a film: its size, clock, colors and streams, from its container and first pictures."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidcolor.color.weights import Matrix
from vidcolor.errors import InputError
from vidcolor.film.clock import choose_timestamps, measured_rate, sensible_rate
from vidcolor.film.containers.container import is_cover, readable, tick_of
from vidcolor.film.field_order import AV_FIELDS, FieldOrder, field_order
from vidcolor.film.frame import ColorTags, StreamInfo, VideoInfo, usual_matrix
from vidcolor.film.marks import matroska, mp4
from vidcolor.film.marks.tracks import TrackMarks
from vidcolor.film.planes import has_alpha

# H.273 matrix coefficients that name a matrix of color.LUMA_WEIGHTS. Grey is the same under any other,
# so a film with another matrix is written with one of these.
_MATRICES: dict[int, Matrix] = {1: "bt709", 5: "bt601", 6: "bt601", 9: "bt2020"}
_UNSPECIFIED = 2
_FULL_RANGE = 2  # libavutil's AVCOL_RANGE_JPEG
# Codecs of broadcast and delivery write limited range unless they say otherwise. Grey from any other
# codec (ffv1, png, raw) was made by programs for which a grey picture is 0..255.
_LIMITED_GREY = frozenset({"h264", "hevc", "av1", "libdav1d", "vp9", "mpeg2video", "mpeg4", "vp8"})
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}  # H.273: SMPTE ST 2084, ARIB STD-B67
_DOLBY_TAGS = frozenset({"dvh1", "dvhe", "dva1", "dvav", "dav1"})


def describe(path: Path, container: InputContainer, stream: VideoStream, first: list[VideoFrame]) -> VideoInfo:
    """Return all that is known about a film.

    Args:
        first: Its first pictures, decoded.

    Raises:
        InputError: its picture does not decode at all.
    """
    context = stream.codec_context
    shown = first[0] if first else context
    if not shown.format or not shown.width or not shown.height:
        why = f"its picture ({context.name}) does not decode"
        raise InputError(f"cannot open {path}", why, "The film is encrypted, damaged or needs converting first")
    clock = choose_timestamps([p.pts for p in first], [p.dts for p in first]) if first else "pts"
    measured = measured_rate([p.dts if clock == "dts" else p.pts for p in first], tick_of(stream))
    rate = sensible_rate(stream.average_rate or None, measured, stream.guessed_rate or None)
    side_data = _side_data(first)
    seconds = 0.0
    if stream.duration:
        seconds = float(stream.duration * tick_of(stream))
    elif container.duration:
        seconds = container.duration / av.time_base
    tracks = _tracks(path, container)
    turn, mirrored = orientation(first[0]) if first else (0, False)
    return VideoInfo(
        path=path,
        container=container.format.name,
        codec=context.name,
        pix_fmt=shown.format.name,
        bits=max(c.bits for c in shown.format.components),
        width=shown.width,
        height=shown.height,
        sample_aspect=Fraction(stream.sample_aspect_ratio or 1),
        rotation=turn,
        rate=rate,
        time_base=tick_of(stream),
        frames=stream.frames or 0,
        seconds=seconds,
        tags=color_tags(shown, context.name, shown.width, shown.height),
        streams=tuple(
            describe_other(s, tracks.get(s.index, TrackMarks())) for s in container.streams if s.index != stream.index
        ),
        stream=stream.index,
        mirrored=mirrored,
        interlaced=any(p.interlaced_frame for p in first),
        alpha=has_alpha(shown.format),
        hdr=_hdr(context, first, side_data),
        timestamps=clock,
        dts_shift=_dts_shift(first) if clock == "dts" else 0,
        begin=_begin(first, stream),
        clock_start=(container.start_time or 0) / av.time_base,
        captions="A53_CC" in side_data,
        chapters=len(container.chapters()),
        timecode=_timecode(container, stream),
        field_order=_field_order(first, stream),
        tracks=tracks,
    )


def _tracks(path: Path, container: InputContainer) -> dict[int, TrackMarks]:
    """Return what is marked on tracks, by their streams' numbers; without those that say nothing."""
    if container.format.name == "matroska,webm":
        played = [s for s in container.streams if s.type != "attachment" and not is_cover(s)]
        marks = matroska.read_marks(path)
        found = {s.index: each for s, each in zip(played, marks, strict=False)} if len(played) == len(marks) else {}
    elif container.format.name.startswith("mov,mp4"):
        by_number = mp4.by_stream(mp4.read_headers(path))
        found = {s.index: by_number[s.id] for s in container.streams if s.id in by_number}
    else:
        found = {}
    return {index: marks for index, marks in found.items() if marks}


def _timecode(container: InputContainer, stream: VideoStream) -> str:
    """Return the timecode of the film's first frame: its stream's, the container's, or that of a track beside it."""
    others = (other for other in container.streams if other.type == "data")
    for metadata in (stream.metadata, container.metadata, *(other.metadata for other in others)):
        found = {key.lower(): value for key, value in metadata.items()}
        if "timecode" in found:
            return readable(found["timecode"])
    return ""


def _field_order(first: Iterable[VideoFrame], stream: VideoStream) -> FieldOrder:
    """Return which field is shown first: as the container says, or the first interlaced picture where it does not.

    Some encoders write the container's mark right and that of their pictures wrong.
    """
    told = AV_FIELDS.get(int(stream.codec_context.field_order), "")
    return told or next((field_order(picture) for picture in first if picture.interlaced_frame), "")


def _dts_shift(first: list[VideoFrame]) -> int:
    shown = [p.pts for p in first if p.pts is not None]
    decoded = [p.dts for p in first if p.dts is not None]
    return min(shown) - decoded[0] if shown and decoded else 0


def _begin(first: list[VideoFrame], stream: VideoStream) -> int:
    shown = [p.pts for p in first if p.pts is not None]
    return min(shown, default=stream.start_time or 0)


def describe_other(stream: Stream, marks: TrackMarks) -> StreamInfo:
    """Return what is told about a stream that is not the film's picture."""
    context = getattr(stream, "codec_context", None)
    name = context.name if context is not None else getattr(stream, "name", None) or "unknown"
    detail = ""
    if context is not None and stream.type == "audio":
        detail = f"{context.sample_rate} Hz, {context.layout.name}"
    elif context is not None and stream.type == "video":
        detail = f"{context.width}x{context.height}" + (", cover" if is_cover(stream) else "")
    language = marks.language or readable(stream.metadata.get("language", ""))
    return StreamInfo(stream.index, stream.type, name, language, detail if marks.enabled else f"{detail}, disabled")


def orientation(picture: VideoFrame) -> tuple[int, bool]:
    """Return degrees anticlockwise that players turn a picture by, and whether they mirror it after that."""
    try:
        side_data: Any = picture.side_data  # a mapping, of which PyAV's stub knows one kind
        matrix = np.frombuffer(bytes(side_data["DISPLAYMATRIX"]), np.int32)[:9].reshape(3, 3).astype(float)
    except (KeyError, ValueError):  # none, or beside a kind of side data that PyAV does not know
        return int(picture.rotation), False
    mirrored = bool(np.linalg.det(matrix[:2, :2]) < 0)
    if mirrored:
        matrix[:, 0] *= -1
    turn = -np.degrees(np.arctan2(matrix[0, 1], matrix[0, 0]))
    return round(float(turn)), mirrored


def _side_data(first: Iterable[VideoFrame]) -> set[str]:
    """Return the kinds of data that come with the first pictures."""
    kinds: set[str] = set()
    for picture in first:
        with suppress(ValueError):  # a kind that PyAV does not know
            side_data: Any = picture.side_data  # as in orientation
            kinds |= {data.type.name for data in side_data}
    return kinds


def _hdr(context: VideoCodecContext, first: list[VideoFrame], side_data: set[str]) -> str:
    """Return the kind of high dynamic range, or ""."""
    if str(context.codec_tag).lower() in _DOLBY_TAGS or side_data & {"DOVI_RPU_BUFFER", "DOVI_METADATA"}:
        return "Dolby Vision"
    transfers = [*(int(picture.color_trc) for picture in first), int(context.color_trc)]
    return next((_HDR_TRANSFERS[t] for t in transfers if t in _HDR_TRANSFERS), "")


def color_tags(source: VideoFrame | VideoCodecContext, codec: str, width: int, height: int) -> ColorTags:
    """Return range and matrix of a frame or codec context; BT.601 for SD and BT.709 for HD when it is silent."""
    assert source.format is not None, "a picture of no format does not decode"
    name = source.format.name
    colorspace = int(source.colorspace)
    usual = "bt2020" if colorspace == 10 else usual_matrix(width, height)
    matrix: Matrix = _MATRICES.get(colorspace, usual)
    if colorspace not in _MATRICES:
        colorspace = _UNSPECIFIED
    grey = name.startswith(("gray", "mono", "ya"))
    grey_is_full = grey and int(source.color_range) == 0 and codec not in _LIMITED_GREY
    full = int(source.color_range) == _FULL_RANGE or name.startswith("yuvj") or grey_is_full
    if source.format.is_rgb or name == "pal8":
        full, colorspace = False, _UNSPECIFIED  # the luma is computed here, in limited range
    primaries, transfer = int(source.color_primaries), int(source.color_trc)
    return ColorTags(matrix, full, colorspace, primaries, transfer)
