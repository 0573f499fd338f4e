"""Marks on the tracks of Matroska and WebM files, which libav's muxer does not write, or PyAV does not reach.

The shape of pixels, cropping, languages of BCP 47, disabled tracks. libav leaves room behind the index of elements
(SeekHead); what lies between that room and the first cluster moves, and nothing else does. Element numbers are those
of RFC 9559.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vidcolor.film.marks.tracks import Crop, Marks, PictureShape, TrackMarks

_SEGMENT, _SEEK_HEAD, _SEEK, _SEEK_ID, _SEEK_POSITION = 0x18538067, 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC
_VOID, _CRC, _TRACKS, _TRACK, _VIDEO, _CLUSTER = 0xEC, 0xBF, 0x1654AE6B, 0xAE, 0xE0, 0x1F43B675
_TYPE, _ENABLED, _LANGUAGE, _LANGUAGE_BCP47 = 0x83, 0xB9, 0x22B59C, 0x22B59D
_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
_CROP = {"left": 0x54CC, "top": 0x54BB, "right": 0x54DD, "bottom": 0x54AA}
_ASPECT = 3  # display unit: the two numbers are a ratio, not pixels
_HEAD = 64 << 20  # bytes of a file's beginning, before its pictures; attachments may lie there
_PLAYED = (1, 2, 17, 33)  # types of tracks: video, audio, subtitles, metadata


@dataclass(frozen=True)
class _Element:
    number: int
    start: int  # of its number
    body: int
    end: int

    @property
    def size_bytes(self) -> int:
        return self.body - self.start - len(_number(self.number))


def read_marks(path: Path) -> list[TrackMarks]:
    """Return the marks of a file's tracks, in their order; none where they are not found."""
    try:
        with open(path, "rb") as file:
            data = _tracks(file)
            (tracks,) = _elements(data, 0, len(data))
            entries = [track for track in _children(data, tracks) if track.number == _TRACK]
            return [marks for entry in entries if (marks := _read_entry(data, entry)) is not None]
    except (LookupError, ValueError):
        return []


def _tracks(file: BinaryIO) -> bytes:
    """Return the bytes of the element of tracks, wherever the index says that it is."""
    head = file.read(1 << 16)
    segment = _find(head, 0, len(head), _SEGMENT)
    for element in _elements(head, segment.body, len(head)):
        if element.number == _TRACKS:
            return _bytes_at(file, element.start)
        if element.number == _SEEK_HEAD:
            for seek in (s for s in _children(head, element) if s.number == _SEEK):
                fields = {f.number: int.from_bytes(head[f.body : f.end], "big") for f in _children(head, seek)}
                if fields.get(_SEEK_ID) == _TRACKS:
                    return _bytes_at(file, segment.body + fields[_SEEK_POSITION])
    raise LookupError("no tracks")


def _bytes_at(file: BinaryIO, place: int) -> bytes:
    file.seek(place)
    element = _element(file.read(16), 0)
    file.seek(place)
    return file.read(min(element.end, _HEAD))


def _read_entry(data: bytes, entry: _Element) -> TrackMarks | None:
    fields = {child.number: child for child in _children(data, entry)}
    if _TYPE not in fields or _value(data, fields[_TYPE]) not in _PLAYED:
        return None
    language = ""
    if _LANGUAGE_BCP47 in fields:
        element = fields[_LANGUAGE_BCP47]
        written = data[element.body : element.end].rstrip(b"\0").decode("ascii")
        # "en" beside "eng" says nothing more; without a language in three letters, which then is English, all counts.
        says_more = "-" in written or (_LANGUAGE not in fields and written not in ("en", "eng"))
        language = written if says_more else ""
    video = fields.get(_VIDEO)
    sides = {child.number: _value(data, child) for child in _children(data, video)} if video is not None else {}
    return TrackMarks(
        language=language,
        enabled=_ENABLED not in fields or _value(data, fields[_ENABLED]) == 1,
        crop=Crop(**{side: sides.get(number, 0) for side, number in _CROP.items()}),
    )


def write_marks(path: Path, marks: Marks, shape: PictureShape) -> bool:
    """Put marks on the tracks of a finished file, and the shape of the pixels on its first video track.

    Args:
        marks: By the place of the track among the file's.

    Returns:
        False when the file is laid out in another way, or has no room; it stays as it was.
    """
    with open(path, "r+b") as file:
        for most in (1 << 20, _HEAD):
            file.seek(0)
            try:
                changed = _rebuilt(file.read(most), marks, shape)
            except (LookupError, StopIteration, ValueError):
                continue
            file.seek(0)
            file.write(changed)
            return True
    return False


