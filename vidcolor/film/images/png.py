"""PNG: 1 to 16 bits, with profile, Exif, XMP, resolution and texts; pixels through libpng."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from vidcolor.film.images.metadata import Metadata, dpi_of
from vidcolor.film.images.samples import Samples, check_size, from_channels, hushed, unreadable

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP = b"XML:com.adobe.xmp"
_INCH = 0.0254  # meters
_SUB = 16  # libpng: every row as differences to the pixel on the left, in a third of the time of a choice
_MOST_TEXT = 1 << 24  # bytes that a packed profile or text may unpack to
_SRGB_GAMMA = 45455  # gAMA of sRGB, PNG 3 section 11.3.2.2: 100000 / 2.2
_NO_PROFILE = b"\0"  # told as one that cannot be read
_PQ, _HLG = 16, 18  # H.273, as cICP holds them


def read(path: Path, data: bytes) -> Samples:
    """Return the picture of a PNG file.

    Raises:
        InputError: it is damaged.
    """
    chunks = list(_chunks(data))
    if any(not sound and name[:1].isupper() for name, _, _, sound in chunks):
        raise unreadable(path, "it does not decode", "It is damaged: copy it again")
    names = {name for name, _, _, _ in chunks}
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) < 13:
        raise unreadable(path, "its header is damaged")
    if chunks[-1][0] != b"IEND":
        raise unreadable(path, "the picture is cut short", "Copy it again")
    check_size(path, *struct.unpack_from(">II", chunks[0][1]))
    try:
        with hushed():
            values = imagecodecs.png_decode(_critical(data, chunks))
    except (imagecodecs.PngError, ValueError, MemoryError) as error:
        raise unreadable(path, "it does not decode") from error
    samples = from_channels(values, values.dtype.itemsize * 8)
    frames = 0
    texts = b""
    kept: dict[str, Any] = {}
    for name, body, whole, sound in chunks:
        if name == b"iCCP":
            samples.profile = _unpacked(body[body.index(b"\0") + 2 :]) if sound and b"\0" in body else _NO_PROFILE
        elif not sound:
            samples.losses.append(f"its {name.decode('latin-1')} is damaged and not kept")
        elif name == b"gAMA" and len(body) == 4 and not names & {b"iCCP", b"sRGB", b"cICP"}:
            gamma = struct.unpack(">I", body)[0]
            samples.gamma = 100_000 / gamma if gamma and abs(gamma - _SRGB_GAMMA) > 2_000 else 0.0
        elif name == b"cICP" and len(body) == 4 and body[1] in (_PQ, _HLG):
            raise unreadable(path, "it is a high dynamic range picture", "Convert it to sRGB first")
        elif name == b"acTL" and len(body) == 8:
            frames = struct.unpack_from(">I", body)[0]
        elif name == b"pHYs" and len(body) == 9 and body[8] == 1:
            across, down = struct.unpack_from(">II", body)
            kept["dpi"] = dpi_of(across * _INCH, down * _INCH, 2)
        elif name == b"eXIf":
            kept["exif"] = body.removeprefix(b"Exif\0\0")
        elif name == b"iTXt" and body.startswith(_XMP + b"\0"):
            kept["xmp"] = _international(body)
        elif name in (b"tEXt", b"zTXt", b"iTXt", b"tIME"):
            texts += bytes(whole)
    samples.metadata = Metadata(texts=texts, **kept)
    if frames > 1:
        samples.losses.append(f"only the first of {frames} pictures in it is colored")
    return samples


def encoded(values: NDArray[Any], alpha: NDArray[Any] | None, profile: bytes, metadata: Metadata) -> list[Any]:
    """Return the parts of a PNG file of RGB, with opacity where there is some, in order."""
    pixels = values if alpha is None else np.dstack([values, alpha])
    data = memoryview(imagecodecs.png_encode(pixels, level=3, filter=_SUB))
    header_end = len(SIGNATURE) + 25  # length, name, 13 bytes of IHDR, checksum
    added = [_chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(profile, 9))]
    if metadata.dpi:
        across, down = (round(value / _INCH) for value in metadata.dpi)
        added.append(_chunk(b"pHYs", struct.pack(">IIB", across, down, 1)))
    if metadata.exif:
        added.append(_chunk(b"eXIf", metadata.exif))
    if metadata.xmp:
        added.append(_chunk(b"iTXt", _XMP + b"\0\0\0\0\0" + metadata.xmp))
    return [data[:header_end], *added, metadata.texts, data[header_end:]]


def _critical(data: bytes, chunks: list[tuple[bytes, bytes, memoryview, bool]]) -> bytes:
    """Return the same picture without what libpng would complain about."""
    kept = [whole for name, _, whole, _ in chunks if name[:1].isupper() or name == b"tRNS"]
    return data if len(kept) == len(chunks) else b"".join([SIGNATURE, *kept])


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, memoryview, bool]]:
    """Yield name, body and whole of each chunk that is there completely, and whether its checksum is right.

    The body of pixels is left out.
    """
    view = memoryview(data)
    place = len(SIGNATURE)
    while place + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", view, place)
        end = place + 12 + length
        if end > len(data):
            return
        body = b"" if name in (b"IDAT", b"fdAT") else bytes(view[place + 8 : end - 4])
        sound = zlib.crc32(view[place + 4 : end - 4]) == struct.unpack_from(">I", view, end - 4)[0]
        yield name, body, view[place:end], sound
        if name == b"IEND":
            return
        place = end


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _unpacked(body: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(body, _MOST_TEXT)
    except zlib.error:
        return _NO_PROFILE


def _international(body: bytes) -> bytes:
    """Return the text of an iTXt chunk: keyword, packed or not, language, translated keyword, text."""
    rest = body[len(_XMP) + 1 :]
    parts = rest[2:].split(b"\0", 2)
    if len(rest) < 2 or len(parts) < 3:
        return b""
    return _unpacked(parts[2]) if rest[0] else parts[2]
