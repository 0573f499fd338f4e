"""An evaluation of films tells the truth: of networks whose answer, and whose flicker, is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from vidcolor.evaluation.film_scores import Steadiness
from vidcolor.evaluation.films import evaluate_film
from vidcolor.network.heads import Prediction
from vidcolor.settings import RunSettings
from world import KnowsTheWorld, film, pan, setup
from world import setup as world


class Flickers(KnowsTheWorld):
    """Knows the true ab, and misses it by turns to both sides."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def forward(self, lightness: Tensor) -> Prediction:
        ab = super().forward(lightness).ab
        signs = torch.tensor([1.0, -1.0]).repeat(len(ab))[self.seen % 2 :][: len(ab)]
        self.seen += len(ab)
        return Prediction(ab + 6 * signs.view(-1, 1, 1, 1))


def test_a_film_in_true_colors(tmp_path: Path) -> None:
    """A network that knows the colors is as colorful as the truth, and steady to an 8-bit code."""
    scores, pictures = evaluate_film(film(tmp_path / "film.mkv", pan()), setup(KnowsTheWorld()))
    assert (scores.frames, scores.shots, scores.width, scores.height) == (11, 1, 128, 96)
    found = scores.scores
    assert found.comparison.colorized.psnr > 35
    assert found.comparison.colorized.ab_error < 0.1 * found.comparison.grey.ab_error
    assert found.steadiness["colorized"].warp_error < 1 / 255**2
    assert found.comparison.colorfulness_ratio == pytest.approx(1, abs=0.06)  # at a network of 64 pixels
    assert found.ratios["truth"] == Steadiness(1, 1)
    assert len(scores.flicker["truth"].points) == 10
    assert len(scores.colorfulness["truth"].points) == 11
    assert all(p.truth.shape == p.grey.shape == p.colorized.shape == (96, 128, 3) for p in pictures)
    assert np.abs(pictures[0].truth.astype(int) - pan()[0]).max() <= 3
    assert np.abs(pictures[0].colorized.astype(int) - pictures[0].truth).mean() < 3


def test_flicker_is_seen(tmp_path: Path) -> None:
    """Color that jumps to and fro is told as warp error, and the plain average takes some of it away."""
    scores, _ = evaluate_film(film(tmp_path / "film.mkv", pan()), setup(Flickers()))
    found = scores.scores.steadiness
    assert found["unsmoothed"].warp_error > 3 * found["truth"].warp_error
    assert found["averaged"].warp_error < 0.5 * found["unsmoothed"].warp_error
    assert found["unsmoothed"].cdc > found["truth"].cdc


def test_steadiness_stops_at_cuts(tmp_path: Path) -> None:
    """Two stills joined are two shots without any flicker."""
    blobs = np.random.default_rng(0).integers(0, 255, (2, 12, 16, 3), np.uint8)
    stills = [cv2.resize(coarse, (128, 96), interpolation=cv2.INTER_CUBIC) for coarse in blobs]
    scores, _ = evaluate_film(film(tmp_path / "film.mkv", stills[:1] * 8 + stills[1:] * 8), setup(KnowsTheWorld()))
    assert scores.shots == 2
    steadiness = scores.scores.steadiness["truth"]
    assert steadiness.warp_error == pytest.approx(0, abs=1e-9)
    assert steadiness.cdc == 0
    assert len(scores.flicker["truth"].points) == 14


def test_an_aged_film_keeps_the_truth(tmp_path: Path) -> None:
    """The network sees flicker and grain, the baselines do not; a second run gives the same numbers."""
    path = film(tmp_path / "film.mkv", pan(7))
    clean = setup(KnowsTheWorld())
    aged = replace(clean, degrade="film")
    first, again = (evaluate_film(path, aged)[0].scores for _ in range(2))
    assert first == again
    plain, pictures = evaluate_film(path, clean)
    assert first.steadiness["truth"] == plain.scores.steadiness["truth"]
    assert first.comparison.colorized.ab_error > 2 * plain.scores.comparison.colorized.ab_error
    assert np.ptp(pictures[0].grey, axis=2).max() == 0


def test_smoothing_takes_flicker_away(tmp_path: Path) -> None:
    """With smoothing the colorized film loses most of its excess over grey; the others are as they were."""
    path = film(tmp_path / "film.mkv", pan(20))
    plain, smoothed = (
        evaluate_film(path, replace(setup(Flickers()), smooth=strength))[0].scores for strength in (0.0, 0.92)
    )
    assert plain.steadiness["colorized"] == plain.steadiness["unsmoothed"] == smoothed.steadiness["unsmoothed"]
    assert plain.excess_removed == 0
    assert smoothed.excess_removed > 0.8
    assert smoothed.comparison.colorized.ab_error < plain.comparison.colorized.ab_error


def test_a_color_sequence_is_evaluated(tmp_path: Path) -> None:
    """A network that knows the colors of a world is told so, as of a film of it."""
    for number, picture in enumerate(pan(6)):
        cv2.imwrite(str(tmp_path / f"a_{number}.png"), picture[..., ::-1])
    scores, _ = evaluate_film(tmp_path / "a_%d.png", world(KnowsTheWorld()), run=RunSettings(fps="23.976"))
    assert scores.frames == 6
    assert scores.seconds == pytest.approx(1001 / 24000)
    assert scores.scores.comparison.colorized.psnr > 35
