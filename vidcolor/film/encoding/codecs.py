"""Encoders: what each takes, and settings that look lossless or close to it at a sensible speed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import av
import cv2
from av.error import FFmpegError

from vidcolor.errors import OutputError
from vidcolor.film.field_order import FieldOrder

_X26_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)
_PRORES = {
    **dict.fromkeys(("proxy", "lt", "standard", "hq"), ("yuv422p10le",)),
    **dict.fromkeys(("4444", "4444xq"), ("yuva444p10le", "yuv444p10le")),
}
_DNXHR = {
    **{f"dnxhr_{name}": ("yuv422p",) for name in ("lb", "sq", "hq")},
    "dnxhr_hqx": ("yuv422p10le",),
    "dnxhr_444": ("yuv444p10le",),
}
_RAW = tuple(
    f"{kind}{sampling}p{depth}"
    for kind, depths in (("yuv", ("", "9le", "10le", "12le", "14le", "16le")), ("yuva", ("", "9le", "10le", "16le")))
    for sampling in ("420", "422", "444")
    for depth in depths
)
_PLANAR = re.compile(r"yuva?4(?:20|22|44|40|11|10)p(?:\d+le)?")
_AVX_512 = 256  # OpenCV's CV_CPU_AVX512_SKX: all that x264 asks for before it uses AVX-512
_MOST_THREADS = 16  # libav takes no more by itself; x264 cuts a picture into as many slices, and each costs bits
_X265_PICTURES = ((32, 5), (16, 4), (8, 3), (4, 2), (0, 1))  # cores, and pictures that are encoded at once
_TRY = "Try libx264, libx265, prores_ks or ffv1"


@dataclass(frozen=True)
class Container:
    """What is known about a kind of container.

    Attributes:
        muxer: What libav calls it.
        codec: The encoder that it takes by default.
        family: Containers of one family hold the same things in the same way.
        even: Its pictures must come at an even rate.
        tagged: Its streams carry languages, and it has chapters.
        marked: Its streams carry what is cropped, turned or disabled.
        headers_apart: It keeps an encoder's parameter sets in its own header; in others every keyframe carries them.
        timecoded: It has timecode of its own form, for some rates.
        alpha: It holds pictures with an opacity plane.
        fields: It tells which field of a frame is shown first, or its codecs do.
        colors: It tells range and matrix of pictures, or its codecs do.
        takes_most: It takes nearly every film, in little room; others are written only when they are named.
    """

    muxer: str
    codec: str
    family: Literal["movie", "matroska", "avi", "mxf", "nut", "y4m"]
    even: bool = False
    tagged: bool = True
    marked: bool = True
    headers_apart: bool = True
    timecoded: bool = False
    alpha: bool = True
    fields: bool = True
    colors: bool = True
    takes_most: bool = True


# What MXF and YUV4MPEG2 have in common.
_COUNTED: dict[str, bool] = {
    "even": True, "tagged": False, "marked": False, "headers_apart": False, "takes_most": False
}  # fmt: skip
# All that films are written into, by suffix.
CONTAINERS = {
    ".mp4": Container("mp4", "libx264", "movie", timecoded=True),
    ".m4v": Container("mp4", "libx264", "movie", timecoded=True),
    ".mov": Container("mov", "libx264", "movie", timecoded=True),
    ".mkv": Container("matroska", "libx264", "matroska"),
    ".webm": Container("webm", "libvpx-vp9", "matroska"),
    ".avi": Container("avi", "mpeg4", "avi", tagged=False, marked=False, headers_apart=False),
    ".mxf": Container("mxf", "dnxhd", "mxf", **_COUNTED, timecoded=True),
    # For pipes, into which nothing can be written twice.
    ".nut": Container("nut", "rawvideo", "nut", marked=False, fields=False, colors=False, takes_most=False),
    ".y4m": Container("yuv4mpegpipe", "rawvideo", "y4m", **_COUNTED, alpha=False),
}


def _of(*families: str) -> tuple[str, ...]:
    return tuple(suffix for suffix, container in CONTAINERS.items() if container.family in families)


MOVIES = _of("movie")
MATROSKA = _of("matroska")  # they keep packets of one time
COUNTING = _of("avi", "mxf", "y4m")  # they count packets instead of telling their times


@dataclass(frozen=True)
class CodecSettings:
    """What is known about one encoder.

    Attributes:
        options: Its defaults.
        crf: Highest value of --crf, the lowest being 0; None: the encoder has no such thing.
        presets: Values of --preset.
        preset_option, crf_option: What the encoder calls these two.
        alpha: It keeps an opacity plane.
        even: 4:2:0 pictures must have even sides.
        formats: Where each preset has pixel formats of its own, or the encoder does not tell them, the names of these.
        smallest: Width and height of the smallest picture that it takes.
        fields: Options that keep the two fields of a frame apart, "{}" standing for tff or bff, the one that is shown
            first; None: it has no such thing.
    """

    options: dict[str, str]
    crf: int | None = None
    presets: tuple[str, ...] = ()
    preset_option: str = "preset"
    crf_option: str = "crf"
    alpha: bool = False
    even: bool = False
    formats: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    smallest: tuple[int, int] = (1, 1)
    fields: Mapping[str, str] | None = None


_FIELDS = {"flags": "+ildct+ilme"}  # transforms and motion of fields

KNOWN = {
    "libx264": CodecSettings(
        {"crf": "18", "preset": "medium"}, 51, _X26_PRESETS, even=True, fields=_FIELDS | {"x264-params": "{}=1"}
    ),
    "libx265": CodecSettings(
        {"crf": "20", "preset": "medium", "x265-params": "log-level=error"}, 51, _X26_PRESETS, even=True
    ),
    "libsvtav1": CodecSettings({"crf": "24", "preset": "6"}, 63, tuple(map(str, range(14))), even=True),
    "libvpx-vp9": CodecSettings(
        {"crf": "24", "b": "0", "row-mt": "1", "cpu-used": "4"}, 63, tuple(map(str, range(9))), "cpu-used", alpha=True
    ),
    # Without a constant quality NVIDIA's encoders take two megabits a second.
    **{
        name: CodecSettings(
            {"rc": "vbr", "cq": "19", "b": "0", "preset": "p5"},
            51,
            tuple(f"p{n}" for n in range(1, 8)),
            crf_option="cq",
            even=True,
        )
        for name in ("h264_nvenc", "hevc_nvenc", "av1_nvenc")
    },
    # Without a profile the encoder takes 422 HQ, and 4444 for pictures with alpha or full chroma.
    "prores_ks": CodecSettings(
        {"vendor": "apl0"}, None, tuple(_PRORES), "profile", alpha=True, formats=_PRORES, fields={"flags": "+ildct"}
    ),
    # DNxHR, which unlike DNxHD has any size and rate; HQX is its 10-bit 4:2:2.
    "dnxhd": CodecSettings(
        {"profile": "dnxhr_hqx"}, None, tuple(_DNXHR), "profile", formats=_DNXHR, smallest=(256, 120)
    ),
    # Made for archives: every picture by itself, in slices (4, and more above standard definition) that have checksums.
    "ffv1": CodecSettings({"level": "3", "g": "1", "slicecrc": "1"}, alpha=True, fields={}),
    "rawvideo": CodecSettings({}, alpha=True, formats={"": _RAW}, fields={}),
    # Quantizer 2, times 118.
    **{
        name: CodecSettings({"flags": "+qscale", "global_quality": "236"}, even=True, fields=_FIELDS)
        for name in ("mpeg4", "mpeg2video")
    },
}


def choose_codec(path: Path, codec: str = "", bits: int = 8) -> str:
    """Return the encoder for an output file.

    Args:
        codec: The one asked for; "" takes the container's usual one that holds ``bits``.

    Raises:
        OutputError: the suffix names no container, or there is no such encoder.
    """
    suffix = path.suffix.lower()
    if suffix not in CONTAINERS:
        why = f"no container has the suffix {suffix or '(none)'}"
        raise OutputError(f"cannot write {path}", why, f"Use one of {' '.join(CONTAINERS)}")
    name = codec or CONTAINERS[suffix].codec
    if not codec and bits == 12 and name == "libx264":
        name = "libx265"
    try:
        found = av.codec.Codec(name, "w")
    except (ValueError, FFmpegError) as error:
        raise OutputError(f"cannot encode with {name}", "no such encoder", _TRY) from error
    if found.type != "video":
        raise OutputError(f"cannot encode with {name}", "it is no video encoder", _TRY)
    return str(found.name)  # h264 stands for libx264


def codec_options(codec: str, crf: int | None, preset: str, *, fields: FieldOrder = "") -> dict[str, str]:
    """Return the encoder's options: its defaults with what was asked for.

    Args:
        fields: Which field is shown first where frames are of two, for an encoder that keeps them.

    Raises:
        OutputError: it has no such preset, or takes no such quality.
    """
    what = f"cannot encode with {codec}"
    known = KNOWN.get(codec, CodecSettings({}))
    options = dict(known.options)
    if crf is not None:
        if known.crf is None:
            raise OutputError(what, "it has no --crf", "Leave --crf out")
        if not 0 <= crf <= known.crf:
            raise OutputError(what, f"its --crf ends at {known.crf}", "Lower is better")
        options[known.crf_option] = str(crf)
    if preset:
        if preset not in known.presets:
            choices = f"Choose one of {' '.join(known.presets)}" if known.presets else "Leave --preset out"
            raise OutputError(what, f"it has no preset {preset!r}", choices)
        options[known.preset_option] = preset
    if fields:
        for name, value in (known.fields or {}).items():
            options[name] = options.get(name, "") + value.format(fields)
    return options


def on_this_processor(codec: str, options: Mapping[str, str]) -> dict[str, str]:
    """Return an encoder's options with what it needs on this processor; its packets are the same on all of them."""
    if codec == "libx264" and cv2.checkHardwareSupport(_AVX_512):
        # Its AVX-512 code for macroblock trees reads memory that nobody wrote: at some widths, 320 for one, the same
        # film came out with other bytes each time. AVX2 is as fast here.
        return {**options, "x264-params": ":".join(["asm=avx2", *filter(None, [options.get("x264-params")])])}
    return dict(options)


