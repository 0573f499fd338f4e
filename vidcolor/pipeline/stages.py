"""The middle of a frame's journey: predicted, smoothed, given its chroma."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import compress, groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcolor.color.arrays import Plane
from vidcolor.film.prefetch import one_cv2_thread
from vidcolor.network.lanes import torch_threads
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.chroma import chroma_planes
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.guidance.guide import Guidance
from vidcolor.pipeline.segments.cutting import Step
from vidcolor.pipeline.smoothing.averaging import Smoother
from vidcolor.pipeline.smoothing.looks import Looks, frames_per_look
from vidcolor.pipeline.smoothing.watching import Watched, Watcher
from vidcolor.pipeline.view import View

Planes = tuple[NDArray[Any], NDArray[Any]]
MOST_WAITING = 4  # times a batch: frames that wait for the network, most of them not to be seen by it


@dataclass(frozen=True)
class _Way:
    """What the frames of some adjacent shots have in common.

    Attributes:
        smooth: How much their colors are averaged, 0..1.
        is_colored: Their colors are seen.
    """

    smooth: float
    is_colored: bool


@dataclass(frozen=True, eq=False)
class Moment:
    """A frame before it has colors.

    Attributes:
        way: How it is worked.
        is_first: Of a segment, or of shots that are worked in this way: nothing flows into it from earlier ones.
        watched: Its Y' at network size, its motion, and whether the network is asked.
    """

    step: Step
    way: _Way
    is_first: bool
    watched: Watched


Answer = tuple[Moment, Plane | None]
"""A moment and the network's ab; None where it is not asked, or the colors are not seen."""


@dataclass(frozen=True)
class Stages:
    """What colors the frames of one film: :meth:`watch`, :meth:`predict`, :meth:`settle`, one after the other.

    Each takes what the one before gives, in the order of the film, so that each may run in a thread of its own.

    Attributes:
        batch: Frames that go through the network together.
        grading: What is wanted of each frame.
        rate: Frames per second of a film of which the network need not see every frame; None: it sees all.
        guidance: What is known of its colors; None: nothing.
    """

    predictor: Predictor
    view: View
    batch: int
    grading: Grading
    rate: Fraction | None = None
    guidance: Guidance | None = None

    def colored(self, steps: Iterator[Step]) -> Iterator[tuple[Step, Plane, Plane]]:
        """Return steps with their Y' and graded ab, both at network size; context is left out.

        Batches and smoothing end with their segment.
        """
        return self.settle(self.predict(self.watch(steps)))

    @property
    def burst(self) -> int:
        """Return how many frames come out of a batch: the encoder has these while the next one is predicted."""
        return self.batch * frames_per_look(self.rate)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what had to be done otherwise than asked."""
        return self.predictor.warnings(self.batch, self.view.height, self.view.width)

    def watch(self, steps: Iterator[Step]) -> Iterator[Moment]:
        """Yield steps at network size, with their motion."""
        for _, segment in groupby(steps, key=lambda step: step.start.number):
            for way, shots in groupby(_with_ends(segment), key=lambda pair: self._way(pair[0])):
                watcher = Watcher(way.smooth if way.is_colored else 0.0, Looks() if self.rate else None)
                is_first = True
                for step, ends_shot in shots:
                    luma = self.view.small(step.frame)
                    seconds = step.frame.seconds
                    watched = watcher.watch(luma, step.starts_shot, seconds=seconds, ends_shot=ends_shot)
                    yield Moment(step, way, is_first, watched)
                    is_first = False

    def predict(self, moments: Iterator[Moment]) -> Iterator[Answer]:
        """Yield moments with the network's answers."""
        asked = _Asked(self)
        for moment in moments:
            if moment.is_first:
                yield from asked.answers()
                asked = _Asked(self)
            if not moment.way.is_colored:
                yield moment, None
                continue
            asked.push(moment)
            if asked.full:
                yield from asked.answers()
        yield from asked.answers()

    def settle(self, answers: Iterator[Answer]) -> Iterator[tuple[Step, Plane, Plane]]:
        """Yield steps with their Y' and ab, averaged along motion and graded; context is left out."""
        for step, luma, ab in self._smoothed(answers):
            if step.context:
                continue
            if self.guidance:
                ab = self.guidance.settled(step.frame, self.grading.place_of(step.number), ab)
            yield step, luma, self.grading.graded(step.number, luma, ab, step.frame.tags.matrix)

    def _smoothed(self, answers: Iterator[Answer]) -> Iterator[tuple[Step, Plane, Plane]]:
        """Yield steps with their Y' and ab, averaged along motion; grey where no color would be seen."""
        waiting: deque[Moment] = deque()
        smoother = Smoother(0)

        def finished(done: list[Plane]) -> Iterator[tuple[Step, Plane, Plane]]:
            for ab in done:
                moment = waiting.popleft()
                yield moment.step, moment.watched.luma, ab

        for moment, ab in answers:
            if moment.is_first:
                yield from finished(smoother.flush())
                smoother = Smoother(moment.way.smooth, frames_per_look(self.rate))
            waiting.append(moment)
            if moment.way.is_colored:
                yield from finished(smoother.add(moment.watched, ab))
            else:
                yield from finished([np.zeros((2, *moment.watched.luma.shape), np.float32)])
        yield from finished(smoother.flush())

    def _way(self, step: Step) -> _Way:
        return _Way(self.grading.settings_at(step.number).smooth, self.grading.needs_colors(step.number))


