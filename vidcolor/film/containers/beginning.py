"""The beginning of a film: its first pictures, and the first packets of its streams."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from vidcolor.film.containers.container import (
    PROBED_BYTES,
    PROBED_SECONDS,
    choose_stream,
    is_complete,
    open_container,
)
from vidcolor.film.containers.decode import Damage, pictures

FirstPackets: TypeAlias = "dict[int, list[Packet[Stream]]]"  # by the numbers of their streams

_READ = 300  # packets of all streams, near the film's beginning
_KEPT = 64  # of a stream that may be heard; of others the first one tells enough


@dataclass(frozen=True)
class Beginning:
    """What was found at the beginning of a film.

    Attributes:
        pictures: The first ones of a stream, decoded.
        packets: The first ones of each stream; None: nobody has looked at them.
    """

    pictures: list[VideoFrame]
    packets: FirstPackets | None


def read_beginning(path: Path, number: int, count: int, *, copying: bool) -> Beginning:
    """Return the beginning of a film, from a container of its own: some cannot be sought back exactly.

    Args:
        path: The film.
        number: The stream of its picture.
        count: How many pictures are decoded.
        copying: The first packets are looked at, too.
    """
    with open_container(path) as container:
        stream, gathered = choose_stream(path, container, number), _Gathered(container)
        found = list(islice(pictures(container, stream, path, Damage(), demux=gathered.passing), count))
        return Beginning(found, gathered.complete() if copying else None)


def first_packets(path: Path) -> FirstPackets:
    """Return the first packets of each stream that has any near the film's beginning."""
    with open_container(path) as container:
        return _Gathered(container).complete()


class _Gathered:
    """The first packets of each stream, noted while a container is read from its beginning.

    Where sound is missing there, reading goes on for it as far as probing does.
    """

    def __init__(self, container: InputContainer) -> None:
        self._container = container
        self._found: FirstPackets = {}
        self._heard = {s.index for s in container.streams if s.type == "audio" and is_complete(s)}
        self._read = 0
        self._is_over = [s.type for s in container.streams] == ["video"]  # there is nothing but the picture

    def passing(self) -> Iterator[Packet[Stream]]:
        """Yield the packets from where the container stands."""
        try:
            for packet in self._container.demux():
                self._note(packet)
                yield packet
        except (FFmpegError, IndexError):  # IndexError: PyAV, at the end, of a stream that nobody had announced
            self._is_over = True
            raise
        self._is_over = True

    def complete(self) -> FirstPackets:
        """Return the packets; those that have not passed are read."""
        with suppress(FFmpegError, IndexError):
            packets = self.passing()
            while not self._is_over:
                next(packets, None)
        return self._found

    def _note(self, packet: Packet[Stream]) -> None:
        if self._is_over or not packet.size:
            return
        if self._read >= _READ and (self._heard <= set(self._found) or _is_far(packet, self._container)):
            self._is_over = True
            return
        self._read += 1
        kept = self._found.setdefault(packet.stream.index, [])
        if len(kept) < (_KEPT if packet.stream.type == "audio" else 1):
            kept.append(packet)


def _is_far(packet: Packet[Stream], container: InputContainer) -> bool:
    when = packet.dts if packet.dts is not None else packet.pts
    seconds = 0.0 if when is None else float(when * packet.time_base) - (container.start_time or 0) / av.time_base
    return seconds > PROBED_SECONDS or (packet.pos or 0) > PROBED_BYTES
