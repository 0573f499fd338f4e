"""What the network is asked: each picture once, and what comes back in its place."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from vidcolor.color.arrays import Plane
from vidcolor.film.frame import ColorTags, Frame
from vidcolor.pipeline.segments import Start, Step
from vidcolor.pipeline.stages import Network, colored


class Painter:
    """A colorizer that remembers what it was shown; a is the mean luma times ten, so that places can be told."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def small(self, frame: Frame) -> Plane:
        return ((frame.luma.astype(np.float32) - 16) / 219)[::2, ::2]

    def ab(self, lumas: Sequence[Plane]) -> list[Plane]:
        self.seen += [float(luma.mean()) for luma in lumas]
        return [np.stack([np.full_like(luma, 10 * luma.mean()), np.zeros_like(luma)]) for luma in lumas]


def steps(pictures: Sequence[int], segments: Sequence[int] | None = None) -> list[Step]:
    """Frames whose luma is a ramp above the number given, in the segments given."""
    starts = {number: Start(number, 0, ()) for number in segments or [0]}
    ramp = np.arange(32, dtype=np.uint8) + np.zeros((32, 1), np.uint8)
    return [
        Step(Frame(ramp + np.uint8(value), 8, i, Fraction(1, 25), ColorTags("bt709", False)), False, starts[number])
        for i, (value, number) in enumerate(zip(pictures, segments or [0] * len(pictures), strict=True))
    ]


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_held_frames_are_predicted_once(batch: int) -> None:
    """24 pictures a second in 60: runs of two and three; each frame comes out with its own picture's color."""
    pictures = [40, 40, 40, 60, 60, 90, 90, 90, 40, 40]
    held, plain = Painter(), Painter()
    found = list(colored(iter(steps(pictures)), Network(held, batch), (16, 16), 0.0))  # type: ignore[arg-type]
    assert len(held.seen) == 4
    assert [step.frame.pts for step, _ in found] == list(range(len(pictures)))
    for (step, planes), value in zip(found, pictures, strict=True):
        (_, alone), *_ = colored(iter(steps([value])), Network(plain, batch), (16, 16), 0.0)  # type: ignore[arg-type]
        np.testing.assert_array_equal(planes[0], alone[0])
        np.testing.assert_array_equal(planes[1], alone[1])
        assert int(step.frame.luma.min()) == value


def test_a_segment_does_not_lean_on_the_one_before() -> None:
    """A run that goes on at a segment has not seen the frame before it: the first is always predicted."""
    painter = Painter()
    list(colored(iter(steps([40, 40, 40], [0, 0, 1])), Network(painter, 2), (16, 16), 0.0))  # type: ignore[arg-type]
    assert len(painter.seen) == 2
