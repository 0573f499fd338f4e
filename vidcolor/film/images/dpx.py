"""DPX files (SMPTE ST 268-1): frames of film scans and digital intermediates, one picture a file.

The header is kept as the bytes that it is, so that what scanners and labs noted in it lives on; only the fields that
tell of the pixels change when a grey frame becomes a colored one.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from vidcolor.errors import reading
from vidcolor.film.images.bitpacking import FILLED_A, FILLED_B, PACKED, Packing
from vidcolor.film.images.image import Image
from vidcolor.film.images.metadata import Metadata
from vidcolor.film.images.samples import check_size, turned, unreadable
from vidcolor.film.transfer import LINEAR, LOG, VIDEO, Transfer

SIGNATURES = (b"SDPX", b"XPDS")
_LUMA, _RGB, _RGBA, _ABGR = 6, 50, 51, 52  # ST 268-1, table 1
_CHANNELS = {_LUMA: 1, _RGB: 3, _RGBA: 4, _ABGR: 4}
_DESCRIPTORS = {
    1: "red alone", 2: "green alone", 3: "blue alone", 4: "alpha alone", 7: "chroma", 8: "depth", 9: "composite video",
    100: "Y'CbCr 4:2:2", 101: "Y'CbCr 4:2:2 with alpha", 102: "Y'CbCr", 103: "Y'CbCr with alpha",
}  # fmt: skip
_DENSITY, _LINEAR, _LOGARITHMIC, _BT709 = 1, 2, 3, 6  # ST 268-1, table 5A
_UNDEFINED = 0xFFFFFFFF
_GENERIC, _WHOLE = 1664, 2048  # bytes of the header up to the film's part, and with the television's
# Scanners and tools that let the rows of 10-bit grey follow each other without a gap, against the standard.
_UNPADDED = ((160, b"Lasergraphics Inc."), (160, b"DIAMANT-Film"), (1556, b"Scanity"))
_TO_EXIF = (1, 2, 4, 3, 5, 6, 8, 7)  # ST 268-1, table 2, as Exif's numbers
_INVERSE = {6: 8, 8: 6}


@dataclass(frozen=True)
class Header:
    """The header of a DPX file: all bytes before the picture.

    Attributes:
        data: As they stand in the file.
    """

    data: bytes

    @property
    def order(self) -> str:
        """Return the order of bytes as :mod:`struct` writes it: ">" or "<"."""
        return ">" if self.data[:4] == b"SDPX" else "<"

    def number(self, form: str, offset: int) -> Any:
        """Return the number at an offset, or None behind the header's end."""
        if offset + struct.calcsize(form) > len(self.data):
            return None
        return struct.unpack_from(self.order + form, self.data, offset)[0]

    @property
    def size(self) -> tuple[int, int, int]:
        """Return width and height of the picture as it stands upright, and the bits of a code value."""
        width, height = self.number("I", 772), self.number("I", 776)
        return (height, width, self.data[803]) if _orientation(self) >= 5 else (width, height, self.data[803])

    @property
    def rate(self) -> Fraction | None:
        """Return frames per second: the film's, else the television's; None when neither tells."""
        for offset in (1724, 1940):
            value = self.number("f", offset)
            if value is not None and 1 <= value <= 1000:
                return _nearest_rate(value)
        return None

    @property
    def pixel_aspect(self) -> Fraction:
        """Return the width of a pixel over its height; 1 where nothing sensible is told."""
        across, down = self.number("I", 1628) or 0, self.number("I", 1632) or 0
        sensible = 0 < across < 1 << 16 and 0 < down < 1 << 16 and 0.1 < across / down < 10
        return Fraction(across, down) if sensible else Fraction(1)

    @property
    def timecode(self) -> str:
        """Return SMPTE timecode "hh:mm:ss:ff", with a semicolon for drop frames; empty when there is none."""
        value = self.number("I", 1920)
        if value in (None, _UNDEFINED):
            return ""
        digits = f"{value & 0x3F7F7F3F:08x}"  # the other bits are ST 12's flags
        if not digits.isdecimal():
            return ""
        mark = ";" if value & 0x40 else ":"
        return f"{digits[:2]}:{digits[2:4]}:{digits[4:6]}{mark}{digits[6:]}"

    def with_timecode(self, text: str) -> Header:
        """Return the same header with another timecode, "hh:mm:ss:ff"."""
        digits = "".join(character for character in text if character.isdecimal())
        if len(digits) != 8:
            raise ValueError(f"a timecode is hh:mm:ss:ff, not {text}")
        return self._with((1920, "I", int(digits, 16) | (0x40 if ";" in text else 0)))

    def with_rate(self, rate: Fraction) -> Header:
        """Return the same header with another rate, in the film's and the television's part."""
        return self._with((1724, "f", float(rate)), (1940, "f", float(rate)))

    def for_colors(self, channels: int, size: int) -> Header:
        """Return the header of the same picture in R'G'B'.

        Args:
            channels: 3, or 4 with opacity.
            size: Bytes of the packed picture.
        """
        fields: list[tuple[int, str, Any]] = [
            (16, "I", len(self.data) + size),
            (800, "B", _RGB if channels == 3 else _RGBA),
            (812, "I", 0),  # rows have no more bytes behind them, nor has the picture
            (816, "I", 0),
        ]
        return self._with(*fields)

    def _with(self, *fields: tuple[int, str, Any]) -> Header:
        data = bytearray(self.data)
        for offset, form, value in fields:
            if offset + struct.calcsize(form) <= len(data):
                struct.pack_into(self.order + form, data, offset, value)
        return Header(bytes(data))


