"""A picture's file read: whatever the format, as sRGB and upright, with all that is known about it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcolor.errors import InputError, reading
from vidcolor.files import FILMS, RAW_PHOTOS, has_suffix, is_photo
from vidcolor.film.images import dpx, exr, jpeg2000, netpbm, pillow, png, profiles, tiff
from vidcolor.film.images.image import Image
from vidcolor.film.images.samples import Samples, turned, unreadable
from vidcolor.film.transfer import LINEAR

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_RAW_SIGNATURES = (b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"FUJIFILMCCD-RAW", b"FOVb", b"\0MRM", b"II\x1a\0\0\0HEAPCCDR")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc", b"hevx")
_AVIF_BRANDS = (b"avif", b"avis")


def read_image(path: Path) -> Image:
    """Return the picture that a file holds, whatever its suffix says.

    Colors are converted to sRGB by the profile, black is 0, rows are turned upright; the orientation of the metadata is
    told as upright then.

    Raises:
        InputError: there is no file, it is damaged or cut short, a camera's raw picture, or of a kind without a sure
            meaning.
    """
    try:
        with reading(path), open(path, "rb") as file:
            head = file.read(64)
            _refuse_raw(path, head)
            if head.startswith(exr.SIGNATURE):
                return _of_light(path)
            if head.startswith(dpx.SIGNATURES):
                return dpx.read_dpx(path)
            file.seek(0)
            if head.startswith(_TIFF):
                return _image(path, tiff.read(path, file))
            reader = _reader(path, head)
            return _image(path, reader(path, file.read()))
    except MemoryError as error:
        raise unreadable(path, "the memory does not take it", "Make it smaller") from error


def is_picture(path: Path) -> bool:
    """Return whether a file is a still picture: by its suffix, or by its first bytes where its suffix is not known."""
    if has_suffix(path, FILMS):
        return False
    if is_photo(path):
        return True
    try:
        with open(path, "rb") as file:
            head = file.read(64)
        known = (exr.SIGNATURE, *dpx.SIGNATURES, *_TIFF, *_RAW_SIGNATURES)
        return head.startswith(known) or bool(head and _reader(path, head))
    except (OSError, InputError):  # opening it will tell
        return False


def picture_size(path: Path) -> tuple[int, int, int] | None:
    """Return width, height and bits of a frame from its header alone; None for formats whose header is not enough.

    The bits are 0 where a header does not tell them.

    Raises:
        InputError: the header is damaged, or the file cut short.
    """
    with reading(path), open(path, "rb") as file:
        head = file.read(26)
        if head.startswith(dpx.SIGNATURES):
            return dpx.read_header(path).size
        if head.startswith(png.SIGNATURE) and len(head) == 26:
            width, height, bits = struct.unpack_from(">IIB", head, 16)
            return width, height, max(8, bits)
        if head.startswith(_TIFF):
            file.seek(0)
            return tiff.size(path, file)
    return exr.size(path) if head.startswith(exr.SIGNATURE) else None


def _refuse_raw(path: Path, head: bytes) -> None:
    crx = head[4:12] == b"ftypcrx "
    cr2 = head.startswith(_TIFF) and head[8:10] == b"CR"
    if crx or cr2 or head.startswith(_RAW_SIGNATURES) or has_suffix(path, RAW_PHOTOS):
        raise unreadable(path, "it is a camera's raw picture", "Develop it to a 16-bit TIFF first")


def _reader(path: Path, head: bytes) -> Callable[[Path, bytes], Samples]:
    if head.startswith(png.SIGNATURE):
        return png.read
    if head.startswith(jpeg2000.SIGNATURES):
        return jpeg2000.read
    if netpbm.is_netpbm(head):
        return netpbm.read
    if head[4:8] == b"ftyp":
        brands = {head[8:12], *(head[place : place + 4] for place in range(16, min(len(head), head[3] or 64), 4))}
        if brands & set(_AVIF_BRANDS):
            return lambda path, data: pillow.read(path, data, "AVIF")
        if brands & set(_HEIC_BRANDS):
            return pillow.read_heic
    forms = {b"\xff\xd8\xff": "JPEG", b"BM": "BMP", b"RIFF": "WebP"}
    form = next((form for start, form in forms.items() if head.startswith(start)), "")
    if path.suffix.lower() == ".tga" and not form:  # TGA has no signature
        form = "TGA"
    if not form or (form == "WebP" and head[8:12] != b"WEBP"):
        why = "the file is empty" if not head else "the data are invalid"
        raise unreadable(path, why, "It is no picture, or a damaged one")
    return lambda path, data: pillow.read(path, data, form)


def _image(path: Path, samples: Samples) -> Image:
    """Return the picture in sRGB, upright."""
    try:
        pixels, bits = _in_srgb(samples)
    except profiles.ProfileError as error:
        raise unreadable(path, str(error), "Take the profile off, or give the right one") from error
    metadata = samples.metadata
    alpha = samples.alpha
    if (orientation := metadata.orientation) != 1:
        pixels = turned(pixels, orientation)
        alpha = turned(alpha, orientation) if alpha is not None else None
    return Image(pixels, bits, alpha, metadata=metadata.upright(), losses=tuple(samples.losses))


def _in_srgb(samples: Samples) -> tuple[NDArray[Any], int]:
    values, model = samples.values, samples.model
    if samples.premultiplied and samples.alpha is not None:
        values = _unmultiplied(values, samples.alpha)
    if model == "lab":
        pixels: NDArray[Any] = profiles.lab_to_srgb(values)
        if samples.bits == 8:
            pixels = np.rint(pixels / np.float32(257)).astype(np.uint8)
    elif samples.profile:
        if model == "rgb" and profiles.kind_of(samples.profile) == "gray" and _is_grey(values):
            values, model = np.ascontiguousarray(values[..., 1]), "gray"
        pixels = profiles.converted(values, samples.profile, model)
    elif model == "cmyk":
        samples.losses.append("it has no color profile: its inks are taken as plain ones")
        pixels = _plain_inks(values)
    else:
        pixels = _from_gamma(values, samples.gamma) if samples.gamma else values
    return pixels, 8 if pixels.dtype == np.uint8 else 16


def _is_grey(values: NDArray[Any]) -> bool:
    return bool((values[..., 0] == values[..., 1]).all() and (values[..., 1] == values[..., 2]).all())


def _unmultiplied(values: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    top = np.iinfo(values.dtype).max
    share = np.maximum(alpha, 1).astype(np.float32) / top
    whole = values / (share if values.ndim == 2 else share[..., None])
    codes: NDArray[Any] = np.rint(np.minimum(whole, top)).astype(values.dtype)
    return codes


def _plain_inks(values: NDArray[Any]) -> NDArray[Any]:
    """Return R'G'B' of cyan, magenta, yellow and black whose inks nobody has described."""
    top = np.iinfo(values.dtype).max
    paper = (top - values).astype(np.uint32)
    return ((paper[..., :3] * paper[..., 3:] + top // 2) // top).astype(values.dtype)


def _from_gamma(values: NDArray[Any], gamma: float) -> NDArray[Any]:
    """Return sRGB of values whose file tells the exponent that turns them into light."""
    top = np.iinfo(values.dtype).max
    light = np.linspace(0, 1, top + 1, dtype=np.float32) ** np.float32(gamma)
    table = np.rint(LINEAR.shown(light, 32) * top).astype(values.dtype)
    shown: NDArray[Any] = table[values]
    return shown


def _of_light(path: Path) -> Image:
    values, alpha, metadata, losses = exr.read(path)
    return Image(values, 8 * values.itemsize, alpha, LINEAR, metadata, tuple(losses))
