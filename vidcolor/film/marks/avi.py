"""The stream headers of AVI files, read and mended: when a stream starts, which libav's muxer does not write.

An AVI counts: every chunk of a stream, or every ``sample_size`` bytes of it, lasts one tick of its clock. Layout and
names are those of Microsoft's "AVI RIFF File Reference", structure AVISTREAMHEADER.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

_HEADER = struct.Struct("<4s4sIHHIIIIIIII")  # fccType, fccHandler, dwFlags ... dwStart, dwLength ... dwSampleSize
_START = 28  # bytes before dwStart
_HEAD = 1 << 16  # bytes; the headers lie in a file's first few thousand


@dataclass(frozen=True)
class StreamHeader:
    """What the header of a stream tells about time.

    Attributes:
        place: Where it lies in the file, in bytes.
        tick: Seconds that a chunk, or a sample, lasts.
        sample_size: Bytes of a sample; 0 where each chunk is one.
        start: Ticks before the first.
    """

    place: int
    tick: Fraction
    sample_size: int
    start: int


def stream_headers(data: bytes) -> list[StreamHeader]:
    """Return the headers of all streams, in order.

    Args:
        data: The beginning of the file.
    """
    found, place = [], data.find(b"strh")
    while 0 <= place <= len(data) - 8 - _HEADER.size:
        fields = _HEADER.unpack_from(data, place + 8)
        scale, rate, start, sample_size = fields[6], fields[7], fields[8], fields[12]
        found.append(StreamHeader(place + 8, Fraction(scale, rate or 1), sample_size, start))
        place = data.find(b"strh", place + 8 + _HEADER.size)
    return found


def set_starts(path: Path, starts: Mapping[int, int]) -> None:
    """Let streams of a finished file start later than its first picture.

    Args:
        starts: Ticks by which a stream starts later, by its number.
    """
    with open(path, "r+b") as file:
        headers = stream_headers(file.read(_HEAD))
        for number, ticks in starts.items():
            file.seek(headers[number].place + _START)
            file.write(struct.pack("<I", ticks))
