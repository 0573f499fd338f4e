"""Places of a reference picture are found again in frames, and only there."""

from __future__ import annotations

import numpy as np

from scenes import (
    cells,
    scene,
)
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.guidance.matching import CELL, Cells, Reference, chosen, match


def test_a_match_brings_colors_to_their_places(predictor: Predictor) -> None:
    """Of a picture moved by whole cells, each cell finds itself again, and the colors of its smallest parts."""
    wide = scene(3)
    (one, ab), (other, _) = cells(wide[:, :96], predictor), cells(wide[:, 32:128], predictor)
    everywhere = np.ones(ab.shape[1:], np.float32)
    itself = match(one, Reference.of(one, ab, everywhere))
    assert np.median(np.hypot(*(itself[:2] - ab))) < 3
    assert itself[2].mean() > 0.7
    found = match(other, Reference.of(one, ab, everywhere), related=True)[:, 16:48, 16:48]
    assert np.median(np.hypot(*(found[:2] - ab[:, 16:48, 48:80]))) < 4
    assert np.abs(ab).mean() > 5  # a grey world would prove nothing


def test_unknown_places_of_a_reference_say_nothing(predictor: Predictor) -> None:
    """Nor does a reference of which nothing is known."""
    one, ab = cells(scene(3)[:, :96], predictor)
    left = np.zeros(ab.shape[1:], np.float32)
    assert not match(one, Reference.of(one, ab, left)).any()
    left[:, :48] = 1
    painted = np.where(left > 0, ab, 99).astype(np.float32)
    assert np.abs(match(one, Reference.of(one, painted, left))[:2]).max() <= np.abs(ab).max() + 1e-3


def test_a_picture_that_shows_something_else_says_nothing() -> None:
    """Cells as different as those of two unrelated pictures; known to be related, they are compared all the same."""
    random = np.random.default_rng(0)
    frame, other = (
        Cells.of(np.full((64, 96), 0.5, np.float32), random.normal(size=(40, 8, 12)).astype(np.float32))
        for _ in range(2)
    )
    reference = Reference.of(other, np.full((2, 64, 96), 30, np.float32), np.ones((64, 96), np.float32))
    assert not match(frame, reference)[2].any()
    assert match(frame, reference, related=True)[2].any()


def test_references_are_chosen_not_mixed() -> None:
    """Where two disagree, the surer one is taken as it is."""
    red, blue = np.zeros((3, 64, 96), np.float32), np.zeros((3, 64, 96), np.float32)
    red[0], blue[1] = 60, -60
    red[2, :, :48], blue[2] = 0.9, 0.5
    found = chosen([red, blue])
    assert {tuple(color) for color in found[:2].reshape(2, -1).T} == {(60, 0), (0, -60)}
    assert (found[0, :, : 48 - CELL] == 60).all()
    assert (found[1, :, 48 + CELL :] == -60).all()
