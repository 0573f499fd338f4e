"""A dry run: what it says comes true, and it leaves nothing behind."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vidcolor.cli.app import main
from vidcolor.pipeline.batch import colorize
from vidcolor.pipeline.forecast import forecast_all
from vidcolor.pipeline.inputs import find_inputs
from vidcolor.settings import RunSettings

SAMPLES = Path(__file__).parent.parent / "samples"
SMALL = RunSettings(size=64)
pytestmark = pytest.mark.usefixtures("tiny_network")


def test_what_is_forecast_comes_true(tmp_path: Path) -> None:
    """Frames exactly, bytes about, and the settings that the film is then made with."""
    film = tmp_path / "film.mov"
    shutil.copy(SAMPLES / "rocket.mov", film)
    (found,) = forecast_all(find_inputs([film]), settings=SMALL)
    assert list(tmp_path.iterdir()) == [film]
    assert (found.error, found.skipped, found.resumed) == ("", False, 0)
    assert found.seconds is not None
    assert found.seconds > 0
    result = colorize(film, settings=SMALL)
    assert (result.output, result.frames, result.model) == (found.output, found.frames, found.settings["model"])
    assert found.bytes == pytest.approx(result.output.stat().st_size, rel=0.4)
    assert (found.settings["device"], found.settings["codec"]) == (result.device, "libx264")
    (again,) = forecast_all(find_inputs([film]), settings=SMALL)
    assert again.skipped


def test_a_part_of_a_film_is_a_part_of_the_forecast(tmp_path: Path) -> None:
    """One second of a film of 25 frames a second."""
    inputs = find_inputs([SAMPLES / "rocket.mov"])
    (found,) = forecast_all(inputs, tmp_path, settings=RunSettings(size=64, start=0.5, duration=1.0))
    assert found.frames == 25


def test_a_photograph_is_tried_as_a_whole(tmp_path: Path, photo_folder: Callable[..., Path]) -> None:
    """So its bytes are exact; after some of them the others are expected to be alike."""
    photo_folder("in", 12)
    found = list(forecast_all(find_inputs([tmp_path / "in"]), tmp_path / "out", settings=SMALL))
    assert not (tmp_path / "out").exists()
    assert len(list((tmp_path / "in").iterdir())) == len(found) == 12
    result = colorize(tmp_path / "in" / "000.png", tmp_path, settings=SMALL)
    assert found[0].bytes == result.output.stat().st_size
    assert 0.5 < (found[11].bytes or 0) / (found[0].bytes or 1) < 2


def test_the_command_tells_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A film, and one that is none: lines or an object for each, exit code 1, and the folder as before."""
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(SAMPLES / "rocket.mov", folder / "a.mov")
    (folder / "b.mp4").write_text("no film")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    command = ["vidcolor", "colorize", str(folder), "-o", str(tmp_path / "out"), "--size", "64", "--dry-run"]
    for extra in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", [*command, *extra])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 1
        out = capsys.readouterr().out
        if extra:
            rows = json.loads(out)
            assert [bool(row["error"]) for row in rows] == [False, True]
            assert rows[0]["settings"]["network size"] == "128x64"
        else:
            assert "50 frames: about 0:00:" in out
            assert "network size 128x64" in out
            assert f"fails: cannot open {folder / 'b.mp4'}" in out
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
