"""Where the clock of a recording restarts or jumps: reels joined on a DVD, a broadcast that was interrupted.

All streams move by one common amount there, so that what was heard with a picture still is. Both who reads the picture
and who copies the sound go by the same list, which one pass over the packets gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from vidcolor.film.clock import JUMP_BACK
from vidcolor.film.containers.container import demuxed, open_container
from vidcolor.film.frame import Clock, Join, Stray

JOINABLE = ("mpeg", "mpegts")  # containers whose clocks begin anywhere, and that are joined byte by byte
JUMP_AHEAD = 10.0  # seconds; a shorter gap is kept as it is
_SOUND_BACK = 0.2  # seconds; sound is not stored out of order
_SHORT = 1.5  # seconds; times that leave the clock for less, and come back, are damage
_GOES_ON = 0.5  # seconds after a packet in which the next one of its stream follows
_NEAR = 5.0  # seconds between the beginnings of two streams after a join
_OVERLAP = Fraction(1, 25)  # seconds by which sound may outlast its picture and be heard with the next one
_CUT = 1 << 16  # places in a byte: most packets that are cut from one
_REORDERED = 16  # packets among which the first one shown is


@dataclass
class _Run:
    """Packets of a stream, one after the other, whose times go on evenly; times in seconds."""

    place: int
    first: Fraction
    last: Fraction
    end: Fraction
    begin: Fraction
    until: int
    count: int = 1


def find_clock(path: Path, number: int) -> Clock:
    """Return how the times of a film's packets must move to be of one clock.

    Args:
        number: The picture's stream.
    """
    state = path.stat()
    return _found(path, number, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=16)
def _found(path: Path, number: int, size: int, modified: int) -> Clock:
    with open_container(path) as container:
        return _read(container, container.streams[number])


def _read(container: InputContainer, picture: Stream) -> Clock:
    if container.format.name not in JOINABLE:
        return Clock()
    heard = [stream for stream in container.streams if stream.type == "audio"]
    runs = _runs(demuxed(container, picture, *heard))
    strays: list[Stray] = []
    settled = {index: _without_strays(index, found, strays) for index, found in runs.items()}
    others = {index: found for index, found in settled.items() if index != picture.index}
    shown = _without_gaps(settled.get(picture.index, []), others.values())
    return Clock(tuple(_joins(picture.index, shown, others)), tuple(strays))


def _runs(packets: Iterable[Packet[Stream]]) -> dict[int, list[_Run]]:
    """Return the runs of each stream, in the order of the file."""
    found: dict[int, list[_Run]] = {}
    for packet in packets:
        told = packet.pts if packet.pts is not None else packet.dts
        if told is None:
            continue
        time_base = Fraction(packet.time_base)
        when, length = told * time_base, (packet.duration or 0) * time_base
        runs = found.setdefault(packet.stream.index, [])
        place = _place(packet, runs[-1].until if runs else 0)
        back = _SOUND_BACK if packet.stream.type == "audio" else JUMP_BACK
        if runs and -back <= when - runs[-1].last <= JUMP_AHEAD:
            run = runs[-1]
            run.last, run.end, run.until, run.count = when, max(run.end, when + length), place, run.count + 1
            if run.count <= _REORDERED:
                run.begin = min(run.begin, when)
        else:
            runs.append(_Run(place, when, when, when + length, when, place))
    return found


def _place(packet: Packet[Stream], before: int) -> int:
    """Return where a packet lies in its file; those that a parser cut from one with a place are counted after it."""
    return before + 1 if packet.pos is None else int(packet.pos) * _CUT


def _without_strays(index: int, runs: Sequence[_Run], strays: list[Stray]) -> list[_Run]:
    """Return the runs without short ones after which the clock goes on as before; those are damaged times."""
    settled: list[_Run] = []
    waiting = list(runs)
    while waiting:
        run = waiting.pop(0)
        if settled:
            back = next((n for n, later in enumerate(waiting[:4]) if _goes_on(settled[-1], later)), None)
            if back is not None and all(_is_short(each) for each in (run, *waiting[:back])):
                strays.extend(Stray(index, each.place, each.until) for each in (run, *waiting[:back]))
                settled[-1] = _joined(settled[-1], waiting[back])
                waiting = waiting[back + 1 :]
                continue
        settled.append(run)
    return settled


def _goes_on(run: _Run, later: _Run) -> bool:
    return -JUMP_BACK <= later.first - run.last <= JUMP_AHEAD


def _is_short(run: _Run) -> bool:
    return abs(run.last - run.first) < _SHORT


def _joined(run: _Run, later: _Run) -> _Run:
    end = max(run.end, later.end)
    return _Run(run.place, run.first, later.last, end, run.begin, later.until, run.count + later.count)


def _without_gaps(runs: Sequence[_Run], others: Iterable[Sequence[_Run]]) -> list[_Run]:
    """Return the picture's runs; two are one where another stream goes on, and only the picture is absent."""
    bridges = [run for found in others for run in found]
    whole: list[_Run] = []
    for run in runs:
        before = whole[-1] if whole else None
        if before is not None and run.first > before.last and any(_spans(b, before, run) for b in bridges):
            whole[-1] = _joined(before, run)
        else:
            whole.append(run)
    return whole


