"""What a container holds: its film's stream, size, clock and colors."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.error import FFmpegError

from vidcolor.errors import DeviceError, InputError
from vidcolor.film.clock import choose_timestamps, measured_rate, sensible_rate
from vidcolor.film.frame import SD_HEIGHT, SD_WIDTH, ColorTags, StreamInfo, VideoInfo
from vidcolor.film.planes import has_alpha

# H.273 matrix coefficients that name a matrix of color.LUMA_WEIGHTS. Grey is the same under any other,
# so a film with another matrix is written with one of these.
_MATRICES = {1: "bt709", 5: "bt601", 6: "bt601", 9: "bt2020"}
_UNSPECIFIED = 2
_FULL_RANGE = 2  # libavutil's AVCOL_RANGE_JPEG
# Codecs of broadcast and delivery write limited range unless they say otherwise. Grey from any other
# codec (ffv1, png, raw) was made by programs for which a grey picture is 0..255.
_LIMITED_GREY = frozenset({"h264", "hevc", "av1", "libdav1d", "vp9", "mpeg2video", "mpeg4", "vp8"})
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}  # H.273: SMPTE ST 2084, ARIB STD-B67
_DOLBY_TAGS = frozenset({"dvh1", "dvhe", "dva1", "dvav", "dav1"})
MAX_PIXELS = 16384 * 8640  # of a picture; more is a damaged header, or beyond what codecs hold
# Decoders that give other pictures each time when several frames are decoded at once (seen with FFmpeg 8, on a film
# that is whole): a thread gives a frame out before it is done with it.
_UNSTEADY = ("mpeg4",)
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)")  # http://, rtsp://; one letter is a drive of Windows

# The libraries' own messages would stand between ours; VIDCOLOR_DEBUG lets them through.
av.logging.set_libav_level(av.logging.PANIC)
if os.environ.get("VIDCOLOR_DEBUG"):
    av.logging.set_libav_level(av.logging.WARNING)
    av.logging.restore_default_callback()


def open_container(path: Path, hwaccel: str = "") -> Any:
    """A container open for reading.

    Args:
        hwaccel: Kind of device that decodes the picture, as FFmpeg names it; "" is the processor.

    Raises:
        DeviceError: there is no such device, or it cannot decode this film; the processor does not step in.
        InputError: absent, a folder, not a film, or not readable.
    """
    what = f"cannot open {path}"
    if not path.exists():
        if address := _ADDRESS.match(str(path)):
            what = f"cannot open {address[1]}://{address[2]}"  # a path has lost one of its slashes
            raise InputError(what, "addresses are not read", "Download it, and name the file")
        raise InputError(what, "no such file", "Check the path")
    if path.is_dir():
        raise InputError(what, "it is a folder", "Name a film in it")
    if not path.is_file():
        raise InputError(what, "it is no regular file", "Copy it into one: it is read more than once")
    # A name is a name: no protocol before a colon, no numbered pictures by a percent sign. Nor may a playlist
    # reach for the network.
    options = {"pattern_type": "none", "protocol_whitelist": "file,crypto,data", "max_pixels": str(MAX_PIXELS)}
    accelerator = _accelerator(path, hwaccel)
    try:
        # Old containers carry metadata in forgotten encodings; they are no reason to refuse the film.
        return av.open(f"file:{path}", options=options, metadata_errors="surrogateescape", hwaccel=accelerator)
    except RuntimeError as error:
        if not hwaccel:
            raise
        why = "it cannot decode this kind of film"
        raise DeviceError(f"cannot decode {path} with {hwaccel}", why, "Leave --hwaccel out") from error
    except FFmpegError as error:
        raise InputError(what, reason(error), "It is no film, or a damaged one") from error
    except OSError as error:
        raise InputError(what, error.strerror or str(error), "Check its permissions") from error
    except ValueError as error:
        raise InputError(what, str(error), "Rename it") from error


def _accelerator(path: Path, kind: str) -> HWAccel | None:
    if not kind:
        return None
    what = f"cannot decode {path} with {kind}"
    offered = hwdevices_available()
    if kind not in offered:
        raise DeviceError(what, "no such kind of device", f"This PyAV knows {', '.join(offered) or 'none'}")
    accelerator = HWAccel(device_type=kind, allow_software_fallback=False)
    try:  # a device that is absent is told apart from a film that is broken
        with suppress(NotImplementedError):  # some kinds have decoders of their own names; opening the film will tell
            accelerator.create(av.codec.Codec("h264", "r"))
    except FFmpegError as error:
        raise DeviceError(what, "there is no such device, or no driver for it", "Leave --hwaccel out") from error
    return accelerator


def reason(error: FFmpegError) -> str:
    """What libav says, as a phrase."""
    text = (error.strerror or str(error)).lower()
    return "the data are invalid" if "invalid data" in text else text


def readable(text: str) -> str:
    """Metadata as text: what is not UTF-8 is read as the Windows code page that most of it was written in."""
    raw = text.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def choose_stream(path: Path, container: Any, number: int | None = None) -> Any:
    """The stream of the film's picture: the first that is no cover, or the one asked for by its number.

    It is set up to decode in threads.

    Raises:
        InputError: there is none, or it has no known codec.
    """
    what = f"cannot open {path}"
    pictures = container.streams.video
    if number is not None:
        chosen = [s for s in pictures if s.index == number]
        if not chosen:
            numbers = ", ".join(str(s.index) for s in pictures) or "none"
            raise InputError(what, f"stream {number} is no video stream", f"Its video streams are: {numbers}")
    else:
        chosen = [s for s in pictures if not is_cover(s)]
        if not chosen:
            only_cover = "its only picture is a cover" if pictures else "it holds no video stream"
            raise InputError(what, only_cover, "Name a film")
    # A stream without a decoder is passed over only when there is another.
    known = [s for s in chosen if s.codec_context is not None]
    if not known:
        raise InputError(what, "its picture's codec is not known", "Convert it first")
    known[0].thread_type = "SLICE" if known[0].codec_context.name in _UNSTEADY else "AUTO"
    return known[0]


def runs_evenly(info: VideoInfo) -> bool:
    """Whether each picture has its own place on the grid of the film's rate, as the packets tell without decoding."""
    if info.timestamps != "pts":
        return False
    taken = set()
    with open_container(info.path) as container:
        for packet in container.demux(container.streams[info.stream]):
            if not packet.size:
                continue
            if packet.pts is None:
                return False
            place = (packet.pts - info.begin) * info.time_base * info.rate
            if abs(place - round(place)) > Fraction(1, 4) or round(place) in taken:
                return False
            taken.add(round(place))
    return max(taken, default=0) - min(taken, default=0) < 2 * len(taken)  # a long gap is no even film


