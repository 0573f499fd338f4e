"""A long film read in several places at once, so that a plan need not wait for one reader.

The film is cut into ranges of time. Each is read by a shot detector of its own, and beyond its end until the detector
of the next range sees just what this one sees: both have found the same boundary, or none for some frames, which are
all that a detector remembers. From there both go on alike. So the boundaries of all ranges, put together, are those of
one reading, and it is known if they are not: then, and where the film shows other frames after seeking, it is read in
one pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import inf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidcolor.film.frame import VideoInfo
from vidcolor.film.reader import Video, frames, open_film
from vidcolor.film.shots import BLANK, LOOKAHEAD, Thumbnail, WithBoundaries, thumbnail_of
from vidcolor.pipeline.distributed.plan import PlannedSegment, Seen
from vidcolor.pipeline.segments.cutting import MARKS, Mark, Start
from vidcolor.settings import RunSettings

LEAST = 1500  # frames of a range: a minute, beside which what is read twice weighs little where many readers are idle
SETTLED = 2 * LOOKAHEAD  # frames without a boundary, after which detectors remember the same, wherever they began


@dataclass(frozen=True)
class Range:
    """A part of a film, by its times in units of the film's time base.

    Attributes:
        begin: Of the first frame; None: the film's.
        end: Of the first frame after it; None: the film ends.
    """

    begin: int | None
    end: int | None


@dataclass(frozen=True, eq=False)
class Reading:
    """What was seen of a range.

    Attributes:
        pts: Times of its frames, then of those beyond it that were read too.
        digests: Of the luma of these, as marks have them.
        count: How many frames are the range's own.
        boundaries: Times of the boundaries of shots.
        met: Time of the last frame that was decided, beyond the range's end: a boundary, or a picture so far after the
            last one as detectors remember; None: the film ended before.
        tally: What was counted.
    """

    pts: NDArray[np.int64]
    digests: NDArray[np.bytes_]
    count: int
    boundaries: tuple[int, ...]
    met: int | None
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
    begins = [info.begin + round(step * number) for number in range(1, count)]
    return [Range(begin, end) for begin, end in pairwise([None, *begins, None])]


def read_range(film: Path, settings: RunSettings, part: Range) -> Reading:
    """Read a range of a film.

    Raises:
        InputError: the film cannot be read there.
    """
    with open_film(film, settings) as video:
        return _read(video, part)


def _read(video: Video, part: Range) -> Reading:
    marks: list[Mark] = []
    own = beyond = quiet = 0

    def watched() -> Iterator[tuple[int, Thumbnail]]:
        nonlocal own
        for frame in frames(video, near=part.begin):
            if part.begin is None or frame.pts >= part.begin:
                marks.append(Mark.of(frame))
                own += part.end is None or frame.pts < part.end
                yield frame.pts, thumbnail_of(frame)

    boundaries: list[int] = []
    met: int | None = None
    for (pts, picture), boundary in WithBoundaries(watched(), key=lambda pair: pair[1]):
        beyond += part.end is not None and pts >= part.end
        quiet = 0 if boundary else quiet + 1
        if boundary:
            boundaries.append(pts)
        if beyond > SETTLED and (boundary or (quiet >= SETTLED and picture.std() >= BLANK)):
            met = pts
            break
    return Reading(
        np.array([mark.pts for mark in marks], np.int64),
        np.array([mark.digest.encode() for mark in marks], "S16"),
        own, tuple(boundaries), met, video.tally,
    )  # fmt: skip


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
    sure = set(readings[0].boundaries)
    met = inf if readings[0].met is None else readings[0].met
    for before, after in pairwise(readings):
        own, shared = before.count, min(len(before.pts) - before.count, len(after.pts))
        same = np.array_equal(before.pts[own:][:shared], after.pts[:shared]) and np.array_equal(
            before.digests[own:][:shared], after.digests[:shared]
        )
        if not (before.count and shared and same):
            return None  # the film shows other frames after seeking
        if met == inf:
            continue  # all boundaries to the film's end are known already
        last = inf if after.met is None else after.met
        place = int(np.searchsorted(after.pts, met))
        recent = after.pts[place - SETTLED + 1 : place + 1].tolist()
        agree = met in after.boundaries if met in before.boundaries else not any(p in after.boundaries for p in recent)
        if met > last or not agree:
            return None  # the detectors do not see the same
        sure.update(pts for pts in after.boundaries if pts > met)
        met = last
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
