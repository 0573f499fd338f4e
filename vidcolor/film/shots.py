"""Where one shot of a film ends and the next begins, found on luma thumbnails while the film streams by.

Two thumbnails show the same scene when the blocks of one are found again near their place in the other, by
normalized cross-correlation: blind to exposure, and to what motion does between frames. Then

- a *cut* lies where neither of a few frames before looks like one of a few frames after; so a flash, a blotch or a
  jump in the gate is none, since the scene comes back, and a fast pan is none, since each frame finds its neighbor;
- a *dissolve* lies where the frames between two different scenes are mixtures of both, with less contrast than either
  (Alattar 1993, "Detecting and compressing dissolve regions in video sequences": the variance is a parabola);
- a *fade* goes through a blank picture, black or white or any other grey.

Every decision looks at frames of the running shot and at most ``delay`` frames ahead, nothing else. So a detector
started afresh at the first frame of a shot decides the rest as the one that saw the whole film.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color.arrays import Luma
from vidcolor.film.frame import Frame

Thumbnail = NDArray[np.uint8]
Item = TypeVar("Item")

HEIGHT, WIDTH = 36, 48  # of a thumbnail, whatever the film's shape
BLOCK = 12  # pixels a side of what is looked for
REACH = (6, 10)  # how far from its place, down and across: a sixth and a fifth of the picture
FAINT = 2.0  # code values of deviation below which a block says nothing

LOOKAHEAD = 20  # frames
FLASH = 5  # frames that something may hide the scene without ending the shot
BLANK = 3.0  # code values of deviation below which a picture is blank

# Similarities of adjacent frames in moving footage are above 0.8; of unrelated pictures, 0.4 with 1 % above 0.57.
ADJACENT = 0.8
OTHER = 0.65  # below it two pictures show different scenes
ISOLATED = 0.85  # a cut is this much less similar than the pairs of frames on its two sides
DIP = 0.97  # highest contrast of a mixture over that of its sources
MIXED = -0.18  # lowest variance of a mixture that its sources explain, less twice their similarity
STEP, SETBACK = 0.6, 0.5  # largest step forward of a dissolve from frame to frame, and all steps back together
SPREADS = (2, 3, 5, 8, 12, 16)  # frames to either side where a mixture's sources are looked for
SETTLING = LOOKAHEAD - SPREADS[-1] + 1  # frames among which the likeliest middle of a dissolve is taken


@dataclass(frozen=True)
class Boundary:
    """The beginning of a new shot at ``frame``.

    Attributes:
        frame: The first frame of the new shot. Of a dissolve, the first in which the new scene makes at least half of
            the picture; of a fade, where the new scene begins to rise from the blank picture.
        kind: How it comes about.
        length: Frames of the transition; 0 for a cut.
    """

    frame: int
    kind: Literal["cut", "dissolve", "fade"]
    length: int


def thumbnail(luma: Luma, bits: int = 8) -> Thumbnail:
    """Return a small picture of a luma plane ``(H, W)``: ``(HEIGHT, WIDTH)``, uint8."""
    # Every fourth pixel of a thumbnail's area each way is enough, and a tenth of the time at 1080p.
    rows, columns = (max(1, side // (4 * small)) for side, small in zip(luma.shape, (HEIGHT, WIDTH), strict=True))
    small: NDArray[Any] = cv2.resize(luma[::rows, ::columns], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return small if bits == 8 else (small >> (bits - 8)).astype(np.uint8)


def thumbnail_of(frame: Frame) -> Thumbnail:
    """Return the thumbnail of a frame."""
    return thumbnail(frame.luma, frame.bits)


class _View:
    """A thumbnail with what is asked of it often."""

    def __init__(self, picture: Thumbnail) -> None:
        self.picture = picture
        values = picture.astype(np.float32)
        self.contrast = float(values.std())
        blocks = values.reshape(HEIGHT // BLOCK, BLOCK, WIDTH // BLOCK, BLOCK)
        weights = np.maximum(blocks.std(axis=(1, 3)) - FAINT, 0)
        self.weight = weights.sum()
        places = [(row * BLOCK, column * BLOCK) for row, column in np.argwhere(weights).tolist()]
        self.blocks = list(zip(places, weights[weights > 0].tolist(), strict=True))
        coarse = cv2.resize(values, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA)
        self.coarse = (coarse - coarse.mean()).ravel()

    @property
    def blank(self) -> bool:
        """Return whether nothing can be seen in it."""
        return self.contrast < BLANK


def _found(view: _View, other: _View) -> float:
    """Return how well the blocks of a view are found again in another, weighted with their contrast; a sum."""
    total = 0.0
    down, across = REACH
    for (y, x), weight in view.blocks:
        block = view.picture[y : y + BLOCK, x : x + BLOCK]
        around = other.picture[max(0, y - down) : y + BLOCK + down, max(0, x - across) : x + BLOCK + across]
        best = float(cv2.matchTemplate(around, block, cv2.TM_CCOEFF_NORMED).max())
        total += weight * min(best, 1.0)
    return total


def similarity(view: _View, other: _View) -> float:
    """Return about 1 for two views of one scene, 0.4 for two scenes, whatever the exposure."""
    if float(view.coarse @ other.coarse) > 0.9 * float(np.linalg.norm(view.coarse) * np.linalg.norm(other.coarse)):
        return 1.0  # nothing has moved: no need to search
    weight = float(view.weight + other.weight)
    return (_found(view, other) + _found(other, view)) / weight if weight else 1.0


def are_alike(picture: Thumbnail, other: Thumbnail) -> bool:
    """Return whether two thumbnails are as like each other as adjacent frames in moving footage."""
    return similarity(_View(picture), _View(other)) >= ADJACENT


@dataclass(frozen=True)
class _Blend:
    """How much speaks for a frame to be halfway through a dissolve."""

    evidence: float
    spread: int = 0
    length: int = 0
    through_blank: bool = False


class ShotDetector:
    """Finds the boundaries of shots in a stream of thumbnails.

    Attributes:
        delay: Frames that a decision waits for, at most.
    """

    delay = LOOKAHEAD

    def __init__(self) -> None:
        self._number = 0  # of the frame to be decided next
        self._past: deque[_View] = deque(maxlen=LOOKAHEAD)  # decided frames of the running shot, the last one last
        self._ahead: deque[_View] = deque()  # frames not decided yet
        self._similarities: dict[tuple[int, int], float] = {}
        self._blends: dict[int, _Blend] = {}
        self._pictured = False  # the running shot has shown something
        self._blanks = 0  # blank frames just passed
        self._fall = 0  # frames in which the picture before them went out

    def push(self, picture: Thumbnail) -> list[Boundary | None]:
        """Take the next frame; give the decisions that have become final, one a frame, in order."""
        self._ahead.append(_View(picture))
        return [self._decide()] if len(self._ahead) > self.delay else []

    def flush(self) -> list[Boundary | None]:
        """Return the decisions about the frames that are left, when the film has ended."""
        return [self._decide() for _ in range(len(self._ahead))]

    def _decide(self) -> Boundary | None:
        boundary = (self._fade() or self._cut() or self._dissolve()) if self._past else None
        if boundary:
            self._past.clear()
            self._blends.clear()
            self._pictured, self._blanks, self._fall = False, 0, 0
        view = self._ahead.popleft()
        if view.blank:
            if not self._blanks:
                self._fall = _ramp([v.contrast for v in reversed(self._past)])
            self._blanks += 1
        else:
            self._pictured, self._blanks = True, 0
        self._past.append(view)
        self._blends.pop(self._number, None)
        self._number += 1
        for pair in [pair for pair in self._similarities if pair[0] < self._number - LOOKAHEAD]:
            del self._similarities[pair]
        return boundary

    def _view(self, offset: int) -> _View:
        """Return the frame ``offset`` frames after the one to be decided."""
        return self._ahead[offset] if offset >= 0 else self._past[offset]

    def _similarity(self, before: int, after: int) -> float:
        """Return the similarity of the frames at two offsets; each pair is computed once."""
        key = (self._number + before, self._number + after)
        if key not in self._similarities:
            self._similarities[key] = similarity(self._view(before), self._view(after))
        return self._similarities[key]

    def _returns(self, last: int, first: int) -> bool:
        """Return whether the scene up to one offset is seen again from another on: what came between was a flash."""
        before = range(max(last - FLASH + 1, -len(self._past)), last + 1)
        after = range(first, min(first + FLASH, len(self._ahead)))
        pairs = [(b, a) for b in before for a in after if not (self._view(b).blank or self._view(a).blank)]
        return any(self._similarity(*pair) >= OTHER for pair in sorted(pairs, key=lambda pair: pair[1] - pair[0]))

    def _cut(self) -> Boundary | None:
        if len(self._past) < 2 or self._view(-1).blank or self._view(0).blank or self._similarity(-1, 0) >= OTHER:
            return None
        steps = [self._similarity(o, o + 1) for o in range(-4, 3) if -len(self._past) <= o < len(self._ahead) - 1]
        if self._similarity(-1, 0) > ISOLATED * np.median(steps) or self._returns(-1, 0):
            return None
        return Boundary(self._number, "cut", 0)

    def _dissolve(self) -> Boundary | None:
        now = self._blend(0)
        if now.evidence < MIXED or self._returns(-now.spread, now.spread):
            return None
        if any(self._blend(later).evidence > now.evidence for later in range(1, min(SETTLING, len(self._ahead)))):
            return None
        if now.length <= 1:
            return Boundary(self._number, "cut", 0)
        return Boundary(self._number, "fade" if now.through_blank else "dissolve", now.length)

    def _blend(self, offset: int) -> _Blend:
        """Return the strongest evidence that a frame is halfway from one scene to another; each is looked at once."""
        number = self._number + offset
        if number not in self._blends:
            found = [self._blend_over(offset, spread) for spread in SPREADS]
            self._blends[number] = max(found, key=lambda blend: blend.evidence)
        return self._blends[number]

    def _blend_over(self, offset: int, spread: int) -> _Blend:
        none = _Blend(float("-inf"))
        if offset - spread < -len(self._past) or offset + spread >= len(self._ahead):
            return none
        views = [self._view(offset + step) for step in range(-spread, spread + 1)]
        contrasts = [view.contrast for view in views]
        if contrasts[spread] > DIP * (contrasts[0] + contrasts[-1]) / 2 or min(contrasts) < BLANK:
            return none
        shares, explained = _mixture(views)
        steps = np.diff(shares)
        if not shares[spread - 1] < 0.5 <= shares[spread] or steps.max() > STEP or -steps.clip(max=0).sum() > SETBACK:
            return none
        return _Blend(
            explained - 2 * self._similarity(offset - spread, offset + spread),
            spread,
            length=int(((shares > 0.05) & (shares < 0.95)).sum()),
            through_blank=min(contrasts) < 0.3 * min(contrasts[0], contrasts[-1]),
        )

    def _fade(self) -> Boundary | None:
        """Return the scene that rises after blank frames, unless it is the one that a flash had hidden."""
        if not self._pictured:
            return None
        contrasts = [view.contrast for view in self._ahead]
        if contrasts[0] >= BLANK:
            rise, blanks = 0, self._blanks
            if not blanks:
                return None
        else:
            rise = next((i for i, c in enumerate(contrasts) if c >= BLANK), 0)
            blanks = self._blanks + rise
            # It begins where the contrast begins to rise frame by frame; a picture that is there at once is a cut.
            if not rise or np.diff(contrasts[: rise + 1]).min() < 0.2 or contrasts[rise] - contrasts[rise - 1] > BLANK:
                return None
        if blanks <= FLASH and self._returns(-1 - self._blanks, rise):
            return None
        up = _ramp(contrasts)
        length = self._fall + blanks + up
        return Boundary(self._number, "fade", length) if self._fall + up > 2 else Boundary(self._number, "cut", 0)


class WithBoundaries(Generic[Item]):
    """Iterates once over the items of a film, each with the boundary of shots that lies before it, or None.

    Args:
        items: One for each frame, in order. They are read at most ``detector.delay`` ahead of what is given out.
        key: Gives an item's thumbnail.
        detector: A fresh one, whose first frame is that of the first item; None: a ShotDetector.

    Attributes:
        waiting: Items that have been read, but not given out yet.
    """

    def __init__(
        self, items: Iterable[Item], key: Callable[[Item], Thumbnail], detector: ShotDetector | None = None
    ) -> None:
        self.waiting: deque[Item] = deque()
        self._items, self._key = items, key
        self._detector = detector or ShotDetector()

    def __iter__(self) -> Iterator[tuple[Item, Boundary | None]]:
        for item in self._items:
            self.waiting.append(item)
            for boundary in self._detector.push(self._key(item)):
                yield self.waiting.popleft(), boundary
        for boundary in self._detector.flush():
            yield self.waiting.popleft(), boundary


def _ramp(contrasts: list[float]) -> int:
    """Return the frames until a contrast that rises is nearly at its height."""
    if not contrasts:
        return 0
    return next(i for i, c in enumerate(contrasts) if c >= 0.9 * max(contrasts))


def _mixture(views: list[_View]) -> tuple[NDArray[np.float64], float]:
    """Return each view as a mixture of first and last: the share of the last, and the variance explained (median)."""
    sources = np.stack([views[0].coarse, views[-1].coarse], axis=1).astype(np.float64)
    mixtures = np.stack([view.coarse for view in views], axis=1).astype(np.float64)
    amounts = np.linalg.lstsq(sources, mixtures, rcond=None)[0]
    rest = ((mixtures - sources @ amounts) ** 2).sum(axis=0)
    explained = 1 - rest / (mixtures**2).sum(axis=0)
    weighted = np.maximum(amounts, 0) * np.linalg.norm(sources, axis=0)[:, None]
    return weighted[1] / np.maximum(weighted.sum(axis=0), 1e-9), float(np.median(explained[1:-1]))
