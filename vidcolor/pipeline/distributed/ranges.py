"""A long film read in several places at once, so that a plan need not wait for one reader.

The film is cut into ranges of time. Each is read from some seconds before its beginning, by a shot detector of its own:
where two detectors find the same boundary, both go on alike from there, since a detector starts afresh with a shot. So
the boundaries of all ranges, put together, are those of one reading, and it is known if they are not: then, and where
the film shows other frames after seeking, it is read in one pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidcolor.film.frame import VideoInfo
from vidcolor.film.reader import Video, frames, open_film
from vidcolor.film.shots import LOOKAHEAD, Thumbnail, WithBoundaries, thumbnail_of
from vidcolor.pipeline.distributed.plan import PlannedSegment, Seen
from vidcolor.pipeline.segments.cutting import MARKS, Mark, Start
from vidcolor.settings import RunSettings

LEAST = 1500  # frames of a range: a minute, beside which what is read twice weighs little where many readers are idle
BEFORE = 480  # frames that a range is read from before its beginning: most takes are shorter
AFTER = LOOKAHEAD + MARKS  # frames that it is read beyond its end, to decide, and to compare with the next one


@dataclass(frozen=True)
class Range:
    """A part of a film, by its times in units of the film's time base.

    Attributes:
        begin: Of the first frame; None: the film's.
        end: Of the first frame after it; None: the film ends.
        from_: Where reading begins.
    """

    begin: int | None
    end: int | None
    from_: int | None


@dataclass(frozen=True, eq=False)
class Reading:
    """What was seen of a range.

    Attributes:
        pts: Times of its frames, then of some of the next range.
        digests: Of the luma of these, as marks have them.
        count: How many frames are the range's own.
        boundaries: Times of the boundaries of shots, from where reading began to the range's end.
        tally: What was counted.
    """

    pts: NDArray[np.int64]
    digests: NDArray[np.bytes_]
    count: int
    boundaries: tuple[int, ...]
    tally: Mapping[str, float]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was damaged, mended or counted."""
        return not any(self.tally.values())


def ranges_of(info: VideoInfo, settings: RunSettings, most: int) -> list[Range]:
    """Return the ranges that a film may be read in at once; none where it has to be read in one pass.

    Args:
        most: So many at most.
    """
    steady = info.timestamps == "pts" and info.clock.is_even and not (info.interlaced or info.alpha or info.is_still)
    whole = not settings.start and settings.duration is None and not settings.shots
    count = min(most, round(info.seconds * info.rate) // LEAST)
    if not (steady and whole and info.seconds) or count < 2:
        return []
    step = Fraction(info.seconds) / info.time_base / count
    before = round(BEFORE / (info.rate * info.time_base))
    begins = [info.begin + round(step * number) for number in range(1, count)]
    found = [Range(None, begins[0], None)]
    found += [Range(begin, end, begin - before) for begin, end in pairwise([*begins, None]) if begin is not None]
    return found


def read_range(film: Path, settings: RunSettings, part: Range) -> Reading:
    """Read a range of a film.

    Raises:
        InputError: the film cannot be read there.
    """
    with open_film(film, settings) as video:
        return _read(video, part)


def _read(video: Video, part: Range) -> Reading:
    marks: list[Mark] = []
    own = 0

    def watched() -> Iterator[tuple[int, Thumbnail]]:
        nonlocal own
        after = 0
        for frame in frames(video, near=part.from_):
            if part.from_ is not None and frame.pts < part.from_:
                continue
            if part.begin is None or frame.pts >= part.begin:
                marks.append(Mark.of(frame))
                if part.end is None or frame.pts < part.end:
                    own += 1
                else:
                    after += 1
            yield frame.pts, thumbnail_of(frame)
            if after == AFTER:
                return

    decided = WithBoundaries(watched(), key=lambda pair: pair[1])
    found = [pts for (pts, _), boundary in decided if boundary]
    return Reading(
        np.array([mark.pts for mark in marks], np.int64),
        np.array([mark.digest.encode() for mark in marks], "S16"),
        own,
        tuple(pts for pts in found if part.end is None or pts < part.end),
        video.tally,
    )


@dataclass(frozen=True, eq=False)
class Film:
    """All frames of a film by their times and digests, with the boundaries of its shots.

    Attributes:
        boundaries: Times of the first frames of shots, but for the film's first.
    """

    pts: NDArray[np.int64]
    digests: NDArray[np.bytes_]
    boundaries: frozenset[int]

    def marks(self, first: int, end: int) -> tuple[Mark, ...]:
        """Return the marks of the frames from one number to before another."""
        pairs = zip(self.pts[first:end].tolist(), self.digests[first:end].tolist(), strict=True)
        return tuple(Mark(pts, digest.decode()) for pts, digest in pairs)


def together(readings: Sequence[Reading]) -> Film | None:
    """Return the film that its ranges make, in their order; None when they do not make what one reading would."""
    sure: set[int] = set(readings[0].boundaries)
    for before, after in pairwise(readings):
        own, shared = before.count, len(before.pts) - before.count
        same = np.array_equal(before.pts[own:], after.pts[:shared]) and np.array_equal(
            before.digests[own:], after.digests[:shared]
        )
        if not (before.count and shared and same):
            return None  # the film shows other frames after seeking
        begin = int(after.pts[0])
        common = sure.intersection(pts for pts in after.boundaries if pts < begin)
        if not common:
            return None  # a take without end: nothing tells that both detectors see the same
        agreed = min(common)
        ours, theirs = ({pts for pts in found if agreed <= pts < begin} for found in (sure, after.boundaries))
        if ours != theirs:
            return None
        sure.update(pts for pts in after.boundaries if pts >= begin)
    if not all(reading.is_clean for reading in readings):
        return None
    pts = np.concatenate([reading.pts[: reading.count] for reading in readings])
    digests = np.concatenate([reading.digests[: reading.count] for reading in readings])
    return Film(pts, digests, frozenset(sure))


def lay_out(film: Film, lengths: tuple[int, int]) -> list[PlannedSegment] | None:
    """Return the segments of a film; None when a take is so long that it has to be parted, which asks for its pictures.

    They are those of :func:`vidcolor.pipeline.segments.cutting.cut`.

    Args:
        lengths: Frames of the film after each of which the next boundary ends a segment, and most of one.
    """
    shortest, longest = lengths
    places = np.flatnonzero(np.isin(film.pts, np.fromiter(film.boundaries, np.int64))).tolist()
    starts = [0]
    for place in places:
        if place // shortest > starts[-1] // shortest:
            starts.append(place)
    found = []
    for number, (first, end) in enumerate(pairwise([*starts, len(film.pts)])):
        if end - first > longest:
            return None
        before = max(starts[number - 1], first + 1 - MARKS) if number else 0
        seen = Seen()
        for mark in film.marks(first, end):
            seen.add(mark)
        marks = film.marks(before, first + 1) if number else ()
        found.append(PlannedSegment(Start(number, 0, marks, first), end - first, seen.digest))
    return found
