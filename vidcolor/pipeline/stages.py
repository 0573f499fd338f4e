"""The middle of a frame's journey: steps in, the same steps with their chroma planes out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby, islice, pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vidcolor.color.arrays import Plane
from vidcolor.errors import DeviceError
from vidcolor.pipeline.chroma import chroma_planes
from vidcolor.pipeline.segments import Step
from vidcolor.pipeline.smoothing import Smoother
from vidcolor.pipeline.view import Colorizer

Planes = tuple[NDArray[Any], NDArray[Any]]


class Network:
    """A colorizer on batches as large as asked for, and as the device's memory takes.

    Attributes:
        size: Frames of a batch.
        warnings: What had to be done otherwise.
    """

    def __init__(self, colorizer: Colorizer, size: int) -> None:
        self.colorizer, self.size = colorizer, size
        self._asked = size

    @property
    def warnings(self) -> tuple[str, ...]:
        if self.size == self._asked:
            return ()
        return (f"batches of {self._asked} frames did not fit into the device's memory: took {self.size}",)

    def ab(self, lumas: Sequence[Plane]) -> list[Plane]:
        """ab ``(2, h, w)`` for each Y' ``(h, w)``, as Colorizer.ab.

        Raises:
            DeviceError: the memory does not take a single frame.
        """
        done: list[Plane] = []
        while len(done) < len(lumas):
            try:
                done += self.colorizer.ab(lumas[len(done) : len(done) + self.size])
            except torch.OutOfMemoryError as error:
                if self.size == 1:
                    what = f"cannot color on {self.colorizer.device}"
                    raise DeviceError(what, "its memory does not take one frame", "Try a smaller --size") from error
                self.size //= 2
                torch.cuda.empty_cache()  # does nothing without a GPU
        return done


@contextmanager
def shared_cores() -> Iterator[None]:
    """Leave half of the cores to the decoder and the encoder: threads that wait for each other's turn waste both.

    On two cores a film of 480 lines is done in nine tenths of the time (benchmarks/speed.py).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // 2))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def colored(
    steps: Iterator[Step], network: Network, chroma_size: tuple[int, int], smooth: float
) -> Iterator[tuple[Step, Planes]]:
    """Steps with their chroma planes of the given width and height; context is left out.

    Batches and smoothing end with their segment.

    Args:
        smooth: Strength of the smoothing along motion, 0..1; 0 is off.
    """
    for _, segment in groupby(steps, key=lambda step: step.start.number):
        for step, luma, ab in _smoothed(_predicted(segment, network), smooth):
            if not step.context:
                yield step, chroma_planes(step.frame, luma, ab, *chroma_size)


def _predicted(segment: Iterator[Step], network: Network) -> Iterator[tuple[Step, Plane, Plane]]:
    """Steps with Y' and ab at network size.

    A held frame (24 pictures a second in 60, animation on twos) has the ab of the one before: the network is asked
    once for a run of equal lumas.
    """
    size = network.size
    before: Plane | None = None
    ab: Plane | None = None
    while batch := list(islice(segment, size)):
        lumas = [network.colorizer.small(step.frame) for step in batch]
        fresh = [before is None or not np.array_equal(before, lumas[0])]
        fresh += [not np.array_equal(last, luma) for last, luma in pairwise(lumas)]
        found = iter(network.ab([luma for luma, is_fresh in zip(lumas, fresh, strict=True) if is_fresh]))
        for step, luma, is_fresh in zip(batch, lumas, fresh, strict=True):
            if is_fresh:
                ab = next(found)
            assert ab is not None  # the first of all is fresh
            yield step, luma, ab
        before = lumas[-1]


def _smoothed(colors: Iterator[tuple[Step, Plane, Plane]], strength: float) -> Iterator[tuple[Step, Plane, Plane]]:
    """The same, with ab averaged along motion."""
    smoother = Smoother(strength)
    waiting: deque[tuple[Step, Plane]] = deque()
    for step, luma, ab in colors:
        waiting.append((step, luma))
        for steady in smoother.push(luma, ab, step.starts_shot):
            yield (*waiting.popleft(), steady)
    for steady in smoother.flush():
        yield (*waiting.popleft(), steady)
