"""What a picture's file says beside its pixels: Exif, XMP, resolution, texts, and which way is up."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from PIL import Image as PillowImage

# Tags of Exif 3.0 (CIPA DC-008), which are those of TIFF 6.0 in its first directory.
ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x0112, 0x011A, 0x011B, 0x0128
_EXIF_DIRECTORY, _PIXELS_X, _PIXELS_Y = 0x8769, 0xA002, 0xA003
_SHORT, _LONG = 3, 4
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=[\"']|>)\s*)([1-8])")


@dataclass(frozen=True)
class Metadata:
    """What is kept of a picture beside its pixels.

    Attributes:
        exif: A TIFF structure, without the name that stands before it in JPEG files; empty when there is none.
        xmp: A packet of XML; empty when there is none.
        dpi: Pixels per inch, across and down; None when nothing tells.
        texts: Chunks of a PNG file that hold texts and its date, as they stand in it.
        comment: The comment of a JPEG file.
        captions: The block that Photoshop and press archives keep IPTC captions in.
        header: The header of a DPX file; empty for all others.
        attributes: The header of an EXR file, as its library gives it; empty for all others.
    """

    exif: bytes = b""
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    texts: bytes = b""
    comment: bytes = b""
    captions: bytes = b""
    header: bytes = b""
    attributes: tuple[tuple[str, object], ...] = ()

    @property
    def orientation(self) -> int:
        """Return how the stored rows lie (Exif's 1 to 8): 1 is upright."""
        for order, position, tag, kind, value in _entries(self.exif):
            if tag == ORIENTATION and kind == _SHORT and position >= 0:
                (found,) = struct.unpack_from(order + "H", self.exif, value)
                return found if 1 <= found <= 8 else 1
        found = _XMP_ORIENTATION.search(self.xmp) if not self.exif else None
        return int(found[2]) if found else 1

    def upright(self) -> Metadata:
        """Return the same metadata for a picture whose rows have been turned upright.

        The orientation becomes 1, width and height change places with it, and Exif's small preview is taken out: it
        shows the picture as it was.
        """
        turned = self.orientation >= 5
        exif = bytearray(self.exif)
        sizes: dict[int, tuple[str, int, int]] = {}
        for order, _, tag, kind, value in _entries(self.exif):
            if tag == ORIENTATION and kind == _SHORT:
                struct.pack_into(order + "H", exif, value, 1)
            elif tag in (_PIXELS_X, _PIXELS_Y) and kind in (_SHORT, _LONG):
                sizes[tag] = (order + ("H" if kind == _SHORT else "I"), kind, value)
        if turned and len(sizes) == 2 and sizes[_PIXELS_X][1] == sizes[_PIXELS_Y][1]:
            form, _, first = sizes[_PIXELS_X]
            second = sizes[_PIXELS_Y][2]
            across, down = struct.unpack_from(form, exif, first), struct.unpack_from(form, exif, second)
            struct.pack_into(form, exif, first, *down)
            struct.pack_into(form, exif, second, *across)
        _drop_preview(exif)
        dpi = self.dpi[::-1] if turned and self.dpi else self.dpi
        return replace(self, exif=bytes(exif), xmp=_XMP_ORIENTATION.sub(rb"\g<1>1", self.xmp), dpi=dpi)

    def exif_with_dpi(self) -> bytes:
        """Return Exif for files that have no other place for a resolution."""
        if self.exif or not self.dpi:
            return self.exif
        made = PillowImage.Exif()
        made[X_RESOLUTION], made[Y_RESOLUTION] = (Fraction(value).limit_denominator(1000) for value in self.dpi)
        made[RESOLUTION_UNIT] = 2  # inches
        return made.tobytes().removeprefix(b"Exif\0\0")


def dpi_of_exif(exif: bytes) -> tuple[float, float] | None:
    """Return the pixels per inch that Exif tells, or None."""
    found: dict[int, float] = {}
    for order, _, tag, kind, value in _entries(exif):
        if tag in (X_RESOLUTION, Y_RESOLUTION) and kind == 5:
            offset = struct.unpack_from(order + "I", exif, value)[0]
            if offset + 8 <= len(exif):
                over, under = struct.unpack_from(order + "II", exif, offset)
                found[tag] = over / under if under else 0.0
        elif tag == RESOLUTION_UNIT and kind == _SHORT:
            found[tag] = struct.unpack_from(order + "H", exif, value)[0]
    return dpi_of(found.get(X_RESOLUTION, 0), found.get(Y_RESOLUTION, 0), int(found.get(RESOLUTION_UNIT, 2)))


def dpi_of(across: float, down: float, unit: int) -> tuple[float, float] | None:
    """Return pixels per inch, of numbers in TIFF's units: 2 is the inch, 3 the centimeter, 1 tells only a shape."""
    if unit not in (2, 3) or not (0 < across < 1e6 and 0 < down < 1e6):
        return None
    factor = 2.54 if unit == 3 else 1.0
    return across * factor, down * factor


def _entries(exif: bytes) -> Iterator[tuple[str, int, int, int, int]]:
    """Return byte order, position, tag, kind and position of the value, of the first directory and the camera's own."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2], "")
    if not order or len(exif) < 8:
        return
    waiting = [struct.unpack_from(order + "I", exif, 4)[0]]
    for directory in waiting:  # grows once, by the camera's directory
        for position in _positions(exif, order, directory):
            tag, kind = struct.unpack_from(order + "HH", exif, position)
            if tag == _EXIF_DIRECTORY and len(waiting) == 1:
                waiting.append(struct.unpack_from(order + "I", exif, position + 8)[0])
            yield order, position, tag, kind, position + 8


def _positions(exif: bytes, order: str, directory: int) -> Iterator[int]:
    if directory + 2 > len(exif):
        return
    (count,) = struct.unpack_from(order + "H", exif, directory)
    for number in range(count):
        position = directory + 2 + 12 * number
        if position + 12 > len(exif):
            return
        yield position


def _drop_preview(exif: bytearray) -> None:
    """Cut the link from the first directory to the one of the preview."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(exif[:2]), "")
    if not order or len(exif) < 8:
        return
    (directory,) = struct.unpack_from(order + "I", exif, 4)
    if directory + 2 <= len(exif):
        (count,) = struct.unpack_from(order + "H", exif, directory)
        link = directory + 2 + 12 * count
        if link + 4 <= len(exif):
            struct.pack_into(order + "I", exif, link, 0)