def _nearest_rate(value: float) -> Fraction:
    """Return the whole rate, or the one of television (n * 1000 / 1001), that a 32-bit number stands for."""
    for rate in (Fraction(round(value)), Fraction(round(value * 1.001) * 1000, 1001)):
        if abs(float(rate) - value) < 5e-3:
            return rate
    return Fraction(value).limit_denominator(1000)


def new_header(width: int, height: int, bits: int, transfer: Transfer, channels: int) -> Header:
    """Return a header for a picture that comes from another kind of file: what is not known is marked so."""
    data = bytearray(b"\xff" * _WHOLE)
    for start, end in ((8, 16), (36, 660), (664, 768), (820, 852), (1432, 1620), (1644, 1712), (1732, 1920)):
        data[start:end] = bytes(end - start)  # texts and what is reserved
    struct.pack_into(">4sI4s", data, 0, b"SDPX", _WHOLE, b"V2.0")
    struct.pack_into(">IIII", data, 20, 1, _GENERIC, _WHOLE - _GENERIC, 0)
    data[160:168] = b"vidcolor"
    struct.pack_into(">HHII", data, 768, 0, 1, width, height)
    kind = {"log": _DENSITY, "linear": _LINEAR}.get(transfer.name, _BT709)
    struct.pack_into(">IIfIf", data, 780, 0, 0, 0.0, (1 << bits) - 1, 0.0)
    colors = _BT709 if kind == _LINEAR else kind
    struct.pack_into(">4BHHIII", data, 800, _RGB, kind, colors, bits, FILLED_A, 0, _WHOLE, 0, 0)
    struct.pack_into(">II", data, 1628, 1, 1)
    data[788:792] = data[796:800] = b"\xff" * 4
    return Header(bytes(data)).for_colors(channels, Packing(bits, FILLED_A, channels, True).size(width, height))


def read_dpx(path: Path, transfer: Transfer | None = None) -> Image:
    """Return the picture of a DPX file at its own depth, upright; the metadata hold the header.

    Args:
        transfer: What the code values mean; None takes what the header says.

    Raises:
        InputError: it is damaged, cut short, or of a kind that has no sure meaning.
    """
    with reading(path), open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        header = _header(path, file, size)
        layout = _layout(path, header, size)
        data = np.fromfile(file, np.uint8, offset=0)
    packing, width, height, gap = layout
    samples = packing.unpack(data, width, height, gap)
    samples = turned(samples, _orientation(header))
    colors, alpha = _channels(samples, header.data[800])
    return Image(colors, packing.bits, alpha, transfer or _meaning(header), Metadata(header=header.data))


def read_header(path: Path) -> Header:
    """Return the header of a DPX file, without reading its picture.

    Raises:
        InputError: it is damaged, or its picture cut short.
    """
    with reading(path), open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        header = _header(path, file, size)
        _layout(path, header, size)
        return header


def _header(path: Path, file: BinaryIO, size: int) -> Header:
    start = Header(file.read(_GENERIC))
    if start.data[:4] not in SIGNATURES or len(start.data) < 820:
        raise unreadable(path, "it is no DPX file" if len(start.data) >= 820 else "the picture is cut short")
    offset, own = start.number("I", 4), start.number("I", 808)
    if own not in (0, _UNDEFINED, offset) and 820 <= own < size:
        offset = own  # the element's own place is more exact than the file's
    if not 820 <= offset < size:
        raise unreadable(path, f"its picture is said to begin at byte {offset} of {size}")
    file.seek(0)
    return Header(file.read(offset))


