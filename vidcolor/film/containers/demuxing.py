"""The packets of a film beside its picture's: of one part, at times that only rise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from vidcolor.film.clock import JUMP_BACK
from vidcolor.film.containers.container import late_streams, may_grow, times_of
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


@dataclass
class _Course:
    """How far a stream has come."""

    last: int | None = None  # dts of its last packet
    length: int = 1  # of its last packet
    shift: int = 0  # what has been added to its times after jumps back


class OtherPackets:
    """Gives packets in the order of the file, each with its place in the film in seconds.

    Args:
        source: The film's container; None where nothing is copied.
        wanted: Numbers of the streams.
        arriving: Where packets come from instead, for a film that comes through a pipe.

    Attributes:
        late: Streams that began in the part, but were not known when the container was opened.
    """

    def __init__(
        self,
        source: InputContainer | None,
        info: VideoInfo,
        wanted: set[int],
        part: Part,
        arriving: Arriving | None = None,
    ) -> None:
        self.late: list[str] = []
        self._source, self._info, self._wanted, self._part = source, info, wanted, part
        self._courses = {index: _Course() for index in wanted}
        self._mender = Mender(info.clock)
        self._ended = arriving is not None
        self._packets = self._read()
        self._arriving = arriving
        if arriving:
            arriving.want(wanted)

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
        if self._source is None or (not self._wanted and not may_grow(self._source)):
            return
        if self._part.begin > 0 and self._info.clock.is_even:
            with suppress(FFmpegError, OverflowError):  # what cannot seek is read from its beginning
                self._source.seek(int(self._part.begin * av.time_base))
        streams = [self._source.streams[i] for i in self._wanted or {self._info.stream}]
        with suppress(FFmpegError, IndexError):  # reading the picture tells of it
            yield from self._source.demux(*streams)
        self._end()

    def _end(self) -> None:
        """Note the streams that are known now, at the end of the part."""
        if not self._ended and self._source is not None:
            self.late, self._ended = late_streams(self._source), True


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
