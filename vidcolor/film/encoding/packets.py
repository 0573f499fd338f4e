"""Packets at rest: one file for each finished segment, in the encoder's final form, and their joining.

A file is a line that names the format, a JSON line with what the container's header needs, and the packets in
decoding order, each as its fields, its side data and its bytes. Decoding times are not kept: those of separate
encoders do not fit together, so they are made anew for the whole stream.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np
from av.packet import Packet, PacketSideData, packet_sidedata_type_from_literal
from av.stream import Stream
from numpy.typing import NDArray

from vidcolor.errors import OutputError
from vidcolor.film.encoding.encode import Encoding, VideoEncoder
from vidcolor.film.frame import Frame

_FORMAT = b"vidcolor packets 1\n"
_PACKET = struct.Struct("<qqIBB")  # pts, duration, bytes, keyframe, number of side data
_SIDE = struct.Struct("<HI")  # kind, as FFmpeg numbers it, and bytes


class PacketFile:
    """Writes packets one by one; ``digest`` and ``bytes`` tell what has been written so far.

    Args:
        header: Parameter sets of the stream, as the container's header wants them.
    """

    def __init__(self, path: Path, header: bytes) -> None:
        self.digest = hashlib.sha256()
        self.bytes = 0
        self._file: BinaryIO = open(path, "wb")  # noqa: SIM115 - closed by close()
        self._write(_FORMAT + json.dumps({"header": header.hex()}).encode() + b"\n")

    def push(self, packets: Sequence[Packet[Stream]]) -> None:
        """Write packets, in decoding order."""
        for packet in packets:
            sides = [(side_number(side), bytes(side)) for side in packet.iter_sidedata()]
            self._write(_PACKET.pack(packet.pts, packet.duration or 0, packet.size, packet.is_keyframe, len(sides)))
            for kind, side in sides:
                self._write(_SIDE.pack(kind, len(side)) + side)
            self._write(bytes(packet))

    def sync(self) -> None:
        """Return when everything lies on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self.digest.update(data)
        self.bytes += len(data)


class PacketSegment:
    """Encodes the frames of a segment into a file of packets; ``digest`` and ``bytes`` tell of the file."""

    def __init__(self, encoding: Encoding, path: Path) -> None:
        self._encoder = VideoEncoder(encoding)
        self._file = PacketFile(path, self._encoder.header)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the file as hexadecimal digits."""
        return self._file.digest.hexdigest()

    @property
    def bytes(self) -> int:
        """Return how many the file has."""
        return self._file.bytes

    def push(self, frame: Frame, chroma: Sequence[NDArray[Any]], place: int) -> None:
        """Encode a frame: its own luma, and Cb and Cr of the encoding's chroma size; as VideoEncoder does.

        Args:
            frame: Of a film.
            chroma: Its Cb and Cr.
            place: Its number in the film, which packets do not tell.
        """
        self._file.push(self._encoder.push(frame, chroma))

    def finish(self) -> None:
        """Return when all packets lie on the disk.

        Raises:
            OSError: the disk is full; OutputError: the encoder fails.
        """
        self._file.push(self._encoder.flush())
        self._file.sync()
        self._file.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def side_number(side: PacketSideData) -> int:
    """Return the kind of side data as FFmpeg numbers it."""
    return packet_sidedata_type_from_literal(side.data_type)  # type: ignore[arg-type]  # PyAV's stub calls it any text


class Stored(NamedTuple):
    """A packet as it is kept.

    Attributes:
        pts, duration: In units of its encoding's time base.
        sides: Its side data, each as its kind and its bytes.
    """

    pts: int
    duration: int
    is_keyframe: bool
    sides: Sequence[tuple[int, bytes]]
    data: bytes


class PacketSource(Protocol):
    """Packets that follow each other in a film, in decoding order, in the form that their encoder gave them."""

    @property
    def name(self) -> str:
        """Return what messages call them."""

    @property
    def header(self) -> bytes:
        """Return what the encoder gave for the container's header."""

    def times(self) -> Sequence[int]:
        """Return the pts of all."""

    def __iter__(self) -> Iterator[Stored]:
        """Yield all."""


class FilePackets:
    """The packets of a file that a PacketFile has written."""

    def __init__(self, path: Path) -> None:
        self.name, self._path = path.name, path
        with open(path, "rb") as file:
            self.header = _read_header(file)

    def times(self) -> Sequence[int]:
        """Return the pts of all."""
        times = []
        with open(self._path, "rb") as file:
            _read_header(file)
            for pts, _, size, _, _ in _read_fields(file):
                times.append(pts)
                file.seek(size, 1)
        return times

    def __iter__(self) -> Iterator[Stored]:
        """Yield all."""
        with open(self._path, "rb") as file:
            _read_header(file)
            for pts, duration, size, keyframe, sides in _read_fields(file):
                yield Stored(pts, duration, keyframe, sides, file.read(size))


