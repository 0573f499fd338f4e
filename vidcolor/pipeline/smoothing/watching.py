"""Frames are watched as they come: their motion is found, and which of them the network is asked about.

This needs no colors, and so can run ahead of the network, in a thread of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from vidcolor.color.arrays import Plane
from vidcolor.pipeline.smoothing.looks import Looks
from vidcolor.pipeline.smoothing.motion import Sight, Way, sight_of, ways


@dataclass(frozen=True, eq=False)
class Watched:
    """What is known of a frame before it has colors.

    Attributes:
        luma: Its Y' ``(h, w)`` in 0..1.
        wanted: It needs colors of its own; others take them from their neighbors.
        backward, onward: Motion from it to the frame before, and from that to it; None where a shot starts, and where
            nothing is averaged.
    """

    luma: Plane
    wanted: bool = True
    backward: Way | None = None
    onward: Way | None = None


class Watcher:
    """Watches the frames of a film in their order.

    Args:
        strength: Of the averaging that follows; at 0 no motion is searched.
        looks: Chooses the frames that get colors of their own; None: all do. Without strength nothing is carried, and
            all do too.
    """

    def __init__(self, strength: float, looks: Looks | None = None) -> None:
        self._is_needed = strength > 0
        self._looks = looks
        self._last: Sight | None = None

    def watch(
        self, luma: Plane, starts_shot: bool = False, *, seconds: float = 0.0, ends_shot: bool = False
    ) -> Watched:
        """Return what is found out of the next frame.

        Args:
            luma: Y' ``(h, w)`` in 0..1.
            starts_shot: This frame has nothing to do with the one before.
            seconds: When it is shown.
            ends_shot: The next frame, if there is any, has nothing to do with this one.
        """
        if not self._is_needed:
            return Watched(luma)
        sight = sight_of(luma)
        backward = onward = None
        if self._last is not None and not starts_shot:
            backward, onward = ways(self._last, sight)
        self._last = sight
        wanted = True
        if self._looks is not None:
            sure, places = (backward.weight, (backward.x, backward.y)) if backward else (None, None)
            wanted = self._looks.wants(seconds, sure, places, ends_shot=ends_shot)
            if wanted:
                self._looks.looked(luma.shape)
        return Watched(luma, wanted, backward, onward)
