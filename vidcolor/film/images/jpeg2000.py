"""JPEG 2000: JP2 files and bare codestreams, through OpenJPEG; Exif, XMP and profile from their boxes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from vidcolor.film.images import jpeg2000_tiles
from vidcolor.film.images.metadata import Metadata, dpi_of_exif
from vidcolor.film.images.samples import Samples, check_size, from_channels, to_depth, unreadable

SIGNATURES = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
_EXIF = b"JpgTiffExif->JP2"  # the name that ExifTool and Exiv2 give the box
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # XMP specification part 3, 1.1.5.1


def read(path: Path, data: bytes) -> Samples:
    """Return the picture of a JPEG 2000 file.

    Raises:
        InputError: it is damaged, or of a kind that has no sure meaning.
    """
    bits = _check_codestream(path, data)
    try:
        values = imagecodecs.jpeg2k_decode(data, numthreads=1)
    except (imagecodecs.Jpeg2kError, ValueError, TypeError, NotImplementedError, MemoryError) as error:
        raise unreadable(path, "it does not decode") from error
    if values.dtype.kind != "u" or values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] > 4):
        raise unreadable(path, f"it holds {values.dtype} values of shape {values.shape}", "Convert it to 8 or 16 bit")
    losses = [f"its {bits} bits a channel are kept as 16"] if bits > 16 else []
    samples = from_channels(to_depth(values, bits), bits, losses=losses)
    exif = xmp = b""
    for kind, body in _boxes(data):
        if kind == b"colr" and body[:1] == b"\x02" and len(body) > 131:
            samples.profile = body[3:]
        elif kind == b"uuid" and body.startswith(_EXIF):
            exif = body[16:].removeprefix(b"Exif\0\0")
        elif kind == b"uuid" and body.startswith(_XMP):
            xmp = body[16:]
    samples.metadata = Metadata(exif, xmp, dpi_of_exif(exif))
    return samples


def _check_codestream(path: Path, data: bytes) -> int:
    """Refuse a codestream that is cut or of absurd size; return its bits (ITU-T T.800, A.5.1)."""
    start = data.find(b"\xff\x4f\xff\x51")
    if start < 0 or start + 45 > len(data):
        raise unreadable(path, "its header is damaged")
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    check_size(path, right - left, bottom - top)
    streams = [body for kind, body in _boxes(data) if kind == b"jp2c"] or [data]
    if b"\xff\xd9" not in bytes(streams[0][-64:]):
        raise unreadable(path, "the picture is cut short", "Copy it again")
    return (data[start + 42] & 0x7F) + 1


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and body of the boxes of a JP2 file, those of its header among them."""
    stack = [(0, len(data))]
    while stack:
        place, end = stack.pop()
        while place + 8 <= end:
            length, kind = struct.unpack_from(">I4s", data, place)
            body = place + 8
            if length == 1 and body + 8 <= end:
                (length,) = struct.unpack_from(">Q", data, body)
                body += 8
            stop = end if length == 0 else min(end, place + length)
            if kind == b"jp2h":
                stack.append((body, stop))
            elif kind in (b"colr", b"uuid", b"jp2c"):
                yield kind, data[body:stop]
            if stop <= place + 7:
                break
            place = stop


def encoded(path: Path, values: NDArray[Any], alpha: NDArray[Any] | None, metadata: Metadata) -> list[Any]:
    """Return the parts of a lossless JPEG 2000 file of RGB, with opacity where there is some."""
    pixels = values if alpha is None else np.dstack([values, alpha])
    form = "j2k" if path.suffix.lower() in (".j2k", ".j2c", ".jpc") else "jp2"
    parts = jpeg2000_tiles.encoded(pixels, form)
    if form == "j2k":
        return parts
    exif = metadata.exif_with_dpi()
    boxes = [_EXIF + exif] * bool(exif) + [_XMP + metadata.xmp] * bool(metadata.xmp)
    return [*parts, *(struct.pack(">I4s", len(body) + 8, b"uuid") + body for body in boxes)]
