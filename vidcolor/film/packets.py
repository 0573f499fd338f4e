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
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np
from av.packet import Packet, PacketSideData, packet_sidedata_type_from_literal
from av.stream import Stream
from numpy.typing import NDArray

from vidcolor.errors import OutputError

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
            sides = [(_number(side), bytes(side)) for side in packet.iter_sidedata()]
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


def _number(side: PacketSideData) -> int:
    """Return the kind of side data as FFmpeg numbers it."""
    return packet_sidedata_type_from_literal(side.data_type)  # type: ignore[arg-type]  # PyAV's stub calls it any text


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


def presentation_times(path: Path) -> list[int]:
    """Return the pts of a file's packets, in decoding order."""
    times = []
    with open(path, "rb") as file:
        _read_header(file)
        for pts, _, size, _, _ in _read_fields(file):
            times.append(pts)
            file.seek(size, 1)
    return times


def decoding_times(pts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return decoding times for packets in decoding order: rising, and never later than the packet's pts.

    They are the presentation times in rising order, delayed by the deepest reordering. The first ones lie
    before the film as far as the delay is long.
    """
    order = np.argsort(pts, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(pts))
    delay = int(np.max(np.arange(len(pts)) - rank, initial=0))
    rising = pts[order]
    ahead = rising[:delay] - (rising[delay] - rising[0]) if delay else rising[:0]
    return np.concatenate([ahead, rising[: len(pts) - delay]])


def joined(paths: Sequence[Path], time_base: Fraction) -> Iterator[Packet[Stream]]:
    """Yield the packets of several files as one stream, in decoding order.

    Args:
        time_base: The unit of their times.

    Raises:
        OutputError: the files are of different encoders.
    """
    decoding = iter(decoding_times(np.array([t for path in paths for t in presentation_times(path)], np.int64)))
    first_header = None
    for path in paths:
        with open(path, "rb") as file:
            header = _read_header(file)
            first_header = header if first_header is None else first_header
            if header != first_header:
                what = f"cannot join {path.name} with the segments before it"
                raise OutputError(what, "the encoder wrote another header", "Start afresh with --no-resume")
            for pts, duration, size, keyframe, sides in _read_fields(file):
                packet = Packet(file.read(size))
                packet.time_base = time_base
                packet.pts, packet.dts, packet.duration = pts, int(next(decoding)), duration
                packet.is_keyframe = keyframe
                for kind, data in sides:
                    side = PacketSideData(kind, len(data))  # type: ignore[call-arg]  # PyAV's stub leaves them out
                    side.update(data)
                    packet.set_sidedata(side)
                yield packet
