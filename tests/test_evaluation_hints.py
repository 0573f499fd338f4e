"""What a network makes of colors that it is told is measured: true points, the same for a picture every time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vidcolor.color.arrays import Plane
from vidcolor.data.photos import BrokenPhotos, find_photos
from vidcolor.errors import CheckpointError, DataError
from vidcolor.evaluation.measurement import evaluate
from vidcolor.evaluation.photos import evaluate_photos
from vidcolor.evaluation.points import true_points
from vidcolor.evaluation.tables import describe
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import save_model
from vidcolor.network.config import NetworkConfig
from vidcolor.settings import EvaluateSettings, RunSettings
from world import IsTold, film, pan, photo, setup, write

TINY = NetworkConfig(encoder="test_efficientnet", encoder_options={}, embedding=8, fusion=8, decoder=(8, 8, 8), size=64)


def colors() -> Plane:
    """Another ab in every place."""
    return np.random.default_rng(0).normal(0, 20, (2, 64, 96)).astype(np.float32)


def test_points_are_squares_of_the_true_mean() -> None:
    """One point is one square of 3 to 5 pixels with the mean of what lies under it, as sure as can be."""
    ab, sides = colors(), set()
    for seed in range(40):
        hints = true_points(ab, 1, seed)
        rows, columns = np.nonzero(hints[2])
        side = int(np.ptp(rows)) + 1
        sides.add(side)
        assert len(rows) == side**2 == (int(np.ptp(columns)) + 1) ** 2
        assert set(np.unique(hints[2])) == {0, 1}
        mean = ab[:, rows, columns].mean(axis=1)
        np.testing.assert_allclose(hints[:2, rows, columns], np.tile(mean[:, None], len(rows)), rtol=1e-4)
        assert not hints[:2][:, hints[2] == 0].any()
    assert sides == {3, 4, 5}


def test_points_repeat_themselves() -> None:
    """A picture has the same points every time, another picture others; more points are added to fewer."""
    ab = colors()
    few, many, others = true_points(ab, 3, 7), true_points(ab, 9, 7), true_points(ab, 3, 8)
    np.testing.assert_array_equal(few, true_points(ab, 3, 7))
    assert ((few[2] > 0) <= (many[2] > 0)).all()
    assert many[2].sum() > few[2].sum()
    assert (few != others).any()
    assert not true_points(ab, 0, 7).any()


def test_points_are_told_to_the_network(tmp_path: Path) -> None:
    """One that knows only what it is told is grey without points, and the nearer to the truth the more it is told."""
    listed = find_photos([write(tmp_path / "photo.png", photo())])
    errors = []
    for count in (0, 30, 300):
        how = replace(setup(IsTold(), takes_hints=8), hints=count)
        scores, _ = next(evaluate_photos(listed, how, BrokenPhotos(1)))
        errors.append(scores.comparison.colorized.ab_error)
    assert errors[0] == pytest.approx(scores.comparison.grey.ab_error, rel=1e-3)
    assert errors[0] > 1.05 * errors[1] > 1.2 * errors[2]


def test_told_colors_lie_in_their_places(tmp_path: Path) -> None:
    """Where everything is told, the picture has its true colors, however wide it is."""
    listed = find_photos([write(tmp_path / "photo.png", photo(64, 160))])
    scores, _ = next(evaluate_photos(listed, replace(setup(IsTold(), takes_hints=8), hints=5000), BrokenPhotos(1)))
    assert scores.comparison.colorized.ab_error < 0.15 * scores.comparison.grey.ab_error
    assert scores.comparison.truth.colorfulness > 10  # a grey world would prove nothing


def test_models_without_hints_are_refused(tmp_path: Path, photo_folder: Callable[..., Path]) -> None:
    """One line before any work is done."""
    plain, hinted = tmp_path / "plain.safetensors", tmp_path / "hinted.safetensors"
    save_model(plain, build_network(TINY), TINY)
    save_model(hinted, build_network(TINY.with_(hints=8)), TINY.with_(hints=8))
    told = EvaluateSettings(hints=3)
    with pytest.raises(CheckpointError, match="cannot give hints to plain"):
        evaluate([photo_folder(count=1)], settings=told, run=RunSettings(model=plain))
    found = evaluate([photo_folder(count=2)], settings=told, run=RunSettings(model=hinted, device="cpu"))
    assert found.to_dict()["hints"] == 3


@pytest.fixture(scope="module")
def hinted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that takes hints and has learned nothing."""
    path = tmp_path_factory.mktemp("model") / "hinted.safetensors"
    torch.manual_seed(0)
    save_model(path, build_network(TINY.with_(hints=8)), TINY.with_(hints=8))
    return path


@pytest.mark.parametrize("reference", ["first", "middle"])
def test_films_are_told_true_colors_of_a_frame(tmp_path: Path, hinted: Path, reference: str) -> None:
    """They come nearer to the truth; beside them stand the first frame's colors without any network."""
    clip = film(tmp_path / "pan.mkv", pan(7))
    run = RunSettings(model=hinted, device="cpu", size=64)
    (plain,) = evaluate([clip], run=run).films
    found = evaluate([clip], run=run, settings=EvaluateSettings(reference=reference))
    (told,) = found.films
    assert told.scores.comparison.colorized.ab_error < 0.3 * plain.scores.comparison.colorized.ab_error
    assert (told.scores.carried is not None) == (reference == "first")
    assert plain.scores.carried is None
    if told.scores.carried:
        assert told.scores.carried.ab_error < 0.5 * plain.scores.comparison.grey.ab_error
        assert found.to_dict()["films"]["overall"]["carried"]["ab_error"] > 0
    assert ("carried alone" in describe(found)) == (reference == "first")
    assert f"their {reference} frame" in describe(found)


def test_films_are_told_a_picture_and_points(tmp_path: Path, hinted: Path) -> None:
    """A picture of the same place, and points of the first frame, each of use."""
    clip, picture = film(tmp_path / "pan.mkv", pan(6)), write(tmp_path / "still.png", pan(4)[3])
    run = RunSettings(model=hinted, device="cpu", size=64)

    def error(**told: Any) -> float:
        (scores,) = evaluate([clip], run=run, settings=EvaluateSettings(**told)).films
        return scores.scores.comparison.colorized.ab_error

    plain = error()
    assert error(reference=str(picture)) < 0.5 * plain
    assert error(hints=200) < 0.9 * plain


def test_what_cannot_be_told_is_one_line(tmp_path: Path, hinted: Path, photo_folder: Callable[..., Path]) -> None:
    """References of photos; frames that are aged, whose colors are not those of the film."""
    run = RunSettings(model=hinted, device="cpu")
    with pytest.raises(DataError, match="references are for films"):
        evaluate([photo_folder(count=1)], run=run, settings=EvaluateSettings(reference="first"))
    clip = film(tmp_path / "pan.mkv", pan(3))
    with pytest.raises(DataError, match="told of clean frames"):
        evaluate([clip], run=run, settings=EvaluateSettings(reference="first", degrade="film"))
