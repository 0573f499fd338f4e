"""Packets in, decoded pictures out: past damage, and to the last picture that decodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidcolor.film.containers.container import choose_decoder, choose_stream, open_container
from vidcolor.film.containers.joins import Mender
from vidcolor.film.frame import EVEN, Clock

MAX_BAD_PACKETS = 1000  # in a row, before the rest of a film is given up
_MAX_BAD_READS = 8  # in a row, of the file itself
# Containers whose header tells the film's length, where others are measured by their size.
_DECLARING = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "flv", "asf"})


Demux = Callable[[], Iterator["Packet[Stream]"]]


@dataclass
class Damage:
    """What was damaged in a film, as far as reading has come.

    Attributes:
        bad_packets: Packets of the picture that do not decode.
        bad_reads: Places where the container could not be read on.
        given_up: Packets that do not decode, in a row, after which the rest of the film was left out.
        declared: Where a film that ends early should have ended, in seconds; 0 when it is not known.
        reached: Where it does end, or was given up.
    """

    bad_packets: int = 0
    bad_reads: int = 0
    given_up: int = 0
    declared: float = 0.0
    reached: float = 0.0

    @property
    def lines(self) -> list[str]:
        """Return the damage in words, a line each."""
        lines = []
        if self.bad_packets:
            lines.append(f"{count(self.bad_packets, 'damaged packet')} skipped")
        if self.given_up:
            why = f"{self.given_up} packets in a row do not decode"
            lines.append(f"the film is given up from {self.reached:.1f} s on: {why}")
        if self.bad_reads:
            lines.append(f"the file cannot be read on at {count(self.bad_reads, 'place')}")
        if self.declared:
            lines.append(f"the film ends at {self.reached:.1f} s of {self.declared:.1f} s: the file was cut short")
        return lines


def count(number: int, noun: str) -> str:
    """Return a number with its noun: 1 frame, 2 frames."""
    return f"{number} {noun}{'s' * (number != 1)}"


def pictures(
    container: InputContainer,
    stream: VideoStream,
    path: Path | None,
    damage: Damage,
    clock: Clock = EVEN,
    demux: Demux | None = None,
) -> Iterator[VideoFrame]:
    """Yield the decoded pictures in the order they are shown, from where the container stands.

    Packets that do not decode are skipped and counted, up to MAX_BAD_PACKETS in a row.

    Args:
        path: The film, whose end may have to be read again; None: that is not possible.
        clock: How the times of packets move.
        demux: What gives the packets, if not the container itself.
    """
    mender = Mender(clock)
    decoder = choose_decoder(stream)
    in_a_row = 0
    start = (container.start_time or 0) / av.time_base
    newest: int | None = None
    shown: int | None = None
    torn = False  # the last packet is incomplete
    for packet in _packets(container, damage, demux or container.demux):
        if packet.stream.index != stream.index:
            continue
        mender.mend(packet)
        last = not packet.size
        torn = torn if last else packet.is_corrupt
        try:
            decoded = decoder.decode(packet)
            in_a_row = 0
        except EOFError:  # data after a codec's own end mark
            decoded = []
        except FFmpegError:
            # Decoders that work on several frames at once give up those in flight when the last one fails.
            decoded, torn = [], torn or last
            damage.bad_packets += 1
            in_a_row += 1
        for picture in decoded:
            newest = _later(newest, picture.pts)
            shown = picture.pts if picture.pts is not None else picture.dts
            yield picture
        if last and torn and newest is not None and path is not None:
            yield from _tail(path, stream.index, newest, clock)
        if in_a_row >= MAX_BAD_PACKETS:
            damage.given_up, damage.reached = in_a_row, float((shown or 0) * (stream.time_base or 0)) - start
            return


def _packets(container: InputContainer, damage: Damage, demux: Demux) -> Iterator[Packet[Stream]]:
    """Yield all packets, over places that cannot be read; then compare the end with the declared one."""
    reached = 0.0
    failures = 0
    start = (container.start_time or 0) / av.time_base
    packets = demux()
    while failures <= _MAX_BAD_READS:
        try:
            for packet in packets:
                failures = 0
                when = packet.pts if packet.pts is not None else packet.dts
                if when is not None and packet.time_base:
                    reached = max(reached, float((when + (packet.duration or 0)) * packet.time_base) - start)
                yield packet
            break
        except IndexError:  # PyAV, at the end, of a stream that the container announced on the way
            break
        except FFmpegError:
            failures += 1
            damage.bad_reads += 1
            packets = demux()
    declared = (container.duration or 0) / av.time_base
    # Some containers declare where the film ends, others how long it is.
    furthest = reached + max(start, 0.0)
    if container.format.name in _DECLARING and 0 < furthest < declared - max(1.0, 0.02 * declared):
        damage.declared, damage.reached = declared, reached


def _tail(path: Path, number: int, newest: int, clock: Clock) -> Iterator[VideoFrame]:
    """Yield the pictures after a time, decoded again one at a time."""
    with open_container(path) as again:
        again_stream = choose_stream(path, again, number)
        decoder = choose_decoder(again_stream)
        decoder.thread_type = "NONE"
        mender = Mender(clock)
        if clock.is_even:
            with suppress(FFmpegError):  # what cannot seek is read from its beginning
                again.seek(newest, stream=again_stream)
        for packet in _packets(again, Damage(), again.demux):
            if packet.stream.index != number:
                continue
            mender.mend(packet)
            try:
                decoded = decoder.decode(packet)
            except FFmpegError:
                continue
            yield from (p for p in decoded if p.pts is not None and p.pts > newest)


def _later(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else max(a, b)
