"""What a report is drawn from: curves and strips that do not grow, the album's extremes, plots to scale."""

from __future__ import annotations

import re

import numpy as np
import pytest

from vidcolor.evaluation.gallery import Album
from vidcolor.evaluation.photos import PhotoScores
from vidcolor.evaluation.pictures import Pictures
from vidcolor.evaluation.scores import Color, Comparison, Scores
from vidcolor.report.plots import ticks, time_plot
from vidcolor.report.series import Curve, Selection


def test_curves_and_strips_do_not_grow() -> None:
    """However long the film: a curve keeps its means and a strip its even spread."""
    curve, strip = Curve(16), Selection[int](8)
    for i in range(1000):
        curve.push(float(i))
        strip.push(i if strip.wants() else None)
    assert len(curve.points) <= 16
    assert curve.stride == 64
    assert curve.points[0] == np.mean(range(64))
    assert curve.points[-1] == np.mean(range(960, 1000))
    assert 4 <= len(strip.items) <= 8
    assert set(np.diff(strip.items)) == {128}


def test_the_album_keeps_the_extremes() -> None:
    """However many photos come: the twelve best and the twelve worst, in order, none twice."""
    album, picture = Album(), np.zeros((8, 8, 3), np.uint8)
    order = np.random.default_rng(0).permutation(100)
    for value in order:
        color = Color(0, 0)
        grey = Scores(0, 0, 20, 100, 0)
        comparison = Comparison(Scores(0, 0, 20, float(value), 0), grey, grey, color)
        album.add_photo(PhotoScores(str(value), "", 8, 8, comparison), Pictures(picture, picture, picture))
    assert [p.name for p in album.best] == [str(i) for i in range(12)]
    assert [p.name for p in album.worst] == [str(99 - i) for i in range(12)]


@pytest.mark.parametrize(
    ("top", "expected"),
    [(1.0, [0, 0.5, 1.0]), (0.007, [0, 0.002, 0.004, 0.006]), (45, [0, 20, 40]), (4, [0, 1, 2, 3, 4])],
)
def test_ticks_are_round(top: float, expected: list[float]) -> None:
    """Axes count in ones, twos and fives."""
    assert ticks(top) == pytest.approx(expected)


def test_curves_are_drawn_to_scale() -> None:
    """The largest value is highest, zero lies on the axis, time runs over the whole width."""
    curve = Curve()
    for value in (0.0, 1.0, 2.0, 4.0):
        curve.push(value)
    svg = time_plot({"truth": curve}, 0.5, "a plot")
    points = [tuple(map(float, p.split(","))) for p in re.search(r'points="([^"]+)"', svg)[1].split()]  # type: ignore[index]
    x, y = np.array(points).T
    assert np.diff(x) == pytest.approx(np.diff(x)[0], abs=0.3)  # drawn to a tenth
    assert y[0] - y[1] == pytest.approx((y[0] - y[3]) / 4, abs=0.2)
    assert svg.count("<text") == len(ticks(4 * 1.12)) + len(ticks(2.0, 6))