def _spans(bridge: _Run, before: _Run, after: _Run) -> bool:
    in_time = bridge.first < before.last + JUMP_BACK and bridge.last > after.first - JUMP_BACK
    return in_time and bridge.place <= after.place and bridge.until >= before.until


def _joins(picture: int, shown: Sequence[_Run], others: dict[int, list[_Run]]) -> Iterator[Join]:
    shift = Fraction(0)
    for old, new in pairwise(shown):
        places, needed = {picture: new.place}, [old.end - new.begin]
        for index, runs in others.items():
            pairs = [pair for pair in pairwise(runs) if abs(pair[1].first - new.first) < _NEAR]
            if pairs:
                before, after = min(pairs, key=lambda pair: abs(pair[1].place - new.place))
                places[index] = after.place
                needed.append(before.end - _OVERLAP - after.begin)
        shift += max(needed)
        yield Join(tuple(places.items()), (old.until, new.place), old.end, new.begin, shift)


class Mender:
    """Moves the times of packets as they are read.

    Args:
        clock: As :func:`find_clock` gives it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: dict[int, tuple[int, Fraction]] = {}  # place and time of each stream's last packet

    def mend(self, packet: Packet[Stream]) -> None:
        """Bring a packet's times to the film's one clock; times that are strays go."""
        if not self._clock.joins and not self._clock.strays:
            return
        index = packet.stream.index
        before, last = self._last.get(index, (0, Fraction(-1)))
        place = _place(packet, before)
        if any(stray.stream == index and stray.first <= place <= stray.last for stray in self._clock.strays):
            packet.pts = packet.dts = None
            return
        told = packet.pts if packet.pts is not None else packet.dts
        if told is None:
            return
        when = told * Fraction(packet.time_base)
        goes_on = 0 <= when - last <= _GOES_ON
        passed = [join for join in self._clock.joins if _is_behind(join, index, place, when, goes_on)]
        self._last[index] = place, when
        moved = round(passed[-1].shift / packet.time_base) if passed else 0
        packet.pts = None if packet.pts is None else packet.pts + moved
        packet.dts = None if packet.dts is None else packet.dts + moved


def _is_behind(join: Join, index: int, place: int, when: Fraction, goes_on: bool) -> bool:
    """Return whether a packet has the new clock of a join; ``goes_on``: it follows the one before in its stream."""
    for stream, first in join.places:
        if stream == index:
            return place >= first
    before, after = join.lies
    if before < place < after:
        return not goes_on and abs(when - join.begins) < abs(when - join.ends)
    return place >= after
