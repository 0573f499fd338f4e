"""Netpbm: PBM, PGM and PPM, written as text or binary, up to 16 bits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcolor.film.images.samples import Samples, check_size, from_channels, to_depth, unreadable

# Magic number, then numbers parted by white space; a comment runs from # to the end of its line.
_GAP = rb"(?:\s|#[^\n]*\n)+"
_BITS = re.compile(rb"P[14]" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})\s")
_VALUES = re.compile(rb"P[2356]" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,5})\s")


def is_netpbm(data: bytes) -> bool:
    """Return whether data begin like a Netpbm file."""
    return len(data) > 2 and data[:1] == b"P" and data[1:2] in b"123456" and data[2:3] in b" \t\r\n#"


def read(path: Path, data: bytes) -> Samples:
    """Return the picture of a PBM, PGM or PPM file.

    Raises:
        InputError: it is damaged.
    """
    kind = int(data[1:2])
    found = (_BITS if kind in (1, 4) else _VALUES).match(data)
    if not found:
        raise unreadable(path, "its header is damaged")
    width, height = int(found[1]), int(found[2])
    top = 1 if kind in (1, 4) else int(found[3])
    check_size(path, width, height)
    if not 1 <= top <= 65535:
        raise unreadable(path, f"its header claims values up to {top}")
    channels = 3 if kind in (3, 6) else 1
    body = memoryview(data)[found.end() :]
    values = _text(bytes(body), kind) if kind < 4 else _binary(body, kind, width, height, top, channels)
    if values.size < width * height * channels:
        raise unreadable(path, "the picture is cut short", "Copy it again")
    values = values[: width * height * channels].reshape((height, width, channels) if channels > 1 else (height, width))
    if int(values.max(initial=0)) > top:
        raise unreadable(path, f"its values exceed the {top} of its header")
    if kind in (1, 4):
        values = 1 - values  # a bit set is black
    return from_channels(_scaled(values, top), max(8, top.bit_length()))


def _binary(body: memoryview, kind: int, width: int, height: int, top: int, channels: int) -> NDArray[Any]:
    if kind == 4:
        row = (width + 7) // 8
        rows = np.frombuffer(body[: row * height], np.uint8)
        if rows.size < row * height:
            return rows[:0]
        return np.unpackbits(rows.reshape(height, row), axis=1)[:, :width].reshape(-1)
    stored = np.dtype(np.uint8 if top < 256 else ">u2")
    whole = min(len(body) // stored.itemsize, width * height * channels) * stored.itemsize
    return np.frombuffer(body[:whole], stored).astype(stored.newbyteorder("="), copy=False)


def _text(body: bytes, kind: int) -> NDArray[Any]:
    body = re.sub(rb"#[^\n]*", b"", body)
    if kind == 1:  # the digits of bits need no space between them
        return (np.frombuffer(re.sub(rb"[^01]", b"", body), np.uint8) - ord("0")).astype(np.uint8)
    numbers = re.match(rb"[\d\s]*", body)
    found = [int(word) for word in numbers[0].split()] if numbers else []
    return np.array([min(number, 65535) for number in found], np.uint16)


def _scaled(values: NDArray[Any], top: int) -> NDArray[Any]:
    """Return values with 8 or 16 whole bits: white is not always a power of two here."""
    bits = top.bit_length()
    if top == (1 << bits) - 1:
        return to_depth(values, bits)
    whole, kind = (255, np.uint8) if top < 256 else (65535, np.uint16)
    table = (np.arange(top + 1, dtype=np.uint32) * whole + top // 2) // top
    scaled: NDArray[Any] = table.astype(kind)[values]
    return scaled


def encoded(values: NDArray[Any]) -> list[Any]:
    """Return the parts of a binary PPM file of RGB ``(H, W, 3)``, uint8 or uint16."""
    height, width, _ = values.shape
    header = f"P6\n{width} {height}\n{np.iinfo(values.dtype).max}\n".encode()
    return [header, np.ascontiguousarray(values.astype(values.dtype.newbyteorder(">"), copy=False)).data]
