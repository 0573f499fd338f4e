"""What a person says about a film's colors: moments, points, and what cannot be used."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vidcolor.errors import VidcolorError
from vidcolor.film.timecode import TimecodeClock
from vidcolor.pipeline.guidance.sources import draw_points, parse_moment, read_points

CLOCK = TimecodeClock(Fraction(24))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12.5", 12.5), ("1:02", 62), ("00:01:02.500", 62.5), ("00:01:02:12", 62.5), ("0:00:00", 0), ("3", 3)],
)
def test_moments(text: str, seconds: float) -> None:
    """Seconds as elsewhere, and timecode with frames."""
    assert parse_moment(text, CLOCK) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "now", "1:75", "00:01:02:24", "-1", "1:2:3:4:5"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(VidcolorError):
        parse_moment(text, CLOCK)


def test_points_of_spreadsheets(tmp_path: Path) -> None:
    """Semicolons and decimal commas, any order of columns, a byte order mark."""
    table = tmp_path / "points.csv"
    table.write_text("\ufefftime;color;y;x\n0:04,5;White;1,5;2\n\n", encoding="utf-8")
    with pytest.raises(VidcolorError, match="line 2, column time"):  # a time has a point in every language
        read_points(table, CLOCK)
    table.write_text("\ufefftime;color;y;x\n0:04.5;White;1,5;2\n\n", encoding="utf-8")
    (point,) = read_points(table, CLOCK)
    assert (point.line, point.time, point.x, point.y, point.radius) == (2, 4.5, 2, 1.5, None)
    np.testing.assert_allclose(point.ab, 0, atol=1e-3)


def test_small_points_are_not_lost(tmp_path: Path) -> None:
    """One of a pixel of a large film has a few pixels of the network's picture, in its place."""
    table = tmp_path / "points.csv"
    table.write_text("time,x,y,color,radius\n0,960,270,red,1\n")
    known = draw_points(read_points(table, CLOCK), (1920, 1080), (96, 64), 0.02)
    rows, columns = np.nonzero(known[2])
    assert len(rows) >= 4
    assert rows.mean() == pytest.approx(64 * 270 / 1080 - 0.5, abs=0.5)
    assert columns.mean() == pytest.approx(96 * 960 / 1920 - 0.5, abs=0.5)
