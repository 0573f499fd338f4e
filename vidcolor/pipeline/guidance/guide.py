"""What the frames of a film are told of their colors, from references and hints.

Matched colors go into the network as hints, and are taken in place of its own where the match is sure. Hints that a
person has written go into it too, and change the things that they lie on. After the smoothing, carried colors are taken
as they are, as far as they are surely in sight: so a reference is followed exactly on its own frame, and a hint at its
own point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np

from vidcolor.color.arrays import Plane
from vidcolor.film.frame import Frame
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.guidance.carrying import BACK, ONWARD, Anchor, Open, Track, track
from vidcolor.pipeline.guidance.confining import confined
from vidcolor.pipeline.guidance.matching import Cells, Reference, chosen, match, painted_over
from vidcolor.pipeline.view import View

FIRMNESS = 0.5  # power of the sureness with which carried colors are taken as they are
FORGOTTEN = 10.0  # seconds after the end of its shot, from which a track is not kept any more


@dataclass(frozen=True, eq=False)
class Guide:
    """Known colors as they are used.

    Attributes:
        reference: Frames are compared with this picture; None: they are not.
        anchor: The colors are carried from this frame of the film; None: they are of none.
        place: Of the shot that the frame is in, in the list of shots; None without a list.
        is_hint: Written by hand for places of a picture: goes before all references.
        digest: Of what it was made of.
        trust: Factor on how sure its matches are, 0..1.
        is_memory: How another shot of the film comes out; stands beside references, not in their place.
    """

    reference: Reference | None = None
    anchor: Anchor | None = None
    place: int | None = None
    is_hint: bool = False
    digest: str = ""
    trust: float = 1.0
    is_memory: bool = False


@dataclass(frozen=True, eq=False)
class _Told:
    """What is known of a frame, upright, ``(3, h, w)`` each; None: nothing.

    Attributes:
        references: What references say, in whichever way.
        matched: Of these, what was matched.
        points: What hints say.
    """

    references: Plane | None = None
    matched: Plane | None = None
    points: Plane | None = None


@dataclass(eq=False)
class Guidance:
    """Tells the frames of a film what is known of their colors.

    Attributes:
        film: Opens the film for another reading.
        usual: Guides of the whole film.
        by_place: Guides that shots of the list have of their own, by their places.
        identity: What tells these guides from others, for a journal.
    """

    predictor: Predictor
    view: View
    film: Open
    usual: tuple[Guide, ...]
    by_place: dict[int, tuple[Guide, ...]] = field(default_factory=dict)
    identity: dict[str, object] = field(default_factory=dict)
    _tracks: dict[Guide, Track] = field(default_factory=dict, init=False)
    _spans: dict[Guide, tuple[int, int]] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)  # of the tracks: predict and settled run in two threads

    def predict(
        self,
        frames: Sequence[Frame],
        places: Sequence[int | None],
        lumas: Sequence[Plane],
        *,
        saturation: float = 1.0,
        batch: int = 0,
    ) -> list[Plane]:
        """Return the ab ``(2, h, w)`` of frames, upright, as the network has it with what is known of them.

        Args:
            places: Of their shots in the list of shots; None without a list, or for a frame in none.
            lumas: Their Y' ``(h, w)`` at network size, upright.
            saturation, batch: As for :meth:`vidcolor.network.predictor.Predictor.predict`.
        """
        lumas = [np.ascontiguousarray(luma) for luma in lumas]
        told = self._told(frames, places, lumas, batch)

        def ask(numbers: Sequence[int], hints: Sequence[Plane | None]) -> list[Plane]:
            asked = [lumas[number] for number in numbers]
            return self.predictor.predict(asked, hints=hints, saturation=saturation, batch=batch)

        plain = ask(range(len(lumas)), [each.references for each in told])
        found = [
            ab if each.matched is None else painted_over(ab, each.matched) for ab, each in zip(plain, told, strict=True)
        ]
        points = {number: each.points for number, each in enumerate(told) if each.points is not None}
        numbers = list(points)
        everything = [_over(told[number].references, points[number]) for number in numbers]
        spreads = self.predictor.spread([lumas[number] for number in numbers], list(points.values()), batch)
        for number, ab, spread in zip(numbers, ask(numbers, everything), spreads, strict=True):
            found[number] = confined(found[number], plain[number], ab, spread)
        return found

    def _told(
        self, frames: Sequence[Frame], places: Sequence[int | None], lumas: Sequence[Plane], batch: int
    ) -> list[_Told]:
        compared = [self._compared(frame, place) for frame, place in zip(frames, places, strict=True)]
        asked = [number for number, guides in enumerate(compared) if guides]
        seen = dict(zip(asked, self.predictor.cells([lumas[number] for number in asked], batch), strict=True))
        found = []
        for number, (frame, place) in enumerate(zip(frames, places, strict=True)):
            matched: Plane | None = None
            if number in seen:
                cells = Cells.of(lumas[number], seen[number])
                matched = chosen([_matched(cells, guide, own) for guide, own in compared[number]])
            references, points = matched, None
            for stored, is_hint in self._carried(frame, place):
                known = np.ascontiguousarray(self.view.upright(stored))
                if is_hint:
                    points = _over(points, known[:3])
                else:
                    references = _surer(references, known)
            if references is not None and not references[2].any():
                references = None
            found.append(_Told(references, matched, points))
        return found

    def wanted(self, place: int | None) -> list[list[Any]]:
        """Return all that frames of a shot are told by, in the types of JSON.

        Args:
            place: Of the shot in the list of shots; None: frames in no shot.
        """
        own = self.by_place.get(place, ()) if place is not None else ()
        return [
            [guide.digest, guide.anchor.pts if guide.anchor else None, guide.is_hint, guide in own]
            for guide in self._guides(place)
            if guide.anchor is None or guide.place in (None, place) or guide in own
        ]

    def hints_of(self, place: int) -> list[Guide]:
        """Return the hints of a shot of the list, by its place."""
        return [guide for guide in self._guides(place) if guide.is_hint and guide.place == place]

    def settled(self, frame: Frame, place: int | None, ab: Plane) -> Plane:
        """Return the smoothed ab ``(2, h, w)`` of a frame with carried colors in their place, as far as they are sure.

        Args:
            place: Of its shot in the list of shots; None without a list, or in no shot.
        """
        for known, _ in self._carried(frame, place):
            ab = ab + (known[:2] - ab) * np.maximum(known[-1], 0) ** np.float32(FIRMNESS)
        return ab

    def _guides(self, place: int | None) -> tuple[Guide, ...]:
        """Return those of a shot: its own references before those of the film, and all hints."""
        own = self.by_place.get(place, ()) if place is not None else ()
        if any(guide.reference and not guide.is_memory for guide in own):
            return (*own, *(guide for guide in self.usual if guide.is_hint or guide.anchor))
        return (*own, *self.usual)

    def _compared(self, frame: Frame, place: int | None) -> list[tuple[Guide, bool]]:
        """Return whose references a frame is compared with, and whether they are known to show the same place."""
        found = []
        for guide in self._guides(place):
            if guide.reference is None:
                continue
            own = guide.anchor is not None and self._in_its_shot(guide, frame, place)
            if own or guide.anchor is None or guide in self.by_place.get(-1 if place is None else place, ()):
                found.append((guide, own))
        return found

    def _carried(self, frame: Frame, place: int | None) -> list[tuple[Plane, bool]]:
        """Return what is carried to a frame, as its anchor has it, and whether it is a hint.

        Hints are last, and of each kind those of the nearest frame: they cover what is said farther away.
        """
        found = []
        pts = frame.film_pts
        carried = [(guide, guide.anchor) for guide in self._guides(place) if guide.anchor is not None]
        for guide, anchor in sorted(carried, key=lambda pair: (pair[0].is_hint, -abs(pair[1].pts - pts))):
            if not self._in_its_shot(guide, frame, place):
                continue
            first, last = self._span(guide, anchor)
            if first <= pts <= last and (known := self._track(guide, anchor).at(pts)) is not None:
                found.append((known, guide.is_hint))
        return found

    def _in_its_shot(self, guide: Guide, frame: Frame, place: int | None) -> bool:
        """Return whether a frame is in the shot that a guide's own frame is in."""
        assert guide.anchor is not None
        self._forget(frame)
        after = float((frame.film_pts - guide.anchor.pts) * frame.time_base)
        if guide.place is not None:
            return place == guide.place
        if not -BACK <= after <= ONWARD:
            return False
        first, last = self._span(guide, guide.anchor)
        return first <= frame.film_pts <= last

    def _span(self, guide: Guide, anchor: Anchor) -> tuple[int, int]:
        """Return the first and the last time of the shot that a guide's colors were followed in."""
        if guide not in self._spans:
            found = self._track(guide, anchor)
            self._spans[guide] = found.first, found.last
        return self._spans[guide]

    def _track(self, guide: Guide, anchor: Anchor) -> Track:
        with self._lock:
            if guide not in self._tracks:
                self._tracks[guide] = track(self.film, self.view, anchor)
            return self._tracks[guide]

    def _forget(self, frame: Frame) -> None:
        with self._lock:
            for guide, found in list(self._tracks.items()):
                if float((frame.film_pts - found.last) * frame.time_base) > FORGOTTEN:
                    del self._tracks[guide]


def _matched(cells: Cells, guide: Guide, related: bool) -> Plane:
    """Return the colors of a guide's reference in their places in a frame, ``(3, h, w)``, as far as it is trusted."""
    assert guide.reference is not None
    found = match(cells, guide.reference, related=related)
    found[2] *= np.float32(guide.trust)
    return found


def _surer(known: Plane | None, other: Plane) -> Plane:
    """Return in each place the surer of two planes ``(3, h, w)`` of known colors."""
    return other if known is None else np.where(other[2] > known[2], other, known)


def _over(known: Plane | None, top: Plane) -> Plane:
    """Return known colors ``(3, h, w)`` with others on top of them."""
    return top if known is None else np.where(top[2] > 0, top, known)
