"""The middle of a frame's journey: predicted, smoothed, given its chroma."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vidcolor.color.arrays import Plane
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.chroma import chroma_planes
from vidcolor.pipeline.segments import Step
from vidcolor.pipeline.smoothing import Smoother
from vidcolor.pipeline.view import View
from vidcolor.settings import ShotSettings

Planes = tuple[NDArray[Any], NDArray[Any]]
SettingsOf = Callable[[Step], ShotSettings]
"""Tells how a frame's shot is to look; frames of one shot get equal settings."""


@dataclass(frozen=True)
class Stages:
    """What colors the frames of one film.

    Attributes:
        batch: Frames that go through the network together.
        settings_of: How each shot looks.
    """

    predictor: Predictor
    view: View
    batch: int
    settings_of: SettingsOf

    def colored(self, steps: Iterator[Step]) -> Iterator[tuple[Step, Plane, Plane]]:
        """Return steps with their Y' and ab, both at network size; context is left out.

        Batches and smoothing end with their segment.
        """
        for _, segment in groupby(steps, key=lambda step: step.start.number):
            for step, luma, ab in self._smoothed(self._predicted(segment)):
                if not step.context:
                    yield step, luma, ab

    @property
    def warnings(self) -> tuple[str, ...]:
        """What had to be done otherwise than asked."""
        return self.predictor.warnings(self.batch, self.view.height, self.view.width)

    def _predicted(self, segment: Iterator[Step]) -> Iterator[tuple[Step, Plane, Plane]]:
        """Steps with Y' and ab at network size.

        A held frame (24 pictures a second in 60, animation on twos) has the ab of the one before: the network is asked
        once for a run of equal lumas.
        """
        before: tuple[Plane, float] | None = None
        ab: Plane | None = None
        while batch := list(islice(segment, self.batch)):
            asked = [(self.view.small(step.frame), self.settings_of(step).saturation) for step in batch]
            fresh = [not _same(last, this) for last, this in zip([before, *asked], asked, strict=False)]
            wanted = [ask for ask, is_fresh in zip(asked, fresh, strict=True) if is_fresh]
            planes = self.predictor.predict(
                [self.view.upright(luma) for luma, _ in wanted],
                saturation=[saturation for _, saturation in wanted],
                batch=self.batch,
            )
            found = iter(planes)
            for step, (luma, _), is_fresh in zip(batch, asked, fresh, strict=True):
                if is_fresh:
                    ab = self.view.stored(next(found))
                assert ab is not None  # the first of all is fresh
                yield step, luma, ab
            before = asked[-1]

    def _smoothed(self, colors: Iterator[tuple[Step, Plane, Plane]]) -> Iterator[tuple[Step, Plane, Plane]]:
        """The same, with ab averaged along motion."""
        smoother = Smoother(0)
        waiting: deque[tuple[Step, Plane]] = deque()
        for step, luma, ab in colors:
            if (strength := self.settings_of(step).smooth) != smoother.strength:
                for steady in smoother.flush():
                    yield (*waiting.popleft(), steady)
                smoother = Smoother(strength)
            waiting.append((step, luma))
            for steady in smoother.push(luma, ab, step.starts_shot):
                yield (*waiting.popleft(), steady)
        for steady in smoother.flush():
            yield (*waiting.popleft(), steady)


def with_chroma(colors: Iterator[tuple[Step, Plane, Plane]], width: int, height: int) -> Iterator[tuple[Step, Planes]]:
    """Return steps with their chroma planes, of the given size."""
    for step, luma, ab in colors:
        yield step, chroma_planes(step.frame, luma, ab, width, height)


def _same(before: tuple[Plane, float] | None, now: tuple[Plane, float]) -> bool:
    return before is not None and before[1] == now[1] and np.array_equal(before[0], now[0])


@contextmanager
def shared_cores() -> Iterator[None]:
    """Leave half of the cores to the decoder and the encoder: threads that wait for each other's turn waste both.

    On two cores a film of 480 lines is done in nine tenths of the time (benchmarks/speed.py). OpenCV's own threads
    would fight with all of them.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // 2))
    try:
        with one_cv2_thread():
            yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def one_cv2_thread() -> Iterator[None]:
    """Keep OpenCV to the thread that calls it."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
