"""Negatives are told: a picture and its inversion are not taken for each other, and a film needs several frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from vidcolor.film.reader import frames, open_video
from vidcolor.film.shots import WithBoundaries, thumbnail_of
from vidcolor.network.checkpoint import bundled_models, load_model
from vidcolor.network.negative import log_odds, tells_negatives
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.photos.photo import colorize_photograph
from vidcolor.pipeline.shot_colors import NEGATIVE, ShotColors, judge_of, shown_luma
from vidcolor.settings import DEFAULT_MODEL

SAMPLES = Path(__file__).parent.parent / "samples"


@cache
def predictor(model: str = DEFAULT_MODEL) -> Predictor:
    """A bundled network."""
    return Predictor(load_model(model), torch.device("cpu"), torch.float32)


def judged(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> ShotColors:
    """What is told of a film whose luma is changed."""
    colors = ShotColors(judge=judge_of(predictor()))
    with open_video(path) as video:
        for number, (frame, boundary) in enumerate(WithBoundaries(frames(video), thumbnail_of)):
            colors.push(replace(frame, luma=change(frame.luma)), boundary is not None or not number)
    return colors


def test_the_weights_are_for_the_bundled_networks() -> None:
    """After new weights of a network benchmarks/negatives.py makes new ones; other networks tell nothing."""
    assert all(tells_negatives(predictor(name)) for name in bundled_models())
    other = Predictor(replace(predictor().model, sha256="0"), torch.device("cpu"), torch.float32)
    assert judge_of(other) is None


@pytest.mark.parametrize("model", bundled_models())
def test_photographs_and_their_inversions(model: str) -> None:
    """What is said of the one is the opposite of the other; of another library's pictures nearly all are told right."""
    pictures = [data.astronaut(), data.coffee(), data.chelsea(), data.camera(), data.rocket()]
    greys = [(p if p.ndim == 2 else cv2.cvtColor(p, cv2.COLOR_RGB2GRAY)).astype(np.float32) / 255 for p in pictures]
    odds = log_odds(predictor(model), greys)
    assert sum(each > 0 for each in odds) >= 4
    assert np.allclose(odds, np.negative(log_odds(predictor(model), [1 - grey for grey in greys])), atol=1e-3)


def test_what_is_flat_tells_nothing() -> None:
    """Beside a picture that does tell, or alone."""
    flat, grey = np.full((60, 80), 0.4, np.float32), data.camera().astype(np.float32) / 255
    (of_flat, of_grey), (alone,) = (log_odds(predictor(), each) for each in ([flat, grey], [flat]))
    assert of_flat == alone == 0 != of_grey


def test_a_negative_film_is_told() -> None:
    """The sample film is none; inverted it is one."""
    positive = judged(SAMPLES / "reel.mp4", lambda luma: luma)
    negative = judged(SAMPLES / "reel.mp4", lambda luma: 251 - luma)
    assert positive.odds > 0 > negative.odds
    assert positive.notes() == []
    assert [line[:28] for line in negative.notes()] == ["the film looks like a negati"]


def test_one_sure_frame_tells_and_many_unsure_ones_do_not() -> None:
    """A short negative is told by its only frame; alike frames must weigh more together."""
    for odds, frames_judged, is_told in ((-4.5, 1, True), (-3.5, 1, False), (-4.5, 4, False), (-8.5, 4, True)):
        colors = ShotColors(odds=odds, judged=frames_judged)
        assert colors.is_negative == is_told


def test_the_light_survives_an_interruption() -> None:
    """What earlier runs saw counts."""
    colors = ShotColors()
    colors.tally = {"odds of a positive": -9.0, "frames judged by their light": 3.0}
    assert colors.tally["odds of a positive"] == -9.0
    assert colors.judged == 3
    assert "negative" in colors.notes()[0]


def test_frames_are_judged_the_way_up_that_they_are_shown() -> None:
    """A turned film is turned back."""
    with open_video(SAMPLES / "reel.mp4") as video:
        frame = next(frames(video, 3))
    turned = replace(frame, luma=np.rot90(frame.luma, -1).astype(np.uint8))
    assert np.allclose(shown_luma(frame), shown_luma(turned, 1))


def test_a_negative_photograph_is_told(tmp_path: Path) -> None:
    """When the network is sure; a photograph as it should be is not."""
    picture = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY)
    for name, shown in (("a.png", picture), ("b.png", 255 - picture)):
        cv2.imwrite(str(tmp_path / name), shown)
        notes = colorize_photograph(tmp_path / name, tmp_path / f"out.{name}", predictor=predictor()).notes
        is_told = any("it looks like a negative" in line for line in notes)
        assert is_told == (log_odds(predictor(), [shown.astype(np.float32) / 255])[0] < NEGATIVE)
        assert not is_told or name == "b.png"
