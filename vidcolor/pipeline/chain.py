"""The segments of a film that are there already: which of them fit what is wanted now, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vidcolor.film.encoding.packets import PacketSource
from vidcolor.pipeline.segments.cutting import Start
from vidcolor.pipeline.segments.journal import Segment
from vidcolor.pipeline.work import Work


@dataclass(frozen=True, eq=False)
class Piece:
    """A finished segment, and where its packets lie: in a file of packets, or in a finished film."""

    segment: Segment
    packets: Path | PacketSource


class Chain:
    """Finds finished segments by the places where they begin.

    Args:
        work: The film's, which tells what is wanted of its frames now.
        pieces: Of one film, colored with the same network and encoding; of two for one place, the first is taken.
    """

    def __init__(self, work: Work, pieces: Iterable[Piece]) -> None:
        self._work = work
        self._pieces: dict[tuple[int, int], Piece] = {}
        for piece in pieces:
            if self._fits(piece.segment):
                self._pieces.setdefault(_place(piece.segment.start), piece)

    @property
    def frames(self) -> int:
        """How many frames need not be colored again."""
        return sum(piece.segment.frames for piece in self._pieces.values())

    def find(self, start: Start) -> Piece | None:
        """Return the segment that begins at a place and came out as it would come out now."""
        return self._pieces.get(_place(start))

    def walk(self, start: Start | None) -> tuple[list[Piece], Start | None]:
        """Return the segments that follow each other from a place on, and where the first missing one begins."""
        found: list[Piece] = []
        while start is not None and (piece := self.find(start)) is not None:
            found.append(piece)
            start = piece.segment.following
        return found, start

    def _fits(self, segment: Segment) -> bool:
        following = segment.following
        if following and not following.lead and not self._work.stages.grading.may_begin(following.frame):
            return False
        return segment.wanted == self._work.wanted(*segment.seen)


def _place(start: Start) -> tuple[int, int]:
    return start.frame, start.lead
