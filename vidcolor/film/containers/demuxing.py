"""The packets of a film beside its picture's: of one part, at times that only rise."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from vidcolor.film.clock import JUMP_BACK
from vidcolor.film.containers.beginning import FirstPackets, first_packets
from vidcolor.film.containers.container import late_streams, may_grow, open_container, times_of
from vidcolor.film.containers.joins import Mender
from vidcolor.film.containers.pipe import Arriving
from vidcolor.film.frame import VideoInfo


@dataclass(frozen=True)
class Part:
    """What of a film is copied.

    Attributes:
        begin, end: In seconds of the film's own time.
        shift: Seconds by which the film begins earlier in the container.
        skipped: Frames of the film before the part.
        alone: Nothing but the picture and the film's tags.
    """

    begin: float = float("-inf")
    end: float = float("inf")
    shift: float = 0.0
    skipped: int = 0
    alone: bool = False

    @property
    def from_start(self) -> bool:
        """Return whether nothing is left out at the film's beginning."""
        return self.begin == float("-inf")


class OtherStreams:
    """The file that streams are copied from: opened to try them in a container, and held until they are copied.

    Whoever makes it closes it.

    Args:
        path: The file.
        early: Its first packets, if they are known.
    """

    def __init__(self, path: Path, early: FirstPackets | None = None) -> None:
        self._path, self._early = path, early
        self._container: InputContainer | None = None
        self._state: tuple[int, ...] = ()  # of the file when it was opened
        self._is_read = False

    @property
    def early(self) -> FirstPackets:
        """The first packets of each stream."""
        if self._early is None:
            self._early = first_packets(self._path)
        return self._early

    def open(self) -> InputContainer:
        """Return the container with nothing of it read: as it was opened before, if the file is still the same.

        Raises:
            InputError: the file cannot be opened, or is out of reach now.
        """
        state = _state(self._path)
        if self._container is not None and (self._is_read or state != self._state):
            self.close()
        if self._container is None:
            self._container, self._state, self._is_read = open_container(self._path), state, False
        return self._container

    def packets(self, wanted: Collection[int], begin: float | None) -> Iterator[Packet[Stream]]:
        """Yield the packets of some streams of the open container, as far as it can be read.

        Args:
            wanted: Their numbers.
            begin: Where to begin if the container can seek, in seconds; None: at its beginning.
        """
        assert self._container is not None
        self._is_read = True
        if begin is not None:
            with suppress(FFmpegError, OverflowError):  # what cannot seek is read from its beginning
                self._container.seek(int(begin * av.time_base))
        with suppress(FFmpegError, IndexError):  # reading the picture tells of it
            yield from self._container.demux(*(self._container.streams[number] for number in wanted))

    @property
    def may_grow(self) -> bool:
        """Whether the open container may show more streams while it is read."""
        return self._container is not None and may_grow(self._container)

    @property
    def late(self) -> list[str]:
        """The streams that were met only while reading."""
        return [] if self._container is None else late_streams(self._container)

    def close(self) -> None:
        """Let go of the file, and of what is known of it; it can be opened again."""
        if self._container is not None:
            self._container.close()
        self._container = self._early = None


def _state(path: Path) -> tuple[int, ...]:
    """Return what changes when a file does; nothing where there is none."""
    try:
        found = path.stat()
    except OSError:  # opening tells why
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


@dataclass
class _Course:
    """How far a stream has come."""

    last: int | None = None  # dts of its last packet
    length: int = 1  # of its last packet
    shift: int = 0  # what has been added to its times after jumps back


class OtherPackets:
    """Gives packets in the order of the file, each with its place in the film in seconds.

    Args:
        others: What gives them, open; a pipe gives them while it arrives. None where nothing is copied.
        wanted: Numbers of the streams.

    Attributes:
        late: Streams that began in the part, but were not known when the container was opened.
    """

    def __init__(self, others: OtherStreams | Arriving | None, info: VideoInfo, wanted: set[int], part: Part) -> None:
        self.late: list[str] = []
        self._info, self._wanted, self._part = info, wanted, part
        self._courses = {index: _Course() for index in wanted}
        self._mender = Mender(info.clock)
        self._arriving = others if isinstance(others, Arriving) else None
        self._file = others if isinstance(others, OtherStreams) else None
        self._has_ended = False
        self._packets = self._read()
        if self._arriving:
            self._arriving.want(wanted)

    def take(self) -> tuple[Packet[Stream], float] | None:
        """Return the next packet; None at the end, and where a pipe has not brought more yet."""
        while (packet := self._next()) is not None:
            if packet.stream.index not in self._wanted or not packet.size or packet.time_base is None:
                continue  # the demuxer ends with empty packets
            self._mender.mend(packet)
            course, time_base = self._courses[packet.stream.index], Fraction(packet.time_base)
            _straighten(packet, course, time_base)
            when = float(times_of(packet)[0] * time_base)
            if when >= self._part.end:
                self._end()
            elif when + float(course.length * time_base) > self._part.begin:
                return packet, when
        return None

    def _next(self) -> Packet[Stream] | None:
        return self._arriving.take() if self._arriving else next(self._packets, None)

    def _read(self) -> Iterator[Packet[Stream]]:
        """Yield the packets of the file."""
        if self._file is None or (not self._wanted and not self._file.may_grow):
            return
        begin = self._part.begin if self._part.begin > 0 and self._info.clock.is_even else None
        yield from self._file.packets(self._wanted or {self._info.stream}, begin)
        self._end()

    def _end(self) -> None:
        """Note the streams that are known now, at the end of the part."""
        if not self._has_ended and self._file is not None:
            self.late, self._has_ended = self._file.late, True


def _straighten(packet: Packet[Stream], course: _Course, time_base: Fraction) -> None:
    """Give a packet both its times, not before the last one's."""
    known = packet.dts if packet.dts is not None else packet.pts
    if known is None:
        known = 0 if course.last is None else course.last + course.length - course.shift
    dts, pts = known + course.shift, (known if packet.pts is None else packet.pts) + course.shift
    if course.last is not None and dts < course.last:
        if (course.last - dts) * time_base > JUMP_BACK:
            course.shift += course.last + course.length - dts
            pts += course.last + course.length - dts
            dts = course.last + course.length
        else:
            dts = course.last
    packet.dts, packet.pts = dts, max(pts, dts)
    course.last, course.length = dts, packet.duration or course.length
