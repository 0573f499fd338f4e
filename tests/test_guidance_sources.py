"""What a person says about a film's colors: moments, points, and what cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scenes import CLOCK, LENGTH, NET, listed, png, run, shot, write_film
from vidcolor.errors import CheckpointError, VidcolorError
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import Model
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.guidance.sources import draw_points, parse_moment, read_points
from vidcolor.settings import RunSettings


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


def test_bad_input_is_one_line(film: Path, truth: list[np.ndarray], tmp_path: Path, predictor: Predictor) -> None:
    """What is wrong, where, and what to do; nothing is left behind."""
    grey = png(tmp_path / "grey.png", np.repeat(truth[0][..., :1], 3, axis=2))
    other, narrow = png(tmp_path / "other.png", truth[LENGTH]), png(tmp_path / "narrow.png", truth[0][:, :70])
    clear = png(tmp_path / "clear.png", np.zeros((64, 96, 4), np.uint8))
    text = tmp_path / "text.png"
    text.write_text("no picture")

    def table(*rows: str, head: str = "time,x,y,color,radius") -> str:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.csv"
        path.write_text("\n".join([head, *rows]))
        return str(path)

    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"reference": (str(grey),)}, "grey.png: the picture is grey"),
        ({"reference": (str(tmp_path / "none.png"),)}, "none.png: no such file"),
        ({"reference": (str(text),)}, "text.png"),
        ({"reference": (f"0:09={other}",)}, "9.000 s lies outside the film"),
        ({"reference": (f"0:00={other}",)}, "it shows another picture than the film at this time"),
        ({"reference": (f"0:00={narrow}",)}, "its shape is 1.094 to 1, the film's 1.500 to 1"),
        ({"hints": (f"0:00={clear}",)}, "all of it is transparent"),
        ({"hints": (table("0,96,5,red,"),)}, "line 2: 96, 5 lies outside the picture of 96x64"),
        ({"hints": (table("0,5,5,red,", "9,5,5,red,"),)}, "line 3: 9.000 s lies outside the film"),
        ({"hints": (table("0,5,5,reddish,"),)}, "line 2, column color: 'reddish': it is no color"),
        ({"hints": (table("0,5,-5,red,"),)}, "line 2, column y"),
        ({"hints": (table("0,5,5,red,0"),)}, "line 2, column radius"),
        ({"hints": (table("0,5,5", head="when,x,y"),)}, "does not name the columns time, x, y, color"),
        ({"hints": (table(),)}, "it holds no hint"),
        ({"shots": listed(tmp_path, f",{Path(table('0:00.6,5,5,red,')).name},", ",,")}, "outside the shot"),
    )
    for how, why in cases:
        with pytest.raises(VidcolorError, match=why) as caught:
            run(film, tmp_path / "out.mkv", predictor, **how)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out.mkv").exists()


def test_points_in_black_borders_are_refused(tmp_path: Path, predictor: Predictor) -> None:
    """A wide picture in a tall one: its borders have no color."""
    pictures = [np.pad(picture, ((16, 16), (0, 0), (0, 0)))[:, :96] for picture in shot(1, 2)]
    film, table = write_film(tmp_path / "film.mkv", pictures), tmp_path / "hints.csv"
    table.write_text("time,x,y,color\n0,50,8,red\n")
    with pytest.raises(VidcolorError, match="line 2: 50, 8 lies in the black border"):
        run(film, tmp_path / "out.mkv", predictor, hints=(str(table),))
    table.write_text("time,x,y,color\n0,50,48,red\n")
    assert run(film, tmp_path / "out.mkv", predictor, hints=(str(table),))


def test_networks_without_hints_are_refused(film: Path, truth: list[np.ndarray], tmp_path: Path) -> None:
    """One line before any work is done."""
    plain = Predictor(Model("plain", build_network(NET), NET, ""), torch.device("cpu"), torch.float32)
    with pytest.raises(CheckpointError, match="cannot give hints to plain"):
        run(film, tmp_path / "out.mkv", plain, reference=(str(png(tmp_path / "a.png", truth[0])),))


def test_photographs_are_refused(photo_folder: Callable[..., Path], tmp_path: Path, predictor: Predictor) -> None:
    """References and hints are for films."""
    from vidcolor.pipeline.photos.photo import colorize_photograph

    (photo,) = photo_folder(count=1).iterdir()
    with pytest.raises(VidcolorError, match="are for films"):
        colorize_photograph(photo, tmp_path / "out.png", settings=RunSettings(hints=("a.csv",)), predictor=predictor)
