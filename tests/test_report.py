"""What results are shown with: curves and strips that do not grow, plots to scale, sheets, pages."""

from __future__ import annotations

import html
import re
from pathlib import Path

import jinja2
import numpy as np
import pytest

from vidcolor.evaluation.gallery import Gallery
from vidcolor.evaluation.photos import PhotoScores
from vidcolor.evaluation.pictures import Pictures
from vidcolor.evaluation.scores import Color, Comparison, Scores
from vidcolor.report.axes import Axis, log_ticks, ticks
from vidcolor.report.page import render
from vidcolor.report.plots import time_plot
from vidcolor.report.series import Curve, Selection
from vidcolor.report.sheet import contact_sheet, joined, tile
from vidcolor.report.tables import Table


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


def test_the_gallery_keeps_the_extremes() -> None:
    """However many photos come: the twelve best and the twelve worst, in order, none twice."""
    gallery, picture = Gallery(), np.zeros((8, 8, 3), np.uint8)
    order = np.random.default_rng(0).permutation(100)
    for value in order:
        color = Color(0, 0)
        grey = Scores(0, 0, 20, 1, 100, 0)
        comparison = Comparison(Scores(0, 0, 20, 1, float(value), 0), grey, grey, color)
        gallery.add_photo(PhotoScores(str(value), "", 8, 8, comparison), Pictures(picture, picture, picture))
    assert [p.name for p in gallery.best] == [str(i) for i in range(12)]
    assert [p.name for p in gallery.worst] == [str(99 - i) for i in range(12)]


@pytest.mark.parametrize(
    ("top", "expected"),
    [(1.0, [0, 0.5, 1.0]), (0.007, [0, 0.002, 0.004, 0.006]), (45, [0, 20, 40]), (4, [0, 1, 2, 3, 4])],
)
def test_ticks_are_round(top: float, expected: list[float]) -> None:
    """Axes count in ones, twos and fives."""
    assert ticks(top) == pytest.approx(expected)


@pytest.mark.parametrize(("low", "high"), [(0.0003, 0.9), (0.011, 0.013), (5, 80_000)])
def test_ticks_of_a_logarithmic_axis_are_round_and_enough(low: float, high: float) -> None:
    """Whatever the range: three to sixteen numbers inside it, of at most three digits."""
    found = log_ticks(low, high)
    assert 3 <= len(found) <= 16
    assert low * 0.999 <= found[0] < found[-1] <= high * 1.001
    assert [float(f"{tick:.3g}") for tick in found] == pytest.approx(found)


def test_axes_are_straight_in_their_own_scale() -> None:
    """The ends lie where they are told; in between, equal steps or equal ratios are equally far apart."""
    assert [Axis(0, 8, 10, 90).at(value) for value in (0, 2, 8)] == pytest.approx([10, 30, 90])
    upward = Axis(0.01, 100, 200, 0, log=True)
    assert [upward.at(value) for value in (0.01, 1, 10, 100)] == pytest.approx([200, 100, 50, 0])


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


def test_joined_pictures_stand_side_by_side_as_they_are() -> None:
    """Each picture is found again where it belongs; gaps, and what smaller ones leave open, are ground."""
    first, second = (np.full((height, width, 3), value, np.uint8) for height, width, value in ((4, 6, 10), (3, 2, 20)))
    sheet = joined([first, second], 1, gap=5, ground=7)
    assert sheet.shape == (4, 6 + 5 + 2, 3)
    assert np.array_equal(sheet[:, :6], first)
    assert np.array_equal(sheet[:3, 11:], second)
    sheet[:, :6] = sheet[:3, 11:] = 7
    assert (sheet == 7).all()
    down = joined([picture.swapaxes(0, 1) for picture in (first, second)], 0, gap=5, ground=7)
    assert np.array_equal(down.swapaxes(0, 1), joined([first, second], 1, gap=5, ground=7))


def test_a_contact_sheet_holds_every_picture() -> None:
    """Tiles in rows of eight below their title; each keeps its shape, and letters stand below it."""
    tall = tile(np.full((200, 50, 3), 255, np.uint8))
    assert tall.shape == (108, 160, 3)
    columns = (tall == 255).all(axis=(0, 2))
    assert columns.sum() == 27  # 108 rows of a picture four times as high as wide
    assert columns[66:93].all()
    sheet = contact_sheet([("nothing", []), ("nine", [(tall, "name")] * 9)])
    assert sheet.shape == (22 + 22 + 2 * (108 + 18), 8 * 164 + 4, 3)
    assert (sheet == 255).all(axis=2).sum() == 9 * 108 * 27
    assert sheet[44 + 110 : 44 + 126].max() > 200


def test_texts_of_pages_are_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names come from files, so that nothing of them may become HTML; plots are HTML, and stay it."""
    curve = Curve()
    curve.push(1.0)
    curve.push(2.0)
    name = '<b>"a&b"'
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown" / "__init__.py").touch()
    (tmp_path / "shown" / "a.html").write_text(
        '{% extends "page.html" %}{% import "parts.html" as parts %}{% block title %}{{ name }}{% endblock %}'
        "{% block main %}{{ parts.table(table) }}{{ parts.plot(plot, name) }}{{ parts.cards([(name, name)]) }}"
        "{% endblock %}"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    values = {"table": Table((name, name), [[name, name]]), "plot": time_plot({name: curve}, 1, name)}
    text = render("shown", "a.html", name=name, **values)
    assert name not in text
    assert html.unescape(text).count(name) == 1 + 4 + 2 + 1 + 2
    assert text.count("<svg") == text.count("</svg>") == 1
    with pytest.raises(jinja2.UndefinedError):
        render("shown", "a.html", **values)
