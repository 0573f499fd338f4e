"""Sound for containers that count packets instead of telling times: where it starts, and what fills its gaps."""

from __future__ import annotations

import re
from fractions import Fraction

import av
from av.audio.codeccontext import AudioCodecContext
from av.packet import Packet
from av.stream import Stream

from vidcolor.film.containers.container import tick_of

_STEP = Fraction(1, 100)  # seconds that a packet may lie beside the end of the last one and still follow it
_FILLED = 1  # seconds of silence in one packet
_SILENT = {"pcm_u8": 0x80, "pcm_alaw": 0xD5, "pcm_mulaw": 0xFF}  # code values of silence, 0 in others


class CountedSound:
    """Packets with times in, packets that follow each other out; kinds of it know their own way to keep the times.

    Attributes:
        target: The stream that they go to.
        start: Ticks by which the stream must start later than the picture.
        cut: Seconds of sound before the first picture that are left out.
        moved: Most seconds by which sound comes early, as gaps in it could not be kept.
    """

    def __init__(self, target: Stream) -> None:
        self.start = 0
        self.cut = Fraction(0)
        self.moved = Fraction(0)
        self.target = target
        self._next: int | None = None  # ticks, or samples

    def misplaced(self, when: Fraction) -> Fraction:
        """Return by how many seconds sound is moved or lost that should begin at a time in seconds."""
        raise NotImplementedError

    def place(self, packet: Packet[Stream], when: Fraction) -> list[Packet[Stream]]:
        """Return the packets to write for one that is heard at a time in seconds after the first picture."""
        raise NotImplementedError

    def _stamped(self, packet: Packet[Stream], time: int, length: int, time_base: Fraction) -> Packet[Stream]:
        packet.dts = packet.pts = time
        packet.duration, packet.time_base, packet.stream = length, time_base, self.target
        return packet


class Samples(CountedSound):
    """PCM: silence fills what is missing, and what overlaps is cut off, to the sample.

    Args:
        context: The source stream's.
    """

    def __init__(self, target: Stream, context: AudioCodecContext) -> None:
        super().__init__(target)
        bits = re.search(r"\d+", context.name)
        self._rate = context.sample_rate
        self._block = (int(bits[0]) // 8 if bits else 1) * context.layout.nb_channels
        self._silence = bytes([_SILENT.get(context.name, 0)])

    def misplaced(self, when: Fraction) -> Fraction:
        """Return by how many seconds sound would begin before the picture: that much is cut off."""
        return max(-when, Fraction(0))

    def place(self, packet: Packet[Stream], when: Fraction) -> list[Packet[Stream]]:
        """Return the packet, cut where it overlaps what was before, after silence for what is missing."""
        data, at = bytes(packet), round(when * self._rate)
        follows = self._next or 0
        placed = []
        if self._next is None:
            self.cut = max(-when, Fraction(0))
        if abs(at - follows) > _STEP * self._rate or self._next is None:
            data = data[max(0, follows - at) * self._block :]
            while follows < at:
                length = min(at - follows, _FILLED * self._rate)
                placed.append(self._packet(self._silence * (length * self._block), follows))
                follows += length
        if data:
            placed.append(self._packet(data, follows))
        self._next = follows + len(data) // self._block
        return placed

    def _packet(self, data: bytes, at: int) -> Packet[Stream]:
        return self._stamped(av.Packet(data), at, len(data) // self._block, Fraction(1, self._rate))


class Chunks(CountedSound):
    """Compressed sound in AVI: each packet lasts one tick, or as many as it has blocks.

    Gaps cannot be kept: players give an empty packet no time.

    Args:
        sample_size: Bytes of a block; 0 where packets are counted.
    """

    def __init__(self, target: Stream, sample_size: int) -> None:
        super().__init__(target)
        self._sample_size = sample_size

    def misplaced(self, when: Fraction) -> Fraction:
        """Return by how many seconds sound is moved to the next tick."""
        tick = tick_of(self.target)
        return abs(when - max(0, round(when / tick)) * tick)

    def place(self, packet: Packet[Stream], when: Fraction) -> list[Packet[Stream]]:
        """Return the packet as the next one, or nothing where sound is already."""
        tick = tick_of(self.target)
        at, length = when / tick, max(1, packet.size // self._sample_size) if self._sample_size else 1
        if self._next is None:
            if round(at) + length <= 0 or (round(at) < 0 and not self._sample_size):
                return []  # heard before the first picture
            self.start = self._next = max(0, round(at))
        gap = at - self._next
        if gap < -Fraction(3, 4) * length:
            return []  # sound is there already
        if gap > Fraction(3, 4) * length:
            self.moved = max(self.moved, gap * tick)
        placed = self._stamped(packet, self._next - self.start, length, tick)
        self._next += length
        return [placed]