def encoder_threads(codec: str, cores: int) -> int:
    """Return how many threads an encoder works in, so that its packets follow from this and not from its machine."""
    if codec == "libx265":  # pictures at once, as x265 itself takes them: others share the cores inside a picture
        return next(pictures for least, pictures in _X265_PICTURES if cores >= least)
    return min(cores, _MOST_THREADS)


def offered_pix_fmts(codec: str, preset: str = "") -> list[str]:
    """Return the pixel formats of an encoder, and of one of its presets, that hold Y', Cb and Cr in planes."""
    known = KNOWN.get(codec, CodecSettings({}))
    own = known.formats.get(preset or known.options.get(known.preset_option, ""))
    told = av.codec.Codec(codec, "w").video_formats
    names = [f.name for f in told] if told else own or ()
    planar = (name for name in names if _PLANAR.fullmatch(name) and (own is None or name in own))
    return [name for name in planar if known.alpha or not name.startswith("yuva")]


def choose_pix_fmt(
    codec: str, bits: int, width: int, height: int, *, alpha: bool = False, wanted: str = "", preset: str = ""
) -> str:
    """Return the pixel format nearest to the source's: not shallower, with its alpha, 4:2:0 where the codec can.

    Args:
        wanted: The one asked for; it may be shallower.
        preset: The encoder's, which may have formats of its own.

    Raises:
        OutputError: the codec cannot hold it.
    """
    offered = offered_pix_fmts(codec, preset)
    known = KNOWN.get(codec, CodecSettings({}))
    odd = width % 2 or height % 2
    what = f"cannot encode with {codec}"
    # H.264 and its kin crop 4:2:0 in steps of two pixels: an odd size needs 4:4:4.
    whole = bool(odd and known.even)
    if width < known.smallest[0] or height < known.smallest[1]:
        why = f"its pictures have at least {known.smallest[0]}x{known.smallest[1]} pixels, not {width}x{height}"
        raise OutputError(what, why, "Try prores_ks or ffv1")
    if wanted:
        if wanted not in offered:
            raise OutputError(what, f"it does not write {wanted}", f"Choose one of {' '.join(offered)}")
        if whole and "444" not in wanted:
            raise OutputError(what, f"{wanted} needs even sides, not {width}x{height}", "Choose a 444 format")
        return wanted
    kinds = ("yuva", "yuv") if alpha else ("yuv",)
    layouts = ("444p",) if whole else ("420p", "422p", "444p")
    for kind in kinds:
        for depth in (d for d in (8, 10, 12, 14, 16) if d >= bits):
            for layout in layouts:
                name = f"{kind}{layout}" if depth == 8 else f"{kind}{layout}{depth}le"
                if name in offered:
                    return name
    raise OutputError(
        what,
        f"it holds no {bits}-bit picture of {width}x{height}",
        "Try --codec ffv1 with .mkv, or a shallower --pix-fmt",
    )
