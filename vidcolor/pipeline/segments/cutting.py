"""A film as segments: stretches of whole shots that can be worked one by one, in any order, on any machine.

A segment begins where a shot begins, so that nothing on screen tells where one ends: color does not reach over a
cut. Only a take without end is parted in its middle; then both parts see frames of the other as context, which are
colored and thrown away, so that smoothing runs on as if nothing had happened.

With the first shot that begins at or after every 240th frame of the film, a segment begins; after every 48th with a
list of shots, where encoders begin anew at the cuts anyway. So an edit of the list changes the segments beside it, and
no other.

Everything that remembers - shot detector, batches, smoothing, encoder - starts afresh with a segment. So its packets
follow from its own frames (and context), and are the same whether the film was worked in one go or not.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, dropwhile

from vidcolor.film.frame import Frame
from vidcolor.film.shots import ShotDetector, WithBoundaries, thumbnail_of

SHORTEST = 240  # frames, ten seconds of film, on average: less would lose compression to the encoder's new starts
LISTED = 48  # the same of a film with a list of shots: the shorter, the less an edit of a row colors anew
LONGEST = 2880  # frames, two minutes: a take this long is parted
MARKS = 4  # frames by which a place in the film is known again


@dataclass(frozen=True)
class Mark:
    """A frame as it was decoded once: its time and a digest of its luma."""

    pts: int
    digest: str

    @classmethod
    def of(cls, frame: Frame) -> Mark:
        """Return the mark of a frame."""
        return cls(frame.pts, hashlib.blake2b(frame.luma.tobytes(), digest_size=8).hexdigest())


@dataclass(frozen=True)
class Start:
    """Where a segment begins.

    Attributes:
        number: Of the segment, counted from 0.
        frame: Number of its first own frame, counted from 0, the film's first.
        lead: Frames of context before its own first frame.
        marks: The last frames before its context, and the first frame of that: if a decoder gives just
            these in a row, it can be trusted to give the same frames from here on.
    """

    number: int
    lead: int
    marks: tuple[Mark, ...]
    frame: int = 0


@dataclass(frozen=True, eq=False)
class Step:
    """A frame on its way, with its place in the film.

    Attributes:
        number: Of the frame, counted from 0, the film's first.
        starts_shot: Nothing of the frame before may flow into this one.
        start: That of the segment it is worked in; the same object for all of a segment's frames.
        context: The frame belongs to a neighboring segment and only helps to color this one.
    """

    frame: Frame
    number: int
    starts_shot: bool
    start: Start
    context: bool = False


def usual_length(is_listed: bool) -> int:
    """Return the frames from one place where a segment may begin to the next.

    Args:
        is_listed: The film has a list of shots.
    """
    return min(SHORTEST, LISTED) if is_listed else SHORTEST


def cut(
    stream: Iterator[Frame],
    *,
    context: int = 0,
    shortest: int | None = None,
    longest: int | None = None,
    start: Start | None = None,
    detector: Callable[[int], ShotDetector] = lambda first: ShotDetector(),
) -> Iterator[Step]:
    """Lay a film out in segments.

    Args:
        stream: The film's frames; where the work goes on at ``start``, the frames from its context on.
        context: Frames that either side sees of the other where a take is parted.
        shortest: Frames of the film after each of which the next boundary of shots ends a segment; None: SHORTEST.
        longest: Frames after which it ends anyway; None: LONGEST.
        start: Where the work goes on; None: at the film's beginning.
        detector: Gives what tells the shots from a frame on, whose number it is called with.
    """
    shortest = SHORTEST if shortest is None else shortest
    longest = max(LONGEST if longest is None else longest, context + MARKS)
    source = _Source(stream)
    following: Start | None = start or Start(0, 0, ())
    while following is not None:
        following = yield from _segment(source, following, detector, context, shortest, longest)


def _segment(
    source: _Source,
    start: Start,
    detector: Callable[[int], ShotDetector],
    context: int,
    shortest: int,
    longest: int,
) -> Generator[Step, None, Start | None]:
    """Yield one segment's steps; return the start of the next one, None at the end of the film."""
    past: deque[Frame] = deque(maxlen=context + MARKS)
    held: list[Step] = []  # what may turn out to be the next segment's
    count = own = 0
    first = start.frame - start.lead
    decided = WithBoundaries(source, thumbnail_of, detector(first))
    for frame, boundary in decided:
        number = first + count
        step = Step(frame, number, boundary is not None or not count, start, context=count < start.lead)
        count += 1
        if step.context:
            yield step
        elif boundary and number // shortest > start.frame // shortest:
            yield from held
            past.extend(s.frame for s in held)
            source.give_back([frame, *decided.waiting])
            return Start(start.number + 1, 0, _marks(past, frame), number)
        elif own < longest:
            own += 1
            yield step
        elif len(held) < context:
            held.append(step)
            continue
        else:
            yield from (replace(s, context=True) for s in held)
            lead = [past.pop() for _ in range(context)][::-1]
            ahead = [*lead, *(s.frame for s in held), frame]
            source.give_back([*ahead, *decided.waiting])
            return Start(start.number + 1, context, _marks(past, ahead[0]), number - len(held))
        past.append(frame)
        if own < longest - context - MARKS:  # far from where a take is parted, context of the next one is not needed
            while len(past) > MARKS:
                past.popleft()
    yield from held
    return None


def _marks(past: deque[Frame], first: Frame) -> tuple[Mark, ...]:
    return tuple(Mark.of(frame) for frame in (*list(past)[1 - MARKS :], first))


class _Source:
    """An iterator that takes frames back."""

    def __init__(self, stream: Iterator[Frame]) -> None:
        self._stream = stream
        self._back: deque[Frame] = deque()

    def give_back(self, frames: list[Frame]) -> None:
        self._back.extendleft(reversed(frames))

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self._back.popleft() if self._back else next(self._stream, None)) is not None:
            yield frame


def located(stream: Iterator[Frame], marks: Sequence[Mark]) -> Iterator[Frame] | None:
    """Return the frames from the last mark on; None when the stream does not hold just the marked frames in a row."""
    stream = dropwhile(lambda frame: frame.pts < marks[0].pts, stream)
    frame = None
    for mark in marks:
        frame = next(stream, None)
        if frame is None or Mark.of(frame) != mark:
            return None
    return stream if frame is None else chain([frame], stream)
