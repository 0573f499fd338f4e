"""Large JPEG 2000 pictures, written tile by tile: OpenJPEG holds all values of a tile as 32-bit numbers, twice.

Each tile is encoded as a picture of its own, and the codestreams are joined to one. This is exact because the tiles
begin where all the grids of the format (wavelet, precincts, code blocks) begin anew, too.
"""

from __future__ import annotations

import struct
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

# Pixels on a side: code blocks of 64 after the five halvings that OpenJPEG makes. Tiles begin at multiples of it.
TILE = 2048
_SOC, _SIZ, _COD, _QCD, _SOT = b"\xff\x4f", b"\xff\x51", b"\xff\x52", b"\xff\x5c", b"\xff\x90"  # ITU-T T.800, A.2
_EOC = b"\xff\xd9"


def encoded(pixels: NDArray[Any], form: str) -> list[bytes]:
    """Return the parts of a file that holds a picture without loss.

    Args:
        pixels: ``(H, W, channels)`` of uint8 or uint16.
        form: "jp2", or "j2k" for a bare codestream.
    """
    height, width = pixels.shape[:2]
    corners = [(top, left) for top in range(0, height, TILE) for left in range(0, width, TILE)]
    if len(corners) == 1:
        return [_encode(pixels, form)]
    first = _encode(pixels[:TILE, :TILE], form)
    start = first.index(_SOC + _SIZ)
    main = dict(_segments(first, start + 2))
    parts = [_tile_part(first, start, 0, main)]
    for number, (top, left) in enumerate(corners[1:], start=1):
        tile = _encode(pixels[top : top + TILE, left : left + TILE], "j2k")
        parts.append(_tile_part(tile, 0, number, main))
    main[_SIZ] = main[_SIZ][:2] + struct.pack(">8I", width, height, 0, 0, TILE, TILE, 0, 0) + main[_SIZ][34:]
    head = _SOC + b"".join(_segment(marker, body) for marker, body in main.items())
    boxes = _boxes(first[:start], height, width, len(head) + sum(map(len, parts)) + len(_EOC))
    return [boxes, head, *parts, _EOC]


def _encode(pixels: NDArray[Any], form: str) -> bytes:
    pixels = np.ascontiguousarray(pixels)
    data = imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True, codecformat=form, numthreads=1)
    return bytes(data)


def _segments(data: bytes, place: int) -> list[tuple[bytes, bytes]]:
    """Return marker and body of the segments of a main header, up to its first tile."""
    found = []
    while (marker := data[place : place + 2]) != _SOT:
        (length,) = struct.unpack_from(">H", data, place + 2)
        found.append((marker, data[place + 4 : place + 2 + length]))
        place += 2 + length
    return found


def _segment(marker: bytes, body: bytes) -> bytes:
    return marker + struct.pack(">H", len(body) + 2) + body


def _tile_part(data: bytes, start: int, number: int, main: dict[bytes, bytes]) -> bytes:
    """Return the only tile of a codestream as the tile of a number in another one.

    Args:
        start: Where the codestream begins in its file.
        main: The segments of the other one's main header. What a small tile has of its own stands in its part.
    """
    segments = _segments(data, start + 2)
    place = start + 2 + sum(len(body) + 4 for _, body in segments)
    own = b"".join(
        _segment(marker, body) for marker, body in segments if marker in (_COD, _QCD) and main[marker] != body
    )
    body = data[place + 12 : data.rindex(_EOC)]  # behind SOT, whose other fields are written anew
    return _segment(_SOT, struct.pack(">HIBB", number, 12 + len(own) + len(body), 0, 1)) + own + body


def _boxes(boxes: bytes, height: int, width: int, length: int) -> bytes:
    """Return the boxes before a codestream for one of another size, and of a length in bytes."""
    if not boxes:
        return b""
    changed = bytearray(boxes)
    struct.pack_into(">II", changed, boxes.index(b"ihdr") + 4, height, width)
    struct.pack_into(">I", changed, len(boxes) - 8, length + 8 if length + 8 < 1 << 32 else 0)  # 0: to the file's end
    return bytes(changed)
