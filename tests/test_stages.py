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
from vidcolor.pipeline.segments import Start, Step
from vidcolor.pipeline.stages import SettingsOf, Stages, shared_cores
from vidcolor.pipeline.view import View
from vidcolor.settings import ShotSettings


class Painter:
    """A predictor that remembers what it was shown; a is the mean luma times ten, so that places can be told."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def predict(self, lumas: Sequence[Plane], *, saturation: Sequence[float], batch: int) -> list[Plane]:
        self.seen += [float(luma.mean()) for luma in lumas]
        return [
            np.stack([np.full_like(luma, 10 * factor * luma.mean()), np.zeros_like(luma)])
            for luma, factor in zip(lumas, saturation, strict=True)
        ]


INFO = VideoInfo.of_still(32, 32, ColorTags("bt709", False))


def stages(painter: Painter, batch: int, settings_of: SettingsOf = lambda step: ShotSettings(smooth=0.0)) -> Stages:
    return Stages(painter, View(INFO, 16, 16), batch, settings_of)  # type: ignore[arg-type]


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

    def settings_of(step: Step) -> ShotSettings:
        first = step.frame.pts < 3
        return ShotSettings(saturation=1.0 if first else 2.0, smooth=0.0 if first else 0.85)

    def colors(pictures: list[Step], settings_of: SettingsOf) -> list[Plane]:
        return [ab for _, _, ab in stages(Painter(), 4, settings_of).colored(iter(pictures))]

    whole = steps(pictures)
    found = colors(whole, settings_of)
    alone = colors(whole[:3], settings_of) + colors(whole[3:], settings_of)
    np.testing.assert_array_equal(np.stack(found), np.stack(alone))
    dull = colors(whole[3:], lambda step: ShotSettings(smooth=0.85))
    np.testing.assert_allclose(np.stack(found[3:]), 2 * np.stack(dull), rtol=1e-6)


def test_computing_leaves_the_hosts_threads_alone() -> None:
    """OpenCV's and torch's threads are as many as before, also after an error."""
    before = cv2.getNumThreads(), torch.get_num_threads()
    inside = 0
    with suppress(ZeroDivisionError), shared_cores():
        inside = cv2.getNumThreads()
        raise ZeroDivisionError
    assert inside == 1
    assert (cv2.getNumThreads(), torch.get_num_threads()) == before
