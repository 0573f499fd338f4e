"""Hints change the things that they lie on, and what is carried to other frames is those things."""

from __future__ import annotations

import numpy as np
import pytest

from vidcolor.color.arrays import Plane
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.guidance import confining
from vidcolor.pipeline.guidance.confining import confined, with_things

WISH = 40.0


def answers() -> tuple[Plane, Plane, Plane]:
    """The network's ab of three parts without and with a hint of a = 40, and where the hint spreads to."""
    plain = np.zeros((2, 16, 48), np.float32)
    told = plain.copy()
    told[0, :, :16] = 36  # the thing
    told[1, :, 16:32] = 20  # elsewhere: another color than before
    told[0, :, 32:] = 30  # the same, on what no hint is taken for
    spread = np.zeros((3, 2, 6), np.float32)
    spread[0], spread[2, :, :4] = WISH, 0.9
    spread[:2] *= spread[2]
    return plain, told, spread


def test_hints_change_their_things_and_nothing_else() -> None:
    """Where the network moved to the wish of a hint that it takes a place for; not where it changed its mind."""
    plain, told, spread = answers()
    found = confined(plain, plain, told, spread)
    assert np.abs(found[0, :, 2:10] - WISH).max() < 6
    assert np.abs(found[:, :, 20:28]).max() < 0.5
    assert np.abs(found[:, :, 38:]).max() < 0.5
    grey = confined(np.full_like(plain, 7), plain, told, 0 * spread)
    np.testing.assert_array_equal(grey, np.full_like(plain, 7))


@pytest.mark.parametrize(("colors", "share"), [(1, 0.0), (2, 0.0), (6, confining.TOLD)])
def test_things_go_along_and_many_colors_tell_them_to_the_network(
    monkeypatch: pytest.MonkeyPatch, predictor: Predictor, colors: int, share: float
) -> None:
    """The hint's own place is exact and told in full; the thing around it is taken, and told where hints are many."""
    monkeypatch.setattr(confining, "_asked", lambda *_: answers())
    hints = np.zeros((3, 16, 48), np.float32)
    hints[:, 4:6, 4:6] = np.array([WISH, 0, 1], np.float32)[:, None, None]
    for number in range(1, colors):
        hints[:, 14:, 46 - 2 * number : 48 - 2 * number] = np.array([0, 12 * number, 1], np.float32)[:, None, None]
    known = with_things(predictor, np.zeros((16, 48), np.float32), hints)
    given = hints[2] > 0
    np.testing.assert_array_equal(known[:2, given], hints[:2, given])
    np.testing.assert_array_equal(known[2:, given], 1)
    thing = np.s_[:12, 8:10]
    np.testing.assert_allclose(known[0][thing], WISH, atol=3)
    assert known[3][thing].min() > 0.9
    np.testing.assert_allclose(known[2][thing], share * known[3][thing], atol=1e-6)
    assert max(known[3, :12, 20:28].max(), known[3, :12, 40:].max()) < 0.01