def _layout(path: Path, header: Header, size: int) -> tuple[Packing, int, int, int]:
    """Return how the samples lie, width and height as stored, and the bytes behind each row."""
    elements, width, height = header.number("H", 770), header.number("I", 772), header.number("I", 776)
    sign, descriptor, bits = header.number("I", 780), header.data[800], header.data[803]
    method, encoding, gap = header.number("H", 804), header.number("H", 806), header.number("I", 812)
    check_size(path, width, height)
    if elements != 1:
        raise unreadable(path, f"it holds {elements} image elements", "Save it with one, of grey or RGB")
    if descriptor not in _CHANNELS:
        kind = _DESCRIPTORS.get(descriptor, f"of an unknown kind ({descriptor})")
        raise unreadable(path, f"its picture is {kind}", "Save it as grey or RGB")
    if bits not in (8, 10, 12, 16) or sign not in (0, _UNDEFINED):
        kind = "signed" if bits in (8, 10, 12, 16) else f"{bits}-bit"
        raise unreadable(path, f"its values are {kind} numbers", "Save it with 8, 10, 12 or 16 bits")
    if encoding not in (0, 0xFFFF):
        raise unreadable(path, "its picture is run-length encoded", "Save it unpacked")
    if method not in (PACKED, FILLED_A, FILLED_B):
        if bits in (10, 12):
            raise unreadable(path, f"its samples are packed in an unknown way ({method})", "Save it with method A")
        method = PACKED  # all ways are one for whole bytes
    there = size - len(header.data)
    channels = _CHANNELS[descriptor]
    padded = Packing(bits, method, channels, header.order == ">")
    tight = Packing(bits, method, channels, header.order == ">", padded=False)
    if gap not in (0, _UNDEFINED) and padded.size(width, height) + gap * height <= there:
        return padded, width, height, gap
    odd = bits == 10 and any(header.data[at : at + len(name)] == name for at, name in _UNPADDED)
    candidates = [tight, padded] if odd else [padded, tight]
    candidates.sort(key=lambda packing: packing.size(width, height) != there)  # what fits exactly comes first
    for packing in candidates:
        if packing.size(width, height) <= there:
            return packing, width, height, 0
    raise unreadable(path, "the picture is cut short", "Copy it again")


def _orientation(header: Header) -> int:
    code = header.number("H", 768)
    return _TO_EXIF[code] if code < len(_TO_EXIF) else 1


def _channels(samples: NDArray[Any], descriptor: int) -> tuple[NDArray[Any], NDArray[Any] | None]:
    if descriptor == _ABGR:
        samples = samples[..., ::-1]
    if samples.shape[2] == 4:
        return np.ascontiguousarray(samples[..., :3]), np.ascontiguousarray(samples[..., 3])
    return (samples[..., 0], None) if samples.shape[2] == 1 else (samples, None)


def _meaning(header: Header) -> Transfer:
    """Return what the header says of the code values.

    "Linear" is believed of 16 bits only: with fewer, dark tones of linear light would have a handful of codes, and
    files marked so hold video; FFmpeg marks all of its files so.
    """
    kind, bits = header.data[801], header.data[803]
    if kind in (_DENSITY, _LOGARITHMIC):
        return LOG
    if kind == _LINEAR and bits == 16 and not header.data[160:].startswith(b"Lavc"):
        return LINEAR
    return VIDEO


def write_dpx(path: Path, image: Image) -> None:
    """Write a picture of whole numbers as a DPX file: with the header that came with it, or with a new one.

    Args:
        image: R'G'B', ``(H, W, 3)``, of 8, 10, 12 or 16 bits.

    Raises:
        OSError: the place cannot be written.
    """
    channels = 3 if image.alpha is None else 4
    height, width = image.pixels.shape[:2]
    samples = image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])
    header = Header(image.metadata.header)
    if header.data and header.data[803] == image.bits and header.data[:4] in SIGNATURES:
        method = header.number("H", 804)
        method = method if method in (PACKED, FILLED_A, FILLED_B) else FILLED_A
        packing = Packing(image.bits, method, channels, header.order == ">")
        back = _orientation(header)
        samples = turned(samples, _INVERSE.get(back, back))
        stored = packing.pack(samples)
        header = header.for_colors(channels, stored.nbytes)
    else:
        header = new_header(width, height, image.bits, image.transfer, channels)
        stored = Packing(image.bits, FILLED_A, channels, True).pack(samples)
    with open(path, "wb", buffering=0) as file:
        file.write(header.data)
        file.write(np.ascontiguousarray(stored).data)
