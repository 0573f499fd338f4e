"""The middle of a frame's journey: predicted, smoothed, given its chroma."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vidcolor.color.arrays import Plane
from vidcolor.film.prefetch import one_cv2_thread
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.chroma import chroma_planes
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.guidance.guide import Guidance
from vidcolor.pipeline.segments.cutting import Step
from vidcolor.pipeline.smoothing.averaging import Smoother
from vidcolor.pipeline.smoothing.looks import Looks
from vidcolor.pipeline.view import View

Planes = tuple[NDArray[Any], NDArray[Any]]
MOST_WAITING = 4  # times a batch: frames that wait for the network, most of them not to be seen by it


@dataclass(frozen=True)
class Stages:
    """What colors the frames of one film.

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
        for _, segment in groupby(steps, key=lambda step: step.start.number):
            for step, luma, ab in self._segment(segment):
                if not step.context:
                    if self.guidance:
                        ab = self.guidance.settled(step.frame, self.grading.place_of(step.number), ab)
                    yield step, luma, self.grading.graded(step.number, luma, ab, step.frame.tags.matrix)

    @property
    def burst(self) -> int:
        """Return how many frames come out of a batch: the encoder has these while the next one is predicted."""
        return self.batch * (Looks(self.rate).weight if self.rate else 1)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what had to be done otherwise than asked."""
        return self.predictor.warnings(self.batch, self.view.height, self.view.width)

    def _segment(self, segment: Iterator[Step]) -> Iterator[tuple[Step, Plane, Plane]]:
        """Yield the steps of one segment, predicted and averaged along motion; in grey where no color would be seen."""
        waiting: deque[tuple[Step, Plane]] = deque()
        smoother = Smoother(0)
        for (strength, is_colored), shots in groupby(_with_ends(segment), key=lambda pair: self._way(pair[0])):
            yield from _finished(waiting, smoother.flush())
            if not is_colored:
                for step, _ in shots:
                    luma = self.view.small(step.frame)
                    yield step, luma, np.zeros((2, *luma.shape), np.float32)
                continue
            smoother = Smoother(strength, Looks(self.rate) if self.rate else None)
            asked = _Asked(self)
            for step, ends_shot in shots:
                luma = self.view.small(step.frame)
                waiting.append((step, luma))
                seconds = step.frame.seconds
                asked.push(step, luma, smoother.watch(luma, step.starts_shot, seconds=seconds, ends_shot=ends_shot))
                if asked.full:
                    for ab in asked.answers():
                        yield from _finished(waiting, smoother.add(ab))
            for ab in asked.answers():
                yield from _finished(waiting, smoother.add(ab))
        yield from _finished(waiting, smoother.flush())

    def _way(self, step: Step) -> tuple[float, bool]:
        """Return how much is averaged in the shot of a frame, and whether its colors are seen."""
        return self.grading.settings_at(step.number).smooth, self.grading.needs_colors(step.number)


class _Asked:
    """Frames that wait until a batch of them goes through the network.

    A held frame (24 pictures a second in 60, animation on twos) has the ab of the one before: the network is asked
    once for a run of equal lumas.
    """

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._frames: list[tuple[Step, Plane] | None] = []  # None: the network does not see it
        self._fresh: list[bool] = []
        self._last: Plane | None = None
        self._ab: Plane | None = None

    def push(self, step: Step, luma: Plane, wanted: bool) -> None:
        self._frames.append((step, luma) if wanted else None)
        self._fresh.append(wanted and not (self._last is not None and np.array_equal(self._last, luma)))
        self._last = luma if wanted else self._last

    @property
    def full(self) -> bool:
        """Return whether the network's batch is full, or as many frames wait as one of all would hold several times."""
        return sum(self._fresh) == self._stages.batch or len(self._frames) == MOST_WAITING * self._stages.batch

    def answers(self) -> Iterator[Plane | None]:
        """Return the ab of each frame, None for those that the network does not see; nothing waits afterwards."""
        frames, fresh = self._frames, self._fresh
        self._frames, self._fresh = [], []
        wanted = [frame for frame, is_fresh in zip(frames, fresh, strict=True) if frame is not None and is_fresh]
        found = iter(self._predicted(wanted))
        for frame, is_fresh in zip(frames, fresh, strict=True):
            if is_fresh:
                self._ab = self._stages.view.stored(next(found))
            yield None if frame is None else self._ab

    def _predicted(self, frames: list[tuple[Step, Plane]]) -> list[Plane]:
        """Return the network's ab of frames, upright, with what is known of their colors."""
        view, predictor, batch = self._stages.view, self._stages.predictor, self._stages.batch
        upright = [view.upright(luma) for _, luma in frames]
        if self._stages.guidance is None:
            return predictor.predict(upright, batch=batch)
        places = [self._stages.grading.place_of(step.number) for step, _ in frames]
        return self._stages.guidance.predict([step.frame for step, _ in frames], places, upright, batch=batch)


def _with_ends(steps: Iterator[Step]) -> Iterator[tuple[Step, bool]]:
    """Yield each step, and whether it is the last of its shot, as far as the steps go."""
    before: Step | None = None
    for step in steps:
        if before is not None:
            yield before, step.starts_shot
        before = step
    if before is not None:
        yield before, True


def _finished(waiting: deque[tuple[Step, Plane]], done: list[Plane]) -> Iterator[tuple[Step, Plane, Plane]]:
    """Return what has waited longest with the ab that have come for it."""
    for ab in done:
        yield (*waiting.popleft(), ab)


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
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, cores // 2))
    try:
        with one_cv2_thread():
            yield
    finally:
        torch.set_num_threads(threads)
