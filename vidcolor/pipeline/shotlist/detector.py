"""The shots of a list, told frame by frame as the detector of shots tells those that it finds."""

from __future__ import annotations

from dataclasses import replace

from vidcolor.errors import InputError
from vidcolor.film.shots import Boundary, ShotDetector, Thumbnail
from vidcolor.pipeline.shotlist.shot import ShotList


class ListedShots(ShotDetector):
    """Tells the shots of a list, and finds those of the frames that are in none of them.

    Args:
        shots: The list.
        first: Number of the first frame that will be pushed.
    """

    def __init__(self, shots: ShotList, first: int) -> None:
        super().__init__()
        self._shots = shots
        self._landmarks = {shot.landmark.frame: shot.landmark for shot in shots.shots if shot.landmark}
        self._first = self._following = first
        self._gap: ShotDetector | None = None  # at work on frames in no shot
        self._begin = self._decided = first  # the first of them, and the first that is not decided yet

    def push(self, picture: Thumbnail) -> list[Boundary | None]:
        """Take the next frame; give the decisions that have become final, one a frame, in order.

        Raises:
            InputError: the film shows another picture where the list has a landmark.
        """
        number = self._following
        self._following += 1
        landmark = self._landmarks.get(number)
        if landmark and not landmark.is_seen_in(picture):
            why = f"frame {number} of the film is another than when the list was made"
            raise InputError("cannot use the list of shots", why, "vidcolor shots LIST --check FILM tells more")
        if self._shots.place_of(number) is not None:
            return [*self.flush(), self._listed(number)]
        if self._gap is None:
            self._gap, self._begin, self._decided = ShotDetector(), number, number
        return self._numbered(self._gap.push(picture))

    def flush(self) -> list[Boundary | None]:
        """Return the decisions about the frames that are left, when the film or the frames in no shot have ended."""
        gap, self._gap = self._gap, None
        return self._numbered(gap.flush()) if gap else []

    def _listed(self, number: int) -> Boundary | None:
        """Return what the list says about a frame; nothing lies before the first one."""
        if number == self._first or not self._shots.is_boundary(number):
            return None
        return Boundary(number, "cut", 0)

    def _numbered(self, decisions: list[Boundary | None]) -> list[Boundary | None]:
        """Return decisions of the detector about frames in no shot, with the numbers that these have in the film."""
        found: list[Boundary | None] = []
        for boundary in decisions:
            number, self._decided = self._decided, self._decided + 1
            listed = self._listed(number) if number == self._begin else None
            found.append(listed or (replace(boundary, frame=number) if boundary else None))
        return found
