"""Times that only rise: what a muxer takes, made from what containers say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Literal, TypeVar

T = TypeVar("T")

Timestamps = Literal["pts", "dts", "none"]
HIGHEST_RATE = 240  # frames per second; declarations above it (600, 1000, 60000) are tick rates
USUAL_RATES = tuple(Fraction(*r) for r in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60, 1)))
JUMP_BACK = 1.0  # seconds; a longer step back is a new reel joined to the last, not disorder


def choose_timestamps(pts: Sequence[int | None], dts: Sequence[int | None]) -> Timestamps:
    """Return which of a film's two clocks tells when frames are shown, judged by its first frames.

    Containers without presentation times (AVI, some MOV and ASF) hand on the decoding time of a frame's packet,
    which goes to and fro once frames are reordered; the decoder's own dts then runs evenly.
    """
    if not any(t is not None for t in (*pts, *dts)):
        return "none"
    return "pts" if _disorder(pts) <= _disorder(dts) else "dts"


def _disorder(times: Sequence[int | None]) -> int:
    """Return how often the known times fail to rise."""
    known = [t for t in times if t is not None]
    return sum(b <= a for a, b in pairwise(known)) if known else len(times)


def measured_rate(times: Sequence[int | None], time_base: Fraction) -> Fraction | None:
    """Return frames per second, from the usual distance of the times; None when there are too few."""
    known = [t for t in times if t is not None]
    gaps = sorted(b - a for a, b in pairwise(known) if b > a)
    if len(gaps) < 3:
        return None
    usual = gaps[len(gaps) // 2]
    even = [gap for gap in gaps if abs(gap - usual) <= max(1, usual // 8)]  # thirds of a second come as 333, 333, 334
    rate = len(even) / (sum(even) * time_base)
    nearest = min(USUAL_RATES, key=lambda usual: abs(usual - rate))
    return nearest if abs(rate / nearest - 1) < Fraction(1, 200) else rate


def sensible_rate(average: Fraction | None, measured: Fraction | None, guessed: Fraction | None) -> Fraction:
    """Return frames per second: the container's average, unless that is a clock's tick rate; 25 if nothing is known."""
    if average and (average <= HIGHEST_RATE or (measured and abs(average / measured - 1) < Fraction(1, 4))):
        return average
    if measured:
        return measured.limit_denominator(1001)
    return guessed if guessed and guessed <= HIGHEST_RATE else Fraction(25)


def rising(timed: Iterable[tuple[T, int | None]], step: int, jump: int, first: int = 0) -> Iterator[tuple[T, int]]:
    """Give every item a time later than the last one's, keeping the times that are.

    Items are passed on in their order, one item late: a time that stands still or goes back is put midway to the
    next good one, a missing one a ``step`` after the last. After a jump back, the rest is moved as a whole.

    Args:
        step: Usual distance of two items, in the times' unit.
        jump: A step back longer than this starts a new count.
        first: Time of the first item, should it have none.
    """
    shift = 0
    last: int | None = None
    held: tuple[T, int | None] | None = None

    def settle(item: T, time: int | None, following: int | None) -> tuple[T, int]:
        nonlocal last
        if last is None:
            time = first if time is None else time
        elif time is None:
            time = last + step
        elif time <= last:
            ahead = following is not None and following > last + 1
            time = (last + following + 1) // 2 if ahead and following is not None else last + step
        last = time
        return item, time

    newest: int | None = None  # the highest time so far, shifted
    for item, time in timed:
        if time is not None:
            time += shift
            if newest is not None and time < newest - jump:
                shift += newest + step - time
                time = newest + step
            newest = time if newest is None else max(newest, time)
        if held is not None:
            yield settle(*held, time)
        held = (item, time)
    if held is not None:
        yield settle(*held, None)