def _rebuilt(data: bytes, marks: Marks, shape: PictureShape) -> bytes:
    """Return the beginning of a file, up to its first cluster, with marks."""
    segment = _find(data, 0, len(data), _SEGMENT)
    elements = list(_until_cluster(data, segment))
    seek_head, void, *rest = elements  # ValueError: fewer
    if (seek_head.number, void.number) != (_SEEK_HEAD, _VOID):
        raise LookupError("no room behind the index")
    region = rest[-1].end - void.start
    moved, places = b"", {}
    for element in rest:
        places[element.start - segment.body] = void.start + len(moved) - segment.body
        marked = element.number == _TRACKS
        moved += _marked_tracks(data, element, marks, shape) if marked else data[element.start : element.end]
    room = region - len(moved)
    if room < 0 or room == 1:
        raise LookupError("no room")
    if room:
        # The room stays behind the index, where programs look for it.
        places = {old: new + room for old, new in places.items()}
        size = 1 if room < 10 else 8
        moved = _number(_VOID) + _size(room - 1 - size, size) + bytes(room - 1 - size) + moved
    index = bytearray(data[: void.start])
    for seek in (s for s in _children(data, seek_head) if s.number == _SEEK):
        for field in _children(data, seek):
            if field.number == _SEEK_POSITION:
                position = places.get(_value(data, field), _value(data, field))
                index[field.body : field.end] = position.to_bytes(field.end - field.body, "big")
    _mend_checksum(index, seek_head)
    return bytes(index) + moved


def _until_cluster(data: bytes, segment: _Element) -> Iterator[_Element]:
    for element in _elements(data, segment.body, len(data)):
        if element.number == _CLUSTER:
            return
        yield element
    raise LookupError("no cluster, or too far in")


def _marked_tracks(data: bytes, tracks: _Element, marks: Marks, shape: PictureShape) -> bytes:
    """Return the element of tracks, with each one's marks."""
    body, place, shaped = b"", 0, False
    for child in _children(data, tracks):
        if child.number == _TRACK:
            is_picture = not shaped and any(c.number == _VIDEO for c in _children(data, child))
            body += _marked_track(data, child, marks.get(place, TrackMarks()), shape if is_picture else None)
            shaped = shaped or is_picture
            place += 1
        else:
            body += data[child.start : child.end]
    if not shaped:
        raise LookupError("no video track")
    whole = bytearray(_number(_TRACKS) + _size(len(body), tracks.size_bytes) + body)
    _mend_checksum(whole, _element(bytes(whole), 0))
    return bytes(whole)


def _marked_track(data: bytes, track: _Element, marks: TrackMarks, shape: PictureShape | None) -> bytes:
    fields = {}
    if marks.language:
        fields[_LANGUAGE_BCP47] = marks.language.encode("ascii")
    if not marks.enabled:
        fields[_ENABLED] = b"\0"
    kept = [child for child in _children(data, track) if child.number not in fields]
    body = b""
    for child in kept:
        is_video = child.number == _VIDEO and shape is not None
        body += _marked_video(data, child, marks.crop, shape) if is_video else data[child.start : child.end]
    return _grown(track, body + _written(fields))


def _marked_video(data: bytes, video: _Element, crop: Crop, shape: PictureShape | None) -> bytes:
    assert shape is not None
    fields: dict[int, bytes] = {}
    if crop:
        fields |= {number: _unsigned(getattr(crop, side)) for side, number in _CROP.items() if getattr(crop, side)}
    if crop or shape.sample_aspect != 1:
        fields |= _display(crop, shape)
    of_ours = {*fields, *((_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT) if fields else ())}
    kept = b"".join(data[c.start : c.end] for c in _children(data, video) if c.number not in of_ours)
    return _grown(video, kept + _written(fields))


def _display(crop: Crop, shape: PictureShape) -> dict[int, bytes]:
    """Return the size at which players show what the crop leaves; their number of pixels, or else a ratio."""
    width = (shape.width - crop.left - crop.right) * shape.sample_aspect
    height = shape.height - crop.top - crop.bottom
    if width.denominator == 1:
        return {_DISPLAY_WIDTH: _unsigned(int(width)), _DISPLAY_HEIGHT: _unsigned(height)}
    ratio = width / height
    sizes = {_DISPLAY_WIDTH: _unsigned(ratio.numerator), _DISPLAY_HEIGHT: _unsigned(ratio.denominator)}
    return {**sizes, _DISPLAY_UNIT: _unsigned(_ASPECT)}


def _grown(element: _Element, body: bytes) -> bytes:
    """Return an element with another body; its size keeps as many bytes as it has, so that little changes."""
    length = max(element.size_bytes, next(n for n in range(1, 9) if len(body) < (1 << 7 * n) - 1))
    return _number(element.number) + _size(len(body), length) + body


def _written(fields: Mapping[int, bytes]) -> bytes:
    return b"".join(_number(number) + _size(len(body), 1) + body for number, body in fields.items())


def _mend_checksum(data: bytearray, parent: _Element) -> None:
    """Write an element's checksum anew: its first child, over all that follows in it."""
    first = _element(bytes(data), parent.body)
    if first.number == _CRC:
        data[first.body : first.end] = zlib.crc32(data[first.end : parent.end]).to_bytes(4, "little")


def _unsigned(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def _value(data: bytes, element: _Element) -> int:
    return int.from_bytes(data[element.body : element.end], "big")


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


def _elements(data: bytes, start: int, end: int) -> Iterator[_Element]:
    while start < end:
        element = _element(data, start)
        yield element
        start = element.end


def _children(data: bytes, parent: _Element) -> list[_Element]:
    return list(_elements(data, parent.body, min(parent.end, len(data))))


def _find(data: bytes, start: int, end: int, number: int) -> _Element:
    for element in _elements(data, start, end):
        if element.number == number:
            return element
    raise LookupError(f"no element {number:X}")
