"""The command line as a person uses it: its exit code, stdout and stderr."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
import typer

from children import Child
from vidcolor.cli.app import main
from vidcolor.cli.values import parse_time

SAMPLES = Path(__file__).parent.parent / "samples"


Command = Callable[..., tuple[object, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process, in an empty folder; returns its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["vidcolor", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code or 0, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("text", "seconds"), [("12.5", 12.5), ("1:02", 62.0), ("00:01:02.500", 62.5), ("100:00:00", 360000.0), ("0", 0.0)]
)
def test_times(text: str, seconds: float) -> None:
    """The three ways to write a time."""
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "1:2:3:4", "1:60", "-1", "1.5:00", "nan", "inf", "1::2"])
def test_bad_times_are_usage_errors(text: str) -> None:
    """What is no time is refused by name."""
    with pytest.raises(typer.BadParameter, match="is no time"):
        parse_time(text)


def test_colorize_prints_one_object(tmp_path: Path) -> None:
    """--json prints one object on stdout; a pipe sees no progress bar."""
    arguments = ("colorize", SAMPLES / "rocket.mov", "-o", "out.mov", "--json", "--size", 32, "--duration", 0.4)
    result = Child(*arguments, cwd=tmp_path).ended()
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert {"output", "frames", "resumed", "seconds", "fps", "model", "device", "warnings", "notes"} == set(found)
    assert found["frames"] == 10
    assert found["output"] == "out.mov"
    assert result.err == b""


def test_preview_is_grey_beside_color(tmp_path: Path, command: Command) -> None:
    """Left half neutral, right half colored, at the size of the film."""
    assert command("preview", SAMPLES / "reel.mp4", "--at", "3", "-o", "frame.png", "--size", 64)[0] == 0
    picture = cv2.imread(str(tmp_path / "frame.png")).astype(int)
    assert picture.shape == (480, 1280, 3)
    left, right = picture[:, :640], picture[:, 640:]
    assert (left.max(axis=2) - left.min(axis=2)).max() == 0
    assert (right.max(axis=2) - right.min(axis=2)).mean() > 2


def test_info_and_models(command: Command) -> None:
    """What a film is made of, and which weights are bundled, as JSON."""
    found = json.loads(command("info", SAMPLES / "rocket.mov", "--json")[1])
    assert (found["width"], found["height"], found["sample_aspect"], found["bits"]) == (352, 288, "16/11", 10)
    assert [s["kind"] for s in found["streams"]] == ["audio"]
    models = json.loads(command("models", "--json")[1])
    assert "fast" in [m["name"] for m in models]


BAD = [
    (["nope.mp4"], "no such file"),
    (["empty"], "it holds no film or photograph"),
    (["notes.mp4"], "the data are invalid"),
    (["film.mp4", "-o", "film.mp4", "-y"], "it is the input itself"),
    (["film.mp4", "-o", "there.mp4"], "it exists"),
    (["film.mp4", "-o", "out.mp4", "--codec", "nope"], "no such encoder"),
    (["film.mp4", "-o", "out.mp4", "--codec", "prores_ks"], "does not support 'prores_ks'"),
    (["film.mp4", "-o", "out.txt"], "no container has the suffix"),
    (["film.mp4", "-o", "absent/out.mp4"], "there is no folder"),
    (["film.mp4", "-o", "out.mp4", "--device", "cuda:99"], "no such GPU"),
    (["film.mp4", "-o", "out.mp4", "--device", "abacus"], "no such kind"),
    (["film.mp4", "-o", "out.mp4", "-m", "nope"], "no such file"),
    (["film.mp4", "-o", "out.mp4", "-m", "film.mp4"], "cannot read the weights"),
    (["film.mp4", "-o", "out.mp4", "--start", "1:00"], "the range holds no frame"),
    (["film.mp4", "-o", "out.mp4", "--start", "99999999"], "the range holds no frame"),
    (["x" * 300 + ".mp4"], "name too long"),
]


@pytest.mark.parametrize(("arguments", "reason"), BAD, ids=[" ".join(a) for a, _ in BAD])
def test_bad_input_is_one_line(tmp_path: Path, command: Command, arguments: list[str], reason: str) -> None:
    """One line that says what failed and why, exit code 1, and nothing written."""
    Path("film.mp4").write_bytes((SAMPLES / "reel.mp4").read_bytes())
    Path("notes.mp4").write_text("not a film\n" * 99)
    Path("there.mp4").touch()
    Path("empty").mkdir()
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    code, out, err = command("colorize", *arguments)
    assert (code, out) == (1, "")
    assert err.startswith("vidcolor: error: ")
    assert err.count("\n") == 1
    assert reason in err
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()} == before


def test_preview_never_overwrites_its_film(command: Command) -> None:
    """Not even when told to overwrite."""
    Path("film.mp4").write_bytes((SAMPLES / "reel.mp4").read_bytes())
    code, _, err = command("preview", "film.mp4", "-o", "film.mp4", "-y")
    assert code == 1
    assert "it is the input itself" in err
    assert Path("film.mp4").read_bytes() == (SAMPLES / "reel.mp4").read_bytes()


def test_usage_errors_exit_with_2(command: Command) -> None:
    """A mistyped option is a usage error."""
    assert command("colorize", "film.mp4", "--nope")[0] == 2


def test_interrupting_leaves_the_earlier_output(tmp_path: Path) -> None:
    """Ctrl-C: exit code 130, and an output from before is untouched."""
    (tmp_path / "out.mp4").write_text("precious")
    child = Child("colorize", SAMPLES / "reel.mp4", "-o", "out.mp4", "-y", "--no-resume", cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not (tmp_path / ".out.part.mp4").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send(signal.SIGINT)
    code, _, errors = child.ended()
    assert code == 130, errors
    assert b"vidcolor: interrupted" in errors
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]
    assert (tmp_path / "out.mp4").read_text() == "precious"


def test_heavy_imports_leave_garbage_collection_as_it_was() -> None:
    """What was imported is looked through no more; what a film leaves behind is still collected."""
    script = (
        "import gc\n"
        "from vidcolor.cli.process import heavy_imports\n"
        "with heavy_imports():\n"
        "    assert not gc.isenabled()\n"
        "    import torch\n"
        "kept = gc.get_freeze_count()\n"
        "with heavy_imports():  # nothing is left to import\n"
        "    assert gc.isenabled()\n"
        "print(gc.isenabled(), kept > 100_000, gc.get_freeze_count() == kept)\n"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True).split() == ["True"] * 3
