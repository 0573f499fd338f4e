"""Marks on the tracks of MP4 and QuickTime files, which libav's muxer does not write.

Whole languages (elng), disabled tracks (the flag in tkhd), the part of the picture that is shown (clap). Boxes and
fields are those of ISO/IEC 14496-12. The index of a file lies before its pictures, so these move where it grows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vidcolor.film.marks.tracks import Crop, Marks, PictureShape, TrackMarks

_ENABLED = 1  # the flag of tkhd
_PICTURE_ENTRY = 86  # bytes of a picture's sample entry before the boxes in it
_INDEX = 256 << 20  # bytes of an index that is still believed
_BLOCK = 8 << 20  # bytes that move at a time
_CLAP = struct.Struct(">IIIIiIiI")  # width, height and the offsets of their middle, as fractions


@dataclass(frozen=True)
class _Box:
    kind: bytes
    start: int
    body: int
    end: int


@dataclass(frozen=True)
class TrackHeader:
    """What is marked on a track, with its number in the file and the alternates that it is one of (0: none)."""

    number: int
    alternates: int
    marks: TrackMarks


def read_headers(path: Path) -> list[TrackHeader]:
    """Return the headers of a file's tracks; none where they are not found."""
    try:
        with open(path, "rb") as file:
            end = file.seek(0, 2)
            index = next(box for box in _boxes(file, 0, end) if box.kind == b"moov")
            return [_read_track(file, box) for box in _boxes(file, index.body, index.end) if box.kind == b"trak"]
    except (LookupError, StopIteration, ValueError, struct.error):
        return []


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[_Box]:
    while start + 8 <= end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        body = start + 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
            body += 8
        elif size == 0:
            size = end - start
        if size < body - start:
            raise LookupError("a box that is smaller than its head")
        yield _Box(kind, start, body, min(start + size, end))
        start += size


def _read_track(file: BinaryIO, track: _Box) -> TrackHeader:
    boxes = _within(file, track, b"tkhd", b"mdia")
    media = _within(file, boxes[b"mdia"], b"elng", b"minf")
    header = _content(file, boxes[b"tkhd"])
    wide = 12 if header[0] == 1 else 0  # version 1 has times of 64 bits
    (number,) = struct.unpack_from(">I", header, 12 + (8 if wide else 0))
    (alternates,) = struct.unpack_from(">H", header, 34 + wide)
    language = _content(file, media[b"elng"])[4:].split(b"\0")[0].decode("ascii") if b"elng" in media else ""
    crop = _read_crop(file, media[b"minf"]) if b"minf" in media else Crop()
    return TrackHeader(number, alternates, TrackMarks(language, bool(header[3] & _ENABLED), crop))


def _read_crop(file: BinaryIO, minf: _Box) -> Crop:
    table = _within(file, minf, b"vmhd", b"stbl")
    if not {b"vmhd", b"stbl"} <= set(table):
        return Crop()
    entries = _within(file, table[b"stbl"], b"stsd")[b"stsd"]
    entry = next(iter(_boxes(file, entries.body + 8, entries.end)))
    inside = {box.kind: box for box in _boxes(file, entry.start + _PICTURE_ENTRY, entry.end)}
    if b"clap" not in inside:
        return Crop()
    file.seek(entry.start + 32)
    width, height = struct.unpack(">HH", file.read(4))
    shown_w, by_w, shown_h, by_h, right, by_right, down, by_down = _CLAP.unpack(_content(file, inside[b"clap"])[:32])
    if not (by_w and by_h and by_right and by_down):
        return Crop()
    across, along = width - shown_w / by_w, height - shown_h / by_h
    left, top = across / 2 + right / by_right, along / 2 + down / by_down
    sides = (round(left), round(top), round(across - left), round(along - top))
    return Crop(*sides) if all(side >= 0 for side in sides) else Crop()


def _within(file: BinaryIO, parent: _Box, *kinds: bytes) -> dict[bytes, _Box]:
    return {box.kind: box for box in _boxes(file, parent.body, parent.end) if box.kind in kinds}


def _content(file: BinaryIO, box: _Box) -> bytes:
    file.seek(box.body)
    return file.read(min(box.end - box.body, 1 << 16))


