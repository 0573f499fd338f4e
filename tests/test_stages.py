"""What the network is asked: each picture once, and what comes back in its place."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch

from vidcolor.color.arrays import Plane
from vidcolor.film.frame import ColorTags, Frame, VideoInfo
from vidcolor.film.timecode import TimecodeClock
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.segments.cutting import Start, Step
from vidcolor.pipeline.shotlist.shot import Shot, ShotList
from vidcolor.pipeline.stages import Stages, shared_cores
from vidcolor.pipeline.view import View
from vidcolor.settings import ShotSettings


class Painter:
    """A predictor that remembers what it was shown; a is the mean luma times ten, so that places can be told."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def predict(self, lumas: Sequence[Plane], *, batch: int) -> list[Plane]:
        self.seen += [float(luma.mean()) for luma in lumas]
        return [np.stack([np.full_like(luma, 10 * luma.mean()), np.zeros_like(luma)]) for luma in lumas]


PLAIN = Grading(ShotSettings(smooth=0.0))
INFO = VideoInfo.of_still(32, 32, ColorTags("bt709", False))


def stages(painter: Painter, batch: int, grading: Grading = PLAIN) -> Stages:
    return Stages(painter, View(INFO, 16, 16), batch, grading)  # type: ignore[arg-type]  # stands in for a predictor


def steps(pictures: Sequence[int], segments: Sequence[int] | None = None) -> list[Step]:
    """Frames whose luma is a ramp above the number given, in the segments given."""
    starts = {number: Start(number, 0, ()) for number in segments or [0]}
    ramp = np.arange(32, dtype=np.uint8) + np.zeros((32, 1), np.uint8)
    return [
        Step(Frame(ramp + np.uint8(value), 8, i, Fraction(1, 25), ColorTags("bt709", False)), i, False, starts[number])
        for i, (value, number) in enumerate(zip(pictures, segments or [0] * len(pictures), strict=True))
    ]


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_held_frames_are_predicted_once(batch: int) -> None:
    """24 pictures a second in 60: runs of two and three; each frame comes out with its own picture's color."""
    pictures = [40, 40, 40, 60, 60, 90, 90, 90, 40, 40]
    held, plain = Painter(), Painter()
    found = list(stages(held, batch).colored(iter(steps(pictures))))
    assert len(held.seen) == 4
    assert [step.frame.pts for step, _, _ in found] == list(range(len(pictures)))
    for (step, luma, ab), value in zip(found, pictures, strict=True):
        ((_, lone_luma, lone_ab),) = stages(plain, batch).colored(iter(steps([value])))
        np.testing.assert_array_equal(luma, lone_luma)
        np.testing.assert_array_equal(ab, lone_ab)
        assert int(step.frame.luma.min()) == value


def test_a_segment_does_not_lean_on_the_one_before() -> None:
    """A run that goes on at a segment has not seen the frame before it: the first is always predicted."""
    painter = Painter()
    list(stages(painter, 2).colored(iter(steps([40, 40, 40], [0, 0, 1]))))
    assert len(painter.seen) == 2


def test_shots_look_as_their_settings_say() -> None:
    """Saturation counts for each frame, held ones too; smoothing begins anew where its strength changes."""
    pictures = [40, 40, 40, 40, 60, 60]

    first, second = Shot(1, 0, 3, changes={"smooth": 0.0}), Shot(2, 3, 6, changes={"saturation": 2.0})
    grading = Grading(shots=ShotList((first, second), TimecodeClock(Fraction(25))))

    def colors(pictures: list[Step], grading: Grading) -> list[Plane]:
        return [ab for _, _, ab in stages(Painter(), 4, grading).colored(iter(pictures))]

    whole = steps(pictures)
    found = colors(whole, grading)
    alone = colors(whole[:3], grading) + colors(whole[3:], grading)
    np.testing.assert_array_equal(np.stack(found), np.stack(alone))
    dull = colors(whole[3:], Grading())
    np.testing.assert_allclose(np.stack(found[3:]), 2 * np.stack(dull), rtol=1e-6)


def test_the_network_is_not_asked_for_colors_that_nobody_sees() -> None:
    """Shots that stay grey, or keep their own colors, cost no prediction; what dissolves into them does."""
    shots = (Shot(1, 0, 2, changes={"mode": "grey"}), Shot(2, 2, 4), Shot(3, 4, 6, changes={"strength": 0.0}))
    painter = Painter()
    grading = Grading(ShotSettings(smooth=0.0), ShotList(shots, TimecodeClock(Fraction(25))))
    found = list(stages(painter, 8, grading).colored(iter(steps([40, 50, 60, 70, 80, 90]))))
    assert [step.number for step, _, _ in found] == list(range(6))
    assert len(painter.seen) == 2
    assert [bool(ab.any()) for _, _, ab in found] == [False, False, True, True, False, False]


def test_computing_leaves_the_hosts_threads_alone() -> None:
    """OpenCV's and torch's threads are as many as before, also after an error."""
    before = cv2.getNumThreads(), torch.get_num_threads()
    inside = 0
    with suppress(ZeroDivisionError), shared_cores(2):
        inside = cv2.getNumThreads()
        raise ZeroDivisionError
    assert inside == 1
    assert (cv2.getNumThreads(), torch.get_num_threads()) == before