def choose_decoder(stream: Any) -> Any:
    """The stream's own decoder, or the one that reads its alpha: libav's own for VP8 and VP9 do not."""
    context = stream.codec_context
    reads_alpha = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(context.name)
    if stream.metadata.get("alpha_mode") != "1" or reads_alpha not in av.codecs_available:
        return context
    return av.CodecContext.create(reads_alpha, "r")


def is_cover(stream: Any) -> bool:
    """Whether a video stream is a cover or thumbnails: still pictures beside the film."""
    kinds = type(stream.disposition)
    return bool(stream.disposition & (kinds.attached_pic | kinds.timed_thumbnails))


def describe(path: Path, container: Any, stream: Any, first: list[Any]) -> VideoInfo:
    """All that is known about a film.

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
    measured = measured_rate([p.dts if clock == "dts" else p.pts for p in first], Fraction(stream.time_base))
    rate = sensible_rate(stream.average_rate or None, measured, stream.guessed_rate or None)
    side_data = _side_data(first)
    seconds = 0.0
    if stream.duration:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration:
        seconds = container.duration / av.time_base
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
        time_base=Fraction(stream.time_base),
        frames=stream.frames or 0,
        seconds=seconds,
        tags=color_tags(shown, context.name, shown.width, shown.height),
        streams=tuple(_describe_other(s) for s in container.streams if s.index != stream.index),
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
    )


def _dts_shift(first: list[Any]) -> int:
    shown = [p.pts for p in first if p.pts is not None]
    decoded = [p.dts for p in first if p.dts is not None]
    return min(shown) - decoded[0] if shown and decoded else 0


def _begin(first: list[Any], stream: Any) -> int:
    shown = [p.pts for p in first if p.pts is not None]
    return min(shown, default=stream.start_time or 0)


def _describe_other(stream: Any) -> StreamInfo:
    context = getattr(stream, "codec_context", None)
    name = context.name if context is not None else getattr(stream, "name", None) or "unknown"
    detail = ""
    if context is not None and stream.type == "audio":
        detail = f"{context.sample_rate} Hz, {context.layout.name}"
    elif context is not None and stream.type == "video":
        detail = f"{context.width}x{context.height}" + (", cover" if is_cover(stream) else "")
    return StreamInfo(stream.index, stream.type, name, readable(stream.metadata.get("language", "")), detail)


def orientation(picture: Any) -> tuple[int, bool]:
    """Degrees anticlockwise that players turn a picture by, and whether they mirror it after that."""
    try:
        matrix = np.frombuffer(bytes(picture.side_data["DISPLAYMATRIX"]), np.int32)[:9].reshape(3, 3).astype(float)
    except (KeyError, ValueError):  # none, or beside a kind of side data that PyAV does not know
        return int(picture.rotation), False
    mirrored = bool(np.linalg.det(matrix[:2, :2]) < 0)
    if mirrored:
        matrix[:, 0] *= -1
    turn = -np.degrees(np.arctan2(matrix[0, 1], matrix[0, 0]))
    return round(float(turn)), mirrored


def _side_data(first: Iterable[Any]) -> set[str]:
    """The kinds of data that come with the first pictures."""
    kinds: set[str] = set()
    for picture in first:
        with suppress(ValueError):  # a kind that PyAV does not know
            kinds |= {data.type.name for data in picture.side_data}
    return kinds


def _hdr(context: Any, first: list[Any], side_data: set[str]) -> str:
    """The kind of high dynamic range, or ""."""
    if str(context.codec_tag).lower() in _DOLBY_TAGS or side_data & {"DOVI_RPU_BUFFER", "DOVI_METADATA"}:
        return "Dolby Vision"
    transfers = [int(source.color_trc) for source in (*first, context)]
    return next((_HDR_TRANSFERS[t] for t in transfers if t in _HDR_TRANSFERS), "")


def color_tags(source: Any, codec: str, width: int, height: int) -> ColorTags:
    """Range and matrix of a frame or codec context; BT.601 for SD and BT.709 for HD when it is silent."""
    name = source.format.name
    colorspace = int(source.colorspace)
    sd = height <= SD_HEIGHT and width <= SD_WIDTH
    matrix = _MATRICES.get(colorspace, "bt2020" if colorspace == 10 else "bt601" if sd else "bt709")
    if colorspace not in _MATRICES:
        colorspace = _UNSPECIFIED
    grey = name.startswith(("gray", "mono", "ya"))
    grey_is_full = grey and int(source.color_range) == 0 and codec not in _LIMITED_GREY
    full = int(source.color_range) == _FULL_RANGE or name.startswith("yuvj") or grey_is_full
    if source.format.is_rgb or name == "pal8":
        full, colorspace = False, _UNSPECIFIED  # the luma is computed here, in limited range
    primaries, transfer = int(source.color_primaries), int(source.color_trc)
    return ColorTags(matrix, full, colorspace, primaries, transfer)  # type: ignore[arg-type]