def write_marks(path: Path, marks: Marks, shape: PictureShape) -> bool:
    """Put marks on the tracks of a finished file whose index lies before its pictures.

    Args:
        marks: By the place of the track among the file's.

    Returns:
        False when the file is laid out in another way; it stays as it was.
    """
    with open(path, "r+b") as file:
        end = file.seek(0, 2)
        try:
            index = next(box for box in _boxes(file, 0, end) if box.kind == b"moov")
            if index.end - index.start > _INDEX:
                return False
            file.seek(index.start)
            data = file.read(index.end - index.start)
            growth = len(_marked(data, marks, shape, 0)) - len(data)
            changed = _marked(data, marks, shape, growth)
        except (LookupError, StopIteration, struct.error):
            return False
        if growth:
            _move(file, index.end, end, growth)
        file.seek(index.start)
        file.write(changed)
    return True


def _move(file: BinaryIO, start: int, end: int, by: int) -> None:
    """Move the rest of a file towards its end."""
    while end > start:
        begin = max(start, end - _BLOCK)
        file.seek(begin)
        block = file.read(end - begin)
        file.seek(begin + by)
        file.write(block)
        end = begin


def _marked(data: bytes, marks: Marks, shape: PictureShape, shift: int) -> bytes:
    """Return an index with marks, whose chunks lie ``shift`` bytes farther behind."""
    body, place = b"", 0
    for box in _parts(data, 8):
        if box.kind == b"trak":
            body += _marked_track(data[box.start : box.end], marks.get(place, TrackMarks()), shape, shift)
            place += 1
        else:
            body += data[box.start : box.end]
    return _box(b"moov", body)


def _parts(data: bytes, start: int) -> Iterator[_Box]:
    while start < len(data):
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < 8:
            raise LookupError("a box of another form")
        yield _Box(kind, start, start + 8, start + size)
        start += size


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _marked_track(data: bytes, marks: TrackMarks, shape: PictureShape, shift: int) -> bytes:
    return _box(
        b"trak", b"".join(_marked_part(data[b.start : b.end], b.kind, marks, shape, shift) for b in _parts(data, 8))
    )


def _marked_part(data: bytes, kind: bytes, marks: TrackMarks, shape: PictureShape, shift: int) -> bytes:
    """Return a box of a track, and those in it."""
    if kind == b"tkhd" and not marks.enabled:
        return data[:11] + bytes([data[11] & ~_ENABLED]) + data[12:]
    if kind in (b"stco", b"co64") and shift:
        form = ">I" if kind == b"stco" else ">Q"
        offsets = (offset + shift for (offset,) in struct.iter_unpack(form, data[16:]))
        return data[:16] + b"".join(struct.pack(form, offset) for offset in offsets)
    if kind == b"stsd" and marks.crop:
        (entry,) = _parts(data, 16)
        clap = _box(b"clap", _clap(marks.crop, shape))
        grown = data[entry.body : entry.end] + clap
        return _box(b"stsd", data[8:16] + _box(entry.kind, grown))
    if kind in (b"mdia", b"minf", b"stbl"):
        body = b""
        for part in _parts(data, 8):
            if kind == b"mdia" and part.kind == b"elng" and marks.language:
                continue
            body += _marked_part(data[part.start : part.end], part.kind, marks, shape, shift)
            if part.kind == b"mdhd" and marks.language:
                body += _box(b"elng", bytes(4) + marks.language.encode("ascii") + b"\0")
        return _box(kind, body)
    return data


def _clap(crop: Crop, shape: PictureShape) -> bytes:
    width, height = shape.width - crop.left - crop.right, shape.height - crop.top - crop.bottom
    return _CLAP.pack(width, 1, height, 1, crop.left - crop.right, 2, crop.top - crop.bottom, 2)


def by_stream(headers: list[TrackHeader]) -> Mapping[int, TrackMarks]:
    """Return the marks of tracks by their numbers.

    One that is disabled while an alternate of it is enabled is no disabled track: players offer the one for the other.
    """
    chosen = {header.alternates for header in headers if header.marks.enabled and header.alternates}
    return {
        header.number: TrackMarks(header.marks.language, True, header.marks.crop)
        if header.alternates in chosen
        else header.marks
        for header in headers
    }
