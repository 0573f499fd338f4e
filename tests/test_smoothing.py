"""What smoothing must do and must not do, on scenes whose color and motion are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vidcolor.color.arrays import Plane
from vidcolor.evaluation.filters import Place, Smoothed
from vidcolor.pipeline.smoothing import motion
from vidcolor.pipeline.smoothing.averaging import BLOCK, Smoother
from vidcolor.settings import ShotSettings

HEIGHT, WIDTH = 96, 160
GROUND, FIGURE = (10.0, 20.0), (-20.0, -15.0)  # a, b
JITTER = 8.0  # standard deviation of the ab that are given, new in every frame

Film = tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]


def texture(height: int, width: int, level: float, rng: np.random.Generator) -> np.ndarray:
    fine = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 2)
    luma: Plane = np.clip(level + 0.3 * fine, 0, 1).astype(np.float32)
    return luma


def plain(color: tuple[float, float], height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.stack([np.full((height, width), part, np.float32) for part in color])


def walk(speed: int, frames: int = 40, seed: int = 0) -> Film:
    """A figure of one color that walks over ground of another: luma, true ab, and where the figure is."""
    rng = np.random.default_rng(seed)
    ground, figure = texture(HEIGHT, WIDTH, 0.35, rng), texture(48, 32, 0.65, rng)
    lumas, truth, figures = [], [], []
    for i in range(frames):
        x = 4 + speed * i % (WIDTH - 40)
        luma, ab, mask = ground.copy(), plain(GROUND), np.zeros((HEIGHT, WIDTH), bool)
        mask[24:72, x : x + 32] = True
        luma[mask] = figure.ravel()
        ab[:, mask] = np.array(FIGURE, np.float32)[:, None]
        lumas.append(luma)
        truth.append(ab)
        figures.append(mask)
    return lumas, truth, figures


def jittered(truth: list[np.ndarray], seed: int = 1) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [(ab + rng.normal(0, JITTER, ab.shape)).astype(np.float32) for ab in truth]


def smooth(
    lumas: list[np.ndarray],
    abs_: list[np.ndarray],
    starts: tuple[int, ...] = (0,),
    strength: float = ShotSettings.smooth,
) -> list[np.ndarray]:
    smoothed = Smoothed(strength, None)
    done: list[np.ndarray] = []
    for i, (luma, ab) in enumerate(zip(lumas, abs_, strict=True)):
        done += smoothed.push(luma, ab, Place(starts_shot=i in starts))
    return done + smoothed.flush()


def error(ab: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    return float(np.hypot(*(ab - truth))[where].mean())


def test_jitter_falls_with_the_root_of_the_window() -> None:
    """A still scene: the weights are powers of the strength, so the noise that is left can be computed."""
    luma = texture(HEIGHT, WIDTH, 0.5, np.random.default_rng(2))
    truth = [plain(GROUND)] * 48
    strength = 0.8
    done = smooth([luma] * 48, jittered(truth), strength=strength)
    for number in (20, 21, 22, 23):
        # Of a block, the last frame sees BLOCK frames ahead and the first 2 * BLOCK - 1.
        ahead = 2 * BLOCK - 1 - number % BLOCK
        weights = strength ** np.abs(np.arange(-number, ahead + 1.0))
        expected = JITTER * np.sqrt((weights**2).sum()) / weights.sum()
        assert done[number].std(axis=(1, 2)) == pytest.approx([expected] * 2, rel=0.15)
        assert done[number].mean(axis=(1, 2)) == pytest.approx(GROUND, abs=0.2)


def left_behind(speed: int, strength: float) -> tuple[float, float, float]:
    """How far from their colors are the strip that a figure has just left, ground that lay still, the figure itself."""
    lumas, truth, figures = walk(speed)
    done = smooth(lumas, jittered(truth), strength=strength)
    still = np.zeros((HEIGHT, WIDTH), bool)
    still[4:14] = still[-14:-4] = True
    errors = []
    for i in range(BLOCK, len(done) - BLOCK):
        strip = figures[i - 1] & ~figures[i]
        if 0 < strip.sum() <= speed * 48:  # not where it starts anew
            errors.append([error(done[i], truth[i], where) for where in (strip, still, figures[i])])
    left, ground, itself = np.mean(errors, axis=0)
    return float(left), float(ground), float(itself)


@pytest.mark.parametrize("speed", [2, 4, 8, 12])
def test_moving_figures_leave_no_ghost(speed: int) -> None:
    """The strip that a figure has just left is hardly further from its color than ground that lay still all the time.

    Still ground gathers more frames the stronger the smoothing, what is uncovered does not: so the two are compared
    where that counts little, and the usual smoothing, which is stronger, may cost the strip a tenth at most.
    """
    left, ground, itself = left_behind(speed, 0.85)
    assert left <= 1.22 * ground
    assert left_behind(speed, ShotSettings.smooth)[0] <= 1.1 * left
    assert itself <= 0.4 * JITTER * np.sqrt(np.pi / 2)  # and it takes its own color along


def test_nothing_crosses_a_cut() -> None:
    """The same luma on both sides, so that only the cut can keep the colors apart."""
    luma = texture(HEIGHT, WIDTH, 0.5, np.random.default_rng(3))
    truth = [plain(GROUND)] * 15 + [plain(FIGURE)] * 15
    done = smooth([luma] * 30, truth, starts=(0, 15))
    for ab, true in zip(done, truth, strict=True):
        assert np.abs(ab - true).max() < 1e-3


def test_shots_are_smoothed_each_by_itself() -> None:
    """Two shots in one film come out as two films would."""
    first, second = walk(3, 17), walk(5, 20, seed=4)
    lumas, abs_ = first[0] + second[0], jittered(first[1] + second[1])
    together = smooth(lumas, abs_, starts=(0, 17))
    apart = smooth(lumas[:17], abs_[:17]) + smooth(lumas[17:], abs_[17:])
    assert all(np.array_equal(a, b) for a, b in zip(together, apart, strict=True))


def test_strength_0_changes_nothing() -> None:
    """No delay, and the very arrays."""
    lumas, truth, _ = walk(4, 5)
    assert Smoother(0).delay == 0
    smoothed = Smoothed(0, None)
    for luma, ab in zip(lumas, jittered(truth), strict=True):
        (given,) = smoothed.push(luma, ab, Place())
        assert given is ab
    assert smoothed.flush() == []


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_strength_is_a_share(strength: float) -> None:
    """What is no share is refused."""
    with pytest.raises(ValueError, match=r"0\.\.1"):
        Smoother(strength)


@pytest.mark.parametrize("frames", [1, 2, BLOCK, 2 * BLOCK - 1, 2 * BLOCK, 5 * BLOCK + 1])
def test_one_output_a_frame_in_order_within_the_delay(frames: int) -> None:
    """Every frame comes out once, in its place, before more than the declared number wait."""
    luma = np.full((24, 32), 0.5, np.float32)
    strength = 1e-9  # next to nothing of the neighbors: an output tells which input it was
    smoothed, delay = Smoothed(strength, None), Smoother(strength).delay
    done: list[np.ndarray] = []
    for i in range(frames):
        done += smoothed.push(luma, plain((i, -i), 24, 32), Place())
        assert i + 1 - len(done) <= delay
    done += smoothed.flush()
    assert [round(float(ab[0].mean())) for ab in done] == list(range(frames))


def test_exposure_that_flickers_does_not_end_the_averaging() -> None:
    """Light that jumps by a tenth, more at one side: nearly as much jitter is gone as in steady light."""
    rng = np.random.default_rng(5)
    luma = texture(HEIGHT, WIDTH, 0.5, rng)
    side = np.linspace(-0.5, 0.5, WIDTH, dtype=np.float32)
    flickering = [luma + np.float32(rng.normal(0, 0.05)) + np.float32(rng.normal(0, 0.05)) * side for _ in range(36)]
    truth = [plain(GROUND)] * 36
    steady = smooth([luma] * 36, jittered(truth))[18][0].std()
    assert steady < 0.35 * JITTER
    assert smooth(flickering, jittered(truth))[18][0].std() < 1.25 * steady


def test_edges_of_color_stay_where_they_are() -> None:
    """A still picture comes out as it went in: no bleeding over its edges."""
    lumas, truth, _ = walk(0, 20)
    done = smooth(lumas, truth)
    assert max(np.abs(ab - true).max() for ab, true in zip(done, truth, strict=True)) < 1e-3


@pytest.mark.parametrize("shape", [(32, 32), (32, 128), (160, 96), (64, 33), (8, 9)])
def test_any_size(shape: tuple[int, int]) -> None:
    """Upright, wide, odd and tiny pictures keep their size and their color."""
    rng = np.random.default_rng(6)
    lumas = [texture(*shape, 0.5, rng) for _ in range(2 * BLOCK + 1)]
    done = smooth(lumas, [plain(GROUND, *shape)] * len(lumas))
    assert len(done) == len(lumas)
    for ab in done:
        assert ab.shape == (2, *shape)
        assert ab.dtype == np.float32
        assert ab.flags.c_contiguous
        assert ab.mean(axis=(1, 2)) == pytest.approx(GROUND, abs=1e-3)


def test_held_frames_have_the_motion_that_a_search_would_find(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two equal lumas lie still, to the bit as the search says, and are not searched."""
    luma = walk(4, frames=1)[0][0]
    seen = motion.sight_of(luma), motion.sight_of(luma.copy())
    back, onward = (motion._flow(a.codes, b.codes) for a, b in (seen[::-1], seen))
    searched = motion._way(luma, luma, back, onward)
    monkeypatch.delattr(motion, "_flow")
    for way in motion.ways(*seen):
        for name in ("x", "y", "weight"):
            np.testing.assert_array_equal(getattr(way, name), getattr(searched, name))
