"""A film as shots, and of each shot the frames that may be worth keeping: one pass, one shot in memory.

A moment's sharpest frame becomes a candidate; the film's shots decide which candidates belong together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color.arrays import RgbImage
from vidcolor.data.quality import SIDE, Quality, detail, judge
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.prefetch import prefetch
from vidcolor.film.reader import Video, frames
from vidcolor.film.rgb import frame_to_picture
from vidcolor.film.shots import Boundary, Thumbnail, WithBoundaries, thumbnail_of

MOMENT = 0.5  # seconds, of which the sharpest frame is a candidate
LONG_SHOT = 20.0  # seconds after which a shot that goes on counts as a new one when frames are picked
QUEUE = 4  # decoded frames that may wait


@dataclass(frozen=True, eq=False)
class Candidate:
    """The sharpest frame of a moment, as a screen shows it.

    Attributes:
        frame: Its number in the film, from 0.
        seconds: Its time from the film's beginning.
    """

    frame: int
    seconds: float
    image: RgbImage
    quality: Quality


@dataclass(frozen=True, eq=False)
class Take:
    """The candidates of a shot in order, or of a part of a long one. Shots are numbered from 1."""

    shot: int
    candidates: Sequence[Candidate]


def takes(video: Video, max_side: int, seen: Callable[[], None] = lambda: None) -> Iterator[Take]:
    """Return the takes of a film, as they are complete.

    Args:
        max_side: Longest side of the candidates' pictures, in pixels.
        seen: Called once a frame.
    """
    shots, moments = _Shots(), _Moments(video.info, max_side)

    def thumbnails(stream: Iterator[Frame]) -> Iterator[Thumbnail]:
        """Yield the thumbnails of the frames, each of which is kept for its moment."""
        for number, frame in enumerate(stream):
            shots.add(moments.push(number, frame))
            seen()
            yield thumbnail_of(frame)
        shots.add(moments.flush())

    with closing(prefetch(frames(video, chroma=True), QUEUE)) as stream:
        for _, boundary in WithBoundaries(thumbnails(stream), key=lambda small: small):
            yield from shots.decide(boundary)
        yield from shots.finish()


class _Moments:
    """Finds the sharpest frame of each moment (push / flush); only that one is turned into a picture."""

    def __init__(self, info: VideoInfo, max_side: int) -> None:
        self._info, self._max_side = info, max_side
        self._origin = float(info.begin * info.time_base)
        self._end = MOMENT
        self._best: tuple[float, int, Frame] | None = None

    def push(self, number: int, frame: Frame) -> Candidate | None:
        done = None
        seconds = frame.seconds - self._origin
        if seconds >= self._end:
            done = self.flush()
            self._end = seconds - seconds % MOMENT + MOMENT
        found = detail(small_luma(frame))
        if self._best is None or found > self._best[0]:
            self._best = (found, number, frame)
        return done

    def flush(self) -> Candidate | None:
        if self._best is None:
            return None
        _, number, frame = self._best
        self._best = None
        image = frame_to_picture(frame, self._info, self._max_side)
        return Candidate(number, frame.seconds - self._origin, image, judge(image))


class _Shots:
    """Puts candidates into the shots that they belong to, and leaves out those amid a transition."""

    def __init__(self) -> None:
        self._waiting: deque[Candidate] = deque()  # their frames are not decided yet
        self._current: list[Candidate] = []
        self._shot = 1
        self._decided = 0  # frames
        self._clear = 0  # the first frame of the shot after its transition

    def add(self, candidate: Candidate | None) -> None:
        if candidate:
            self._waiting.append(candidate)

    def decide(self, boundary: Boundary | None) -> Iterator[Take]:
        """Take the decision about the next frame."""
        if boundary:
            self._collect()
            # A fade's frame is where the new scene rises, a dissolve's is its middle; a cut may share a field.
            before = 1 + (boundary.length if boundary.kind == "fade" else boundary.length // 2)
            yield from self._end(boundary.frame - before)
            self._shot += 1
            self._clear = boundary.frame + 1 + boundary.length // 2
        self._decided += 1
        self._collect()
        if self._current and self._current[-1].seconds - self._current[0].seconds >= LONG_SHOT:
            yield from self._end(self._decided)

    def finish(self) -> Iterator[Take]:
        """Yield the last take, when all frames are decided."""
        yield from self._end(self._decided)

    def _collect(self) -> None:
        while self._waiting and self._waiting[0].frame < self._decided:
            candidate = self._waiting.popleft()
            if candidate.frame >= self._clear:
                self._current.append(candidate)

    def _end(self, before: int) -> Iterator[Take]:
        candidates = [c for c in self._current if c.frame < before]
        self._current = []
        if candidates:
            yield Take(self._shot, candidates)


def small_luma(frame: Frame) -> NDArray[np.uint8]:
    """Return a frame's luma in 8 bits, its short side about the size at which stills are judged."""
    step = max(1, min(frame.luma.shape) // (2 * SIDE))  # every n-th pixel first: twice the size is enough
    luma = frame.luma[::step, ::step]
    scale = min(1.0, SIDE / min(luma.shape))
    size = max(1, round(luma.shape[1] * scale)), max(1, round(luma.shape[0] * scale))
    small: NDArray[Any] = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return small if frame.bits == 8 else (small >> (frame.bits - 8)).astype(np.uint8)
