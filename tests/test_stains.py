"""Nothing is painted where nothing is: title cards, fades, walls and borders stay neutral with the bundled weights."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.color import rgb2gray
from skimage.data import astronaut, coffee

from vidcolor.film.frame import ColorTags, Frame, VideoInfo
from vidcolor.network.checkpoint import bundled_models, load_model
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.view import View

HEIGHT, WIDTH = 240, 320
Codes = NDArray[np.uint8]


@cache
def prepared(model: str) -> Predictor:
    return Predictor(load_model(model), torch.device("cpu"), torch.float32)


def chroma(picture: Codes, model: str) -> NDArray[np.float32]:
    """Distance from neutral in ab units, at network size."""
    tags = ColorTags("bt709", full_range=True)
    frame, (height, width) = Frame(picture, 8, 0, Fraction(1), tags), picture.shape
    info = VideoInfo.of_still(width, height, tags)
    predictor = prepared(model)
    view = View(info, predictor.model.config.short_side(still=True), predictor.stride)
    (ab,) = predictor.predict([view.small(frame)])
    distance: NDArray[np.float32] = np.hypot(ab[0], ab[1])
    return distance


def card(paper: int, ink: int) -> Codes:
    picture = np.full((HEIGHT, WIDTH), paper, np.uint8)
    for number, line in enumerate(("THE GENERAL STORE", "or, how it began", "in the year 1906")):
        cv2.putText(picture, line, (30, 80 + 45 * number), cv2.FONT_HERSHEY_COMPLEX, 0.65, ink, 2, cv2.LINE_AA)
    return picture


def worn(picture: Codes) -> Codes:
    """Dark corners and grain."""
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 12, (HEIGHT, WIDTH)), (0, 0), 0.8)
    codes: Codes = np.clip((picture + 30.0) * (1 - 0.4 * (x**2 + y**2)) + noise, 0, 255).astype(np.uint8)
    return codes


def wall() -> Codes:
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    codes: Codes = (150 + 20 * x - 10 * y + np.random.default_rng(0).normal(0, 2, x.shape)).astype(np.uint8)
    return codes


BLANKS: dict[str, Callable[[], Codes]] = {
    "black card": lambda: card(16, 235),
    "white card": lambda: card(235, 20),
    "worn card": lambda: worn(card(16, 235)),
    "black": lambda: np.full((HEIGHT, WIDTH), 16, np.uint8),
    "grey": lambda: np.full((HEIGHT, WIDTH), 128, np.uint8),
    "white": lambda: np.full((HEIGHT, WIDTH), 235, np.uint8),
    "fade": lambda: np.clip(np.random.default_rng(0).normal(40, 6, (HEIGHT, WIDTH)), 0, 255).astype(np.uint8),
    "wall": wall,
}


@pytest.mark.parametrize("model", sorted(bundled_models()))
@pytest.mark.parametrize("name", BLANKS)
def test_frames_of_nothing_stay_neutral(name: str, model: str) -> None:
    """On average and nearly everywhere; 2.3 ab units are what an eye just sees (Mahy et al. 1994)."""
    found = chroma(BLANKS[name](), model)
    assert found.mean() < 1
    assert np.percentile(found, 99) < 2.3


@pytest.mark.parametrize("model", sorted(bundled_models()))
@pytest.mark.parametrize("tone", [5, 128, 250])
@pytest.mark.parametrize("photo", [astronaut, coffee])
def test_borders_stay_neutral_around_a_colored_picture(photo: Callable[[], Codes], tone: int, model: str) -> None:
    """The mat around a photograph has no color, the photograph has."""
    grey = (rgb2gray(photo()) * 255).astype(np.uint8)
    edge = grey.shape[0] // 8
    found = chroma(cv2.copyMakeBorder(grey, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=tone), model)
    # At network size, and not where the network's own grid mixes both.
    edge = int(found.shape[0] * edge / (grey.shape[0] + 2 * edge)) - 6
    outside = np.ones(found.shape, bool)
    outside[edge:-edge, edge:-edge] = False
    assert found[outside].mean() < 1
    assert found[~outside].mean() > 2