class _Asked:
    """Frames that wait until a batch of them goes through the network.

    A held frame (24 pictures a second in 60, animation on twos) has the ab of the one before: the network is asked
    once for a run of equal lumas.
    """

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._moments: list[Moment] = []
        self._fresh: list[bool] = []
        self._last: Plane | None = None
        self._ab: Plane | None = None

    def push(self, moment: Moment) -> None:
        luma, wanted = moment.watched.luma, moment.watched.wanted
        self._moments.append(moment)
        self._fresh.append(wanted and not (self._last is not None and np.array_equal(self._last, luma)))
        self._last = luma if wanted else self._last

    @property
    def full(self) -> bool:
        """Return whether the network's batch is full, or as many frames wait as one of all would hold several times."""
        return sum(self._fresh) == self._stages.batch or len(self._moments) == MOST_WAITING * self._stages.batch

    def answers(self) -> Iterator[Answer]:
        """Return the ab of each frame, None for those that the network does not see; nothing waits afterwards."""
        moments, fresh = self._moments, self._fresh
        self._moments, self._fresh = [], []
        found = iter(self._predicted(list(compress(moments, fresh))))
        for moment, is_fresh in zip(moments, fresh, strict=True):
            if is_fresh:
                self._ab = self._stages.view.stored(next(found))
            yield moment, self._ab if moment.watched.wanted else None

    def _predicted(self, moments: list[Moment]) -> list[Plane]:
        """Return the network's ab of frames, upright, with what is known of their colors."""
        view, predictor, batch = self._stages.view, self._stages.predictor, self._stages.batch
        upright = [view.upright(moment.watched.luma) for moment in moments]
        if self._stages.guidance is None:
            return predictor.predict(upright, batch=batch)
        places = [self._stages.grading.place_of(moment.step.number) for moment in moments]
        frames = [moment.step.frame for moment in moments]
        return self._stages.guidance.predict(frames, places, upright, batch=batch)


def _with_ends(steps: Iterator[Step]) -> Iterator[tuple[Step, bool]]:
    """Yield each step, and whether it is the last of its shot, as far as the steps go."""
    before: Step | None = None
    for step in steps:
        if before is not None:
            yield before, step.starts_shot
        before = step
    if before is not None:
        yield before, True


def with_chroma(
    colors: Iterator[tuple[Step, Plane, Plane]], grading: Grading, width: int, height: int
) -> Iterator[tuple[Step, Planes]]:
    """Return steps as they are encoded, with their chroma planes, of the given size."""
    for step, luma, ab in colors:
        planes = chroma_planes(step.frame, luma, ab, width, height)
        frame, planes = grading.finished(step.number, step.frame, planes)
        yield step if frame is step.frame else replace(step, frame=frame), planes


@contextmanager
def shared_cores(cores: int) -> Iterator[None]:
    """Leave half of the cores to the decoder and the encoder: threads that wait for each other's turn waste both.

    On two cores a film of 480 lines is done in nine tenths of the time (benchmarks/speed.py). OpenCV's own threads
    would fight with all of them. In fp32 the last bits of a network's answers follow from the number of its threads.

    Args:
        cores: That are shared.
    """
    with torch_threads(max(1, cores // 2)), one_cv2_thread():
        yield
