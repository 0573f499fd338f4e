"""The middle of a frame's journey: predicted, smoothed, given its chroma."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
from vidcolor.pipeline.looks import Looks
from vidcolor.pipeline.segments import Step
from vidcolor.pipeline.smoothing import Smoother
from vidcolor.pipeline.view import View
from vidcolor.settings import ShotSettings

Planes = tuple[NDArray[Any], NDArray[Any]]
MOST_WAITING = 4  # times a batch: frames that wait for the network, most of them not to be seen by it
SettingsOf = Callable[[Step], ShotSettings]
"""Tells how a frame's shot is to look; frames of one shot get equal settings."""


@dataclass(frozen=True)
class Stages:
    """What colors the frames of one film.

    Attributes:
        batch: Frames that go through the network together.
        settings_of: How each shot looks.
        rate: Frames per second of a film of which the network need not see every frame; None: it sees all.
    """

    predictor: Predictor
    view: View
    batch: int
    settings_of: SettingsOf
    rate: Fraction | None = None

    def colored(self, steps: Iterator[Step]) -> Iterator[tuple[Step, Plane, Plane]]:
        """Return steps with their Y' and ab, both at network size; context is left out.

        Batches and smoothing end with their segment.
        """
        for _, segment in groupby(steps, key=lambda step: step.start.number):
            for step, luma, ab in self._segment(segment):
                if not step.context:
                    yield step, luma, ab

    @property
    def warnings(self) -> tuple[str, ...]:
        """What had to be done otherwise than asked."""
        return self.predictor.warnings(self.batch, self.view.height, self.view.width)

    def _segment(self, segment: Iterator[Step]) -> Iterator[tuple[Step, Plane, Plane]]:
        """The steps of one segment, predicted and averaged along motion."""
        waiting: deque[tuple[Step, Plane]] = deque()
        smoother = Smoother(0)
        for strength, shots in groupby(_with_ends(segment), key=lambda pair: self.settings_of(pair[0]).smooth):
            yield from _finished(waiting, smoother.flush())
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


class _Asked:
    """Frames that wait until a batch of them goes through the network.

    A held frame (24 pictures a second in 60, animation on twos) has the ab of the one before: the network is asked
    once for a run of equal lumas.
    """

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._frames: list[tuple[Plane, float] | None] = []  # None: the network does not see it
        self._fresh: list[bool] = []
        self._last: tuple[Plane, float] | None = None
        self._ab: Plane | None = None

    def push(self, step: Step, luma: Plane, wanted: bool) -> None:
        ask = (luma, self._stages.settings_of(step).saturation) if wanted else None
        self._frames.append(ask)
        self._fresh.append(ask is not None and not _same(self._last, ask))
        self._last = ask or self._last

    @property
    def full(self) -> bool:
        """Whether the network's batch is full, or as many frames wait as one of all would hold several times."""
        return sum(self._fresh) == self._stages.batch or len(self._frames) == MOST_WAITING * self._stages.batch

    def answers(self) -> Iterator[Plane | None]:
        """Return the ab of each frame, None for those that the network does not see; nothing waits afterwards."""
        frames, fresh = self._frames, self._fresh
        self._frames, self._fresh = [], []
        view = self._stages.view
        wanted = [ask for ask, is_fresh in zip(frames, fresh, strict=True) if ask is not None and is_fresh]
        found = iter(
            self._stages.predictor.predict(
                [view.upright(luma) for luma, _ in wanted],
                saturation=[saturation for _, saturation in wanted],
                batch=self._stages.batch,
            )
        )
        for ask, is_fresh in zip(frames, fresh, strict=True):
            if is_fresh:
                self._ab = view.stored(next(found))
            yield self._ab if ask is not None else None


def _with_ends(steps: Iterator[Step]) -> Iterator[tuple[Step, bool]]:
    """Each step, and whether it is the last of its shot, as far as the steps go."""
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
