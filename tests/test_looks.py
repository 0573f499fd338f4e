"""Looking less often: which frames the network sees, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import cv2
import numpy as np
import pytest

from vidcolor.color.arrays import Plane
from vidcolor.film.frame import ColorTags, Frame, VideoInfo
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.segments.cutting import Start, Step
from vidcolor.pipeline.stages import Stages
from vidcolor.pipeline.view import View

TAGS = ColorTags("bt709", True)
SIZE = 64


class Painter:
    """A predictor that counts what it sees; a is proportional to the luma, so that the truth is known everywhere."""

    def __init__(self) -> None:
        self.seen = 0

    def predict(self, lumas: Sequence[Plane], *, batch: int) -> list[Plane]:
        self.seen += len(lumas)
        return [np.stack([40 * luma, -20 * luma]) for luma in lumas]


def texture(seed: int, width: int = 2 * SIZE) -> np.ndarray:
    rough = np.random.default_rng(seed).normal(size=(SIZE, width))
    smooth = cv2.GaussianBlur(rough, (0, 0), 3)
    codes: np.ndarray = np.clip(128 + 45 * smooth / smooth.std(), 10, 245).astype(np.uint8)
    return codes


def pan(count: int, seed: int = 1, speed: int = 1) -> list[np.ndarray]:
    wide = texture(seed, SIZE + speed * count)
    return [np.ascontiguousarray(wide[:, speed * i :][:, :SIZE]) for i in range(count)]


def steps(pictures: Sequence[np.ndarray], rate: int, cuts: Sequence[int] = (0,)) -> list[Step]:
    start = Start(0, 0, ())
    frames = [Frame(picture, 8, i, Fraction(1, rate), TAGS) for i, picture in enumerate(pictures)]
    return [Step(frame, i, i in cuts, start) for i, frame in enumerate(frames)]


def colored(
    pictures: Sequence[np.ndarray], rate: int = 24, batch: int = 4, sparse: bool = True, cuts: Sequence[int] = (0,)
) -> tuple[int, list[Plane]]:
    """How many frames the network saw, and the ab of all."""
    painter = Painter()
    view = View(VideoInfo.of_still(SIZE, SIZE, TAGS), SIZE, 32)
    stages = Stages(
        painter,  # type: ignore[arg-type]  # stands in for a predictor
        view,
        batch,
        Grading(),
        rate=Fraction(rate) if sparse else None,
    )
    found = list(stages.colored(iter(steps(pictures, rate, cuts))))
    assert [step.frame.pts for step, _, _ in found] == list(range(len(pictures)))
    return painter.seen, [ab for _, _, ab in found]


@pytest.mark.parametrize("rate", [16, 24, 30, 60])
def test_looks_follow_the_clock_not_the_frames(rate: int) -> None:
    """Two seconds are looked at sixteen times, and once more at their end, whatever the rate."""
    seen, _ = colored(pan(2 * rate), rate)
    assert seen == 17


def test_every_frame_is_seen_when_asked_for() -> None:
    """Without a rate nothing is left out."""
    assert colored(pan(20), sparse=False)[0] == 20


def test_colors_travel_with_what_they_belong_to() -> None:
    """On frames that were not looked at the color is about as near to the truth as on those that were."""
    pictures = pan(36, speed=2)
    _, found = colored(pictures)
    inner = slice(8, -8)  # what has just come in at the edge has been seen less often
    errors = [
        float(np.abs(ab[0] - 40 / 255 * picture)[inner, inner].mean())
        for ab, picture in zip(found, pictures, strict=True)
    ]
    looked, others = errors[6:30:3], [e for i, e in enumerate(errors[6:30]) if i % 3]
    assert max(errors) < 1.0  # of 40 ab units
    assert np.mean(others) < 1.5 * np.mean(looked) + 0.05


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_the_batch_decides_nothing(batch: int) -> None:
    """The same frames are looked at, and the same colors come out, to the bit."""
    pictures = [*pan(20, 1), *pan(17, 2, speed=3)]
    seen, found = colored(pictures, batch=batch, cuts=(0, 20))
    expected_seen, expected = colored(pictures, batch=5, cuts=(0, 20))
    assert seen == expected_seen
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_shot_is_looked_at_where_it_begins_and_ends() -> None:
    """A shot of two frames between two looks of the clock has both of its frames seen."""
    pictures = [*pan(10, 1), *pan(2, 2), *pan(9, 3)]
    seen, found = colored(pictures, cuts=(0, 10, 12))
    # Clock: 0 3 6 9 | 12 15 18; first and last of the shots: 0 9 | 10 11 | 12 20.
    assert seen == len({0, 3, 6, 9, 10, 11, 12, 15, 18, 20})
    for number in (10, 11):
        assert np.abs(found[number][0] - 40 / 255 * pictures[number]).max() < 2.0


def test_what_is_new_is_looked_at_at_once() -> None:
    """A picture that changes within a shot does not wait for the clock with colors of what was there before."""
    pictures = [*pan(10, 1), *pan(8, 5)]  # the other picture comes with frame 10; the clock looks at 9 and 12
    seen, found = colored(pictures)
    assert seen == len({0, 3, 6, 9, 10, 12, 15, 17})
    assert np.abs(found[10][0] - 40 / 255 * pictures[10]).mean() < 1.0


def test_held_frames_are_not_asked_about() -> None:
    """A still picture is looked at once, however long it stands."""
    seen, found = colored([texture(4, SIZE)] * 30)
    assert seen == 1
    assert all(np.abs(ab - found[0]).max() < 1e-3 for ab in found)
