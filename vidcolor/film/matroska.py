"""The shape of pixels, put into a finished Matroska or WebM file.

libav's muxer writes it from a field that PyAV does not reach. The element is small, and the muxer leaves room behind
its index of elements (SeekHead): what lies between that room and the picture's track moves up, nothing else.
Element numbers are those of RFC 9559.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidcolor.film.frame import VideoInfo

_SEGMENT, _SEEK_HEAD, _SEEK_POSITION, _VOID = 0x18538067, 0x114D9B74, 0x53AC, 0xEC
_TRACKS, _TRACK, _VIDEO = 0x1654AE6B, 0xAE, 0xE0
_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
_CRC = 0xBF
_ASPECT = 3  # display unit: the two numbers are a ratio, not pixels
_HEAD = 1 << 16  # bytes; the elements wanted lie in a file's first few hundred


@dataclass(frozen=True)
class _Element:
    number: int
    start: int  # of its number
    body: int
    end: int

    @property
    def size_bytes(self) -> int:
        return self.body - self.start - len(_number(self.number))


def set_sample_aspect(path: Path, info: VideoInfo) -> bool:
    """Make players show the first video track of a file with the film's size and shape of pixels.

    Returns:
        False when the file is laid out in another way; it stays as it was.
    """
    with open(path, "r+b") as file:
        changed = _with_display(file.read(_HEAD), info.width, info.height, info.sample_aspect)
        if changed:
            file.seek(0)
            file.write(changed)
    return bool(changed)


def _with_display(data: bytes, width: int, height: int, aspect: Fraction) -> bytes:
    """The beginning of a file with the display size of its first video track; empty when there is no room."""
    try:
        return _rebuilt(data, width, height, aspect)
    except (LookupError, StopIteration):
        return b""


def _rebuilt(data: bytes, width: int, height: int, aspect: Fraction) -> bytes:
    segment = _find(data, 0, len(data), _SEGMENT)
    seek_head, void, tracks = (_find(data, segment.body, len(data), n) for n in (_SEEK_HEAD, _VOID, _TRACKS))
    track = next(t for t in _children(data, tracks) if t.number == _TRACK and _has(data, t, _VIDEO))
    video = _find(data, track.body, track.end, _VIDEO)
    shown = [c for c in _children(data, video) if c.number not in (_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT)]
    body = b"".join(data[c.start : c.end] for c in shown) + _display(width, height, aspect)
    grown = len(body) - (video.end - video.body)
    if not (void.end <= tracks.start and grown + 9 <= void.end - void.start):
        return b""
    sizes = {
        element.start: _number(element.number) + _size(element.end - element.body + grown, element.size_bytes)
        for element in (tracks, track, video)
    }
    room = _number(_VOID) + _size(void.end - void.start - 9 - grown, 8) + bytes(void.end - void.start - 9 - grown)
    moved = data[void.end : tracks.start] + sizes[tracks.start] + data[tracks.body : track.start]
    moved += sizes[track.start] + data[track.body : video.start] + sizes[video.start] + body
    index = bytearray(data[: void.start])
    for seek in _children(data, seek_head):
        for field in _children(data, seek):
            if field.number == _SEEK_POSITION:
                position = int.from_bytes(data[field.body : field.end], "big")
                if void.end - segment.body <= position <= tracks.start - segment.body:
                    index[field.body : field.end] = (position - grown).to_bytes(field.end - field.body, "big")
    result = bytearray(bytes(index) + room + moved + data[video.end :])
    for number in (_SEEK_HEAD, _TRACKS):
        _mend_checksum(result, _find(bytes(result), segment.body, len(result), number))
    return bytes(result)


def _mend_checksum(data: bytearray, parent: _Element) -> None:
    """An element's checksum is its first child, over all that follows in it."""
    first = _element(bytes(data), parent.body)
    if first.number == _CRC:
        data[first.body : first.end] = zlib.crc32(data[first.end : parent.end]).to_bytes(4, "little")


def _display(width: int, height: int, aspect: Fraction) -> bytes:
    shown = width * aspect
    if shown.denominator == 1:
        return _unsigned(_DISPLAY_WIDTH, int(shown)) + _unsigned(_DISPLAY_HEIGHT, height)
    ratio = shown / height
    numbers = _unsigned(_DISPLAY_WIDTH, ratio.numerator) + _unsigned(_DISPLAY_HEIGHT, ratio.denominator)
    return numbers + _unsigned(_DISPLAY_UNIT, _ASPECT)


def _unsigned(number: int, value: int) -> bytes:
    body = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
    return _number(number) + _size(len(body), 1) + body


def _number(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _size(value: int, length: int) -> bytes:
    if value >= (1 << 7 * length) - 1:
        raise LookupError("an element outgrows the bytes of its size")
    return (value | 1 << 7 * length).to_bytes(length, "big")


def _element(data: bytes, start: int) -> _Element:
    try:
        number_bytes = 9 - data[start].bit_length()
        size_bytes = 9 - data[start + number_bytes].bit_length()
    except IndexError as error:
        raise LookupError("the elements wanted lie too far in") from error
    body = start + number_bytes + size_bytes
    size = int.from_bytes(data[start + number_bytes : body], "big") & ((1 << 7 * size_bytes) - 1)
    return _Element(int.from_bytes(data[start : start + number_bytes], "big"), start, body, body + size)


def _children(data: bytes, parent: _Element) -> list[_Element]:
    found, place = [], parent.body
    while place < min(parent.end, len(data)):
        found.append(_element(data, place))
        place = found[-1].end
    return found


def _has(data: bytes, parent: _Element, number: int) -> bool:
    return any(child.number == number for child in _children(data, parent))


def _find(data: bytes, start: int, end: int, number: int) -> _Element:
    while start < end:
        element = _element(data, start)
        if element.number == number:
            return element
        start = element.end
    raise LookupError(f"no element {number:X}")
