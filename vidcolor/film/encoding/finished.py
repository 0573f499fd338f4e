"""The picture of a film that is finished, as its encoder gave it, packet by packet: to be part of another film."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
from av.packet import Packet, packet_sidedata_type_from_literal
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vidcolor.film.containers.container import open_container
from vidcolor.film.encoding.codecs import COUNTING
from vidcolor.film.encoding.encode import Encoding
from vidcolor.film.encoding.essence import Essence
from vidcolor.film.encoding.packets import Stored, side_number

# Side data that is part of the picture: the opacity of VP9.
_KEPT = packet_sidedata_type_from_literal("matroska_block_additional")


class EssenceDigest:
    """A digest of packets that is the same for those of an encoder and those that a container gives back."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, essence: bytes, sides: Sequence[tuple[int, bytes]]) -> None:
        """Take the next packet."""
        for part in (essence, *(data for kind, data in sides if kind == _KEPT)):
            self._digest.update(len(part).to_bytes(8, "big") + part)

    def text(self) -> str:
        """Return the digest of all packets so far."""
        return self._digest.hexdigest()


@dataclass(frozen=True, eq=False)
class FinishedPackets:
    """Packets of a finished film that follow each other; they can be iterated over as long as the film is open.

    Attributes:
        name: The film's.
        header: The encoder's, as for :class:`vidcolor.film.encoding.packets.PacketSource`.
        digest: Of their essence.
    """

    name: str
    header: bytes
    digest: str
    first: int  # place of the first packet in the film
    pts: NDArray[np.int64]
    film: FinishedPicture

    def times(self) -> Sequence[int]:
        """Return the pts of all."""
        found: list[int] = self.pts.tolist()
        return found

    def __iter__(self) -> Iterator[Stored]:
        return self.film.stored(self.first, len(self.pts))


class FinishedPicture:
    """The picture of a finished film. A context manager.

    Args:
        path: The film.
        encoding: How it was encoded.
        begin: The pts that its first picture had, in units of the encoding's time base.
        header: That of its encoder.
    """

    def __init__(self, path: Path, encoding: Encoding, begin: int, header: bytes) -> None:
        self._path, self._begin, self._header = path, begin, header
        self._essence, self._unit = Essence(encoding.codec), encoding.time_base
        self._counts = path.suffix.lower() in COUNTING
        self._shift: Fraction | None = None  # seconds by which pictures come later than they were encoded for
        self._told = b""  # the container's header of the stream
        self._packets: Iterator[Packet[VideoStream]] = iter(())
        self._place = 0  # of the next packet

    def runs(self, counts: Sequence[int]) -> Iterator[FinishedPackets]:
        """Read the film through and yield its packets as runs of so many; the last one may be shorter.

        Raises:
            InputError: the film cannot be read.
        """
        place = 0
        with closing(self._demuxed()) as packets:
            for count in counts:
                digest, times = EssenceDigest(), []
                for packet in islice(packets, count):
                    digest.add(self._essence_of(packet), _sides(packet))
                    times.append(self._time_of(packet))
                if self._shift is None and times:
                    tick = packet.time_base  # the container has rounded to it, so what it moved all by is a multiple
                    self._shift = min(times) - round(self._begin * self._unit / tick) * tick
                pts = np.array([self._encoded(time) for time in times], np.int64)
                yield FinishedPackets(self._path.name, self._header, digest.text(), place, pts, self)
                place += len(times)

    def stored(self, first: int, count: int) -> Iterator[Stored]:
        """Yield packets; those of the film's beginning come before those of its end."""
        if first < self._place or not self._place:
            self._packets, self._place = self._demuxed(), 0
        for packet in islice(self._packets, first - self._place, first - self._place + count):
            data = self._essence.for_encoder(bytes(packet), self._told)
            # Encoders leave the duration open, as that of frames is: containers have made theirs of the times.
            yield Stored(self._encoded(self._time_of(packet)), 0, bool(packet.is_keyframe), _sides(packet), data)
        self._place = first + count

    def _encoded(self, time: Fraction) -> int:
        """Return the pts that a picture was encoded with, from its time in the film, in seconds."""
        return round((time - (self._shift or 0)) / self._unit)

    def _time_of(self, packet: Packet[VideoStream]) -> Fraction:
        """Return when a picture is shown, in seconds; AVI tells when it is decoded, which there is the same."""
        ticks = packet.dts if self._counts or packet.pts is None else packet.pts
        return Fraction(ticks or 0) * packet.time_base

    def _essence_of(self, packet: Packet[VideoStream]) -> bytes:
        return self._essence.of_container(bytes(packet), self._told)

    def _demuxed(self) -> Generator[Packet[VideoStream], None, None]:
        """Yield the packets of the picture, in decoding order."""
        with open_container(self._path) as container:
            stream = container.streams.video[0]
            self._told = bytes(stream.codec_context.extradata or b"")
            for packet in container.demux(stream):
                if packet.size:
                    yield packet


def _sides(packet: Packet[VideoStream]) -> list[tuple[int, bytes]]:
    return [(kind, bytes(side)) for side in packet.iter_sidedata() if (kind := side_number(side)) == _KEPT]