def stored_header(packets: PacketSource | Path) -> bytes:
    """Return what the encoder of packets gave for the container's header."""
    return (FilePackets(packets) if isinstance(packets, Path) else packets).header


def _read_header(file: BinaryIO) -> bytes:
    if file.readline() != _FORMAT:
        raise ValueError(f"{file.name} is no file of packets")
    return bytes.fromhex(json.loads(file.readline())["header"])


def _read_fields(file: BinaryIO) -> Iterator[tuple[int, int, int, bool, list[tuple[int, bytes]]]]:
    """Yield fields and side data of each packet; the caller reads or skips the packet's bytes before it goes on."""
    while fields := file.read(_PACKET.size):
        pts, duration, size, keyframe, sides = _PACKET.unpack(fields)
        found = []
        for _ in range(sides):
            kind, length = _SIDE.unpack(file.read(_SIDE.size))
            found.append((kind, file.read(length)))
        yield pts, duration, size, bool(keyframe), found


def reordering(pts: NDArray[np.int64]) -> int:
    """Return by how many places packets are decoded before they are shown, at most.

    Args:
        pts: Of packets in decoding order.
    """
    order = np.argsort(pts, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(pts))
    return int(np.max(np.arange(len(pts)) - rank, initial=0))


class ReorderingError(Exception):
    """Packets are reordered over more places than was said before the first of them was written."""

    def __init__(self, delay: int) -> None:
        super().__init__(f"packets are reordered over {delay} places")
        self.delay = delay


def decoding_times(runs: Iterable[NDArray[np.int64]], delay: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield decoding times of packets: rising, and never later than the packet's pts.

    They are the presentation times in rising order, delayed by the deepest reordering. The first ones lie
    before the film as far as the delay is long.

    Args:
        runs: The pts of packets in decoding order, in runs that follow each other in the film.
        delay: The deepest reordering of all.

    Yields:
        Of each run its place, from 0 on, and the times of its packets.

    Raises:
        ReorderingError: a run is reordered more deeply.
    """
    counts: deque[tuple[int, int]] = deque()
    times = np.empty(0, np.int64)  # those that no packet has yet
    is_begun = False
    for place, pts in enumerate(runs):
        if (own := reordering(pts)) > delay:
            raise ReorderingError(own)
        counts.append((place, len(pts)))
        times = np.concatenate([times, np.sort(pts)])
        if not is_begun and len(times) > delay:
            times = np.concatenate([times[:delay] - (times[delay] - times[0]), times])
            is_begun = True
        while is_begun and counts:
            number, count = counts.popleft()
            yield number, times[:count]
            times = times[count:]


def joined(
    runs: Iterable[PacketSource | Path],
    time_base: Fraction,
    passed: Callable[[int, Stored], None] = lambda place, packet: None,
    *,
    delay: int | None = None,
) -> Iterator[Packet[Stream]]:
    """Yield packets that lie in several places as one stream, in decoding order.

    Args:
        runs: In the order of the film; a path is that of a PacketFile.
        time_base: The unit of their times.
        passed: Called with the place of a run, from 0 on, and each of its packets just before it is given out.
        delay: The deepest reordering of all, where it is known before all runs are; None: all are looked through first.

    Raises:
        OutputError: the runs are of different encoders.
        ReorderingError: a run is reordered more deeply than ``delay``.
    """
    sources = (FilePackets(run) if isinstance(run, Path) else run for run in runs)
    found: list[PacketSource] = []  # those whose times are not known yet

    def times() -> Iterator[NDArray[np.int64]]:
        for source in sources:
            found.append(source)
            yield np.array(source.times(), np.int64)

    known: Iterable[NDArray[np.int64]] = times()
    if delay is None:
        known = list(known)
        delay = max(map(reordering, known), default=0)
    for place, decoding in decoding_times(known, delay):
        run = found[place]
        if run.header != found[0].header:
            what = f"cannot join {run.name} with the segments before it"
            raise OutputError(what, "the encoder wrote another header", "Start afresh with --no-resume")
        for stored, dts in zip(run, decoding.tolist(), strict=True):
            passed(place, stored)
            packet = Packet(stored.data)
            packet.time_base = time_base
            packet.pts, packet.dts, packet.duration = stored.pts, dts, stored.duration
            packet.is_keyframe = stored.is_keyframe
            for kind, data in stored.sides:
                side = PacketSideData(kind, len(data))  # type: ignore[call-arg]  # PyAV's stub leaves them out
                side.update(data)
                packet.set_sidedata(side)
            yield packet
