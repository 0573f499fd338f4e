"""A colored picture written: in the format of the file's name, with all that the format can hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcolor.errors import OutputError, reason, writing
from vidcolor.files import replaced
from vidcolor.film.images import exr, jpeg2000, netpbm, pillow, png, profiles, tiff
from vidcolor.film.images.dpx import write_dpx
from vidcolor.film.images.image import Image


@dataclass(frozen=True)
class Format:
    """What files of a format hold.

    Attributes:
        name: Its name.
        bits: The most bits of a code value.
        keeps: Of "alpha", "Exif", "XMP", "resolution", "texts", "comment", "captions", "DPX header": what it holds.
        longest: The longest side in pixels, 0 for no limit that matters.
    """

    name: str
    bits: int
    keeps: frozenset[str]
    longest: int = 0


def _format(name: str, bits: int, keeps: str = "", longest: int = 0) -> Format:
    return Format(name, bits, frozenset(keeps.split(", ")), longest)


_PHOTO = "alpha, Exif, XMP, resolution"
_JPEG = _format("JPEG", 8, "Exif, XMP, resolution, comment, captions", 65500)
_TIFF = _format("TIFF", 16, f"{_PHOTO}, captions")
_JP2 = _format("JPEG 2000", 16, _PHOTO)
_HEIC = _format("HEIC", 8, _PHOTO, 65535)
_PPM = _format("PPM", 16)
FORMATS: dict[str, Format] = {
    ".png": _format("PNG", 16, f"{_PHOTO}, texts"),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".webp": _format("WebP", 8, _PHOTO, 16383),
    ".bmp": _format("BMP", 8, "resolution", 32767),
    ".tga": _format("TGA", 8, "alpha", 65535),
    ".jp2": _JP2,
    ".j2k": _format("JPEG 2000", 16, "alpha"),
    ".ppm": _PPM,
    ".pnm": _PPM,
    ".dpx": _format("DPX", 16, "alpha, DPX header"),
    ".exr": _format("EXR", 32, "alpha"),
    ".heic": _HEIC,
    ".heif": _HEIC,
    ".avif": _format("AVIF", 8, _PHOTO, 65535),
}
_GREY_ONLY = (".pgm", ".pbm")
_OTHERS = {".jpe": ".jpg", ".jfif": ".jpg", ".hif": ".heic"}


def suffix_for(source: Path) -> str:
    """Return the suffix that the colors of a picture are written with when nothing else is asked for: its own."""
    suffix = source.suffix.lower()
    if suffix in _GREY_ONLY:
        return ".ppm"  # the same family, with color
    return source.suffix if suffix in FORMATS else _OTHERS.get(suffix, ".tif")


def check_format(path: Path) -> Format:
    """Return the format of a file's name.

    Raises:
        OutputError: there is none that holds colors.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        why = f"a picture is not written as {suffix or 'a file without suffix'}"
        if suffix in _GREY_ONLY:
            why = f"{suffix} holds no colors"
        raise OutputError(f"cannot write {path}", why, f"Use one of {' '.join(FORMATS)}")
    return FORMATS[suffix]


def depth_in(path: Path, image: Image) -> int:
    """Return the bits of a code value that a picture will have in a file: its own where the format holds them."""
    form = check_format(path)
    if form.name == "EXR" or image.pixels.dtype.kind == "f":
        return image.bits if form.name == "EXR" else min(16, form.bits)
    if form.name == "DPX":
        return image.bits
    return 8 if form.bits == 8 or image.bits == 8 else 16


def losses(path: Path, image: Image) -> list[str]:
    """Return what a file of this name will not hold of a picture, a line each; empty when it holds all.

    Raises:
        OutputError: the format does not take the picture.
    """
    form = check_format(path)
    lines = []
    if image.bits > form.bits:
        holders = " ".join(suffix for suffix, other in FORMATS.items() if other.bits >= image.bits)
        lines.append(f"{form.name} keeps {form.bits} of the picture's {image.bits} bits a channel: {holders} keep them")
    if image.pixels.dtype.kind == "f" and form.name != "EXR":
        lines.append("light brighter than white is cut off: .exr keeps it")
    height, width = image.pixels.shape[:2]
    if form.longest and max(height, width) > form.longest:
        why = f"{form.name} takes pictures of up to {form.longest} pixels, and this has {width}x{height}"
        raise OutputError(f"cannot write {path}", why, "Use .png or .tif")
    metadata = image.metadata
    opaque = image.alpha is None or not (image.alpha < image.opaque).any()
    long = pillow.JPEG_SEGMENT if form.name == "JPEG" else None
    held = {
        "alpha": not opaque, "Exif": metadata.exif, "XMP": metadata.xmp, "resolution": metadata.dpi,
        "texts": metadata.texts, "comment": metadata.comment, "captions": metadata.captions,
        "DPX header": metadata.header,
    }  # fmt: skip
    for name, there in held.items():
        if long and isinstance(there, bytes) and len(there) > long and name != "captions":
            lines.append(f"the picture's {name} is too long for JPEG and not kept: .png .tif keep it")
        elif there and name not in form.keeps:
            others = [suffix for suffix, other in FORMATS.items() if name in other.keeps]
            keep = "keep" if len(others) > 1 else "keeps"
            lines.append(f"the picture's {name} is not kept: {' '.join(others)} {keep} it")
    return lines


def write_image(path: Path, image: Image) -> None:
    """Write a colored picture, whole or not at all.

    Args:
        path: Its suffix names the format, one of ``FORMATS``.
        image: R'G'B' ``(H, W, 3)``.

    Raises:
        OutputError: the format does not take the picture, or the place cannot be written.
    """
    form = check_format(path)
    with replaced(path) as part:
        _write(path, part, form, image)


def write_straight(path: Path, image: Image) -> None:
    """Write a colored picture as write_image does, but without care for what is left when it does not end well.

    It may be half of one, and the disk may not hold it yet.

    Raises:
        OutputError: the format does not take the picture, or the place cannot be written.
    """
    with writing(path):
        _write(path, path, check_format(path), image)


def _write(path: Path, part: Path, form: Format, image: Image) -> None:
    try:
        _writer(form)(part, image)
    except (ValueError, RuntimeError, MemoryError) as error:
        why = reason(error).splitlines()[0]
        raise OutputError(f"cannot write {path}", why, "Choose another format with -o") from error


def _writer(form: Format) -> Callable[[Path, Image], None]:
    def as_light(part: Path, image: Image) -> None:
        exr.write(part, *_light(image), image.metadata)

    def as_dpx(part: Path, image: Image) -> None:
        write_dpx(part, image if image.pixels.dtype.kind == "u" else image.as_shown(16))

    def as_codes(part: Path, image: Image) -> None:
        shown = image.as_shown(8 if form.bits == 8 or image.bits == 8 else 16)
        _write_codes(part, form, shown)

    return {"EXR": as_light, "DPX": as_dpx}.get(form.name, as_codes)


def _write_codes(part: Path, form: Format, image: Image) -> None:
    values, metadata, profile = image.pixels, image.metadata, profiles.srgb_profile()
    alpha = image.alpha if "alpha" in form.keeps else None
    if form.name == "TIFF":
        tiff.write(part, values, alpha, profile, metadata)
    elif form.name == "PNG":
        _write_parts(part, png.encoded(values, alpha, profile, metadata))
    elif form.name == "JPEG 2000":
        _write_parts(part, jpeg2000.encoded(part, values, alpha, metadata))
    elif form.name == "PPM":
        _write_parts(part, netpbm.encoded(values))
    else:
        pillow.save(part, form.name, values, alpha, profile, metadata)


def _write_parts(path: Path, parts: list[Any]) -> None:
    with open(path, "wb") as file:
        for part in parts:
            file.write(part)


def _light(image: Image) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return light and opacity as floating-point numbers: half ones where 8 bits need no more."""
    if image.pixels.dtype.kind == "f":
        return image.pixels, image.alpha
    kind = np.float16 if image.bits == 8 else np.float32
    light = image.transfer.light(image.pixels, image.bits).astype(kind)
    alpha = None if image.alpha is None else (image.alpha / np.float32(image.opaque)).astype(kind)
    return light, alpha
