"""How the command line behaves towards people, terminals and other programs."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import cv2
import pytest

import vidcolor
from shared import colored_picture
from vidcolor.cli.app import main
from vidcolor.cli.process import QUIET_LIBRARIES
from vidcolor.cli.progress import Progress

SAMPLES = Path(__file__).parent.parent / "samples"
SMALL = ("--size", "64", "--duration", "0.2")
# As the installed program: python -m vidcolor would give its completion another name.
PROGRAM = [sys.executable, "-c", "import sys; sys.argv[0] = 'vidcolor'; from vidcolor.cli.app import main; main()"]
# The program with a command that only talks: the others import torch, which takes seconds.
TALK = """
import sys
from pathlib import Path
from typing import Annotated
import typer
from vidcolor.cli.app import VERBS, main
from vidcolor.cli.terminal import Terminal

def talk(names: Annotated[list[Path], typer.Argument()], terminal: Terminal) -> None:
    with terminal.progress({str(name): 1 for name in names}) as progress:
        for name in names:
            progress.begin(str(name))
            progress.step(1, 50)
            progress.step(50, 50)
            progress.end()
            terminal.say(f"seen {name}")
            terminal.result({"name": str(name)}, f"name {name}")

VERBS["talk"] = talk
sys.argv[0] = "vidcolor"
main()
"""
TALKING = [sys.executable, "-c", TALK, "talk"]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command in this process, in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["vidcolor", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        return int(stopped.value.code or 0), captured.out, captured.err

    return run


def on_a_terminal(*arguments: str, **variables: str) -> str:
    """What the talking command shows on a terminal."""
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200", **variables}
    process = subprocess.Popen([*TALKING, *arguments], stderr=theirs, stdout=theirs, env=environment)
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # Linux says so at the end of a terminal
        while part := os.read(ours, 65536):
            shown += part
    os.close(ours)
    assert process.wait(60) == 0, shown
    return shown.decode()


def photos(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for seed, name in enumerate(names):
        cv2.imwrite(str(folder / name), colored_picture(seed))
    return folder


def test_version(run: Run) -> None:
    """One line, as pip knows it, and as Python does."""
    assert vidcolor.__version__ == version("vidcolor")
    assert run("--version") == (0, f"vidcolor {version('vidcolor')}\n", "")


def test_a_slip_in_a_name(run: Run) -> None:
    """The nearest command and option are suggested."""
    code, _, err = run("colorise", "film.mp4")
    assert (code, "Did you mean 'colorize'?" in err) == (2, True)
    code, _, err = run("info", "film.mp4", "--shot")
    assert (code, "--shots" in err) == (2, True)


def test_completion(tmp_path: Path) -> None:
    """The shell completes options and choices; installing it writes into the home folder and nowhere else."""

    def completed(words: str, place: int) -> list[str]:
        asked = {"_VIDCOLOR_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(place)}
        result = subprocess.run(PROGRAM, capture_output=True, text=True, env={**os.environ, **asked}, timeout=60)
        return result.stdout.split()

    assert completed("vidcolor colorize --dein", 2) == ["--deinterlace"]
    assert completed("vidcolor colorize --deinterlace o", 3) == ["on", "off"]
    script = (
        'vidcolor() { "$@"; }\n"$@" --install-completion; true'  # not the shell's last command: it stays the parent
    )
    command = ["bash", "-c", script, "bash", *PROGRAM]
    home = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run(command, check=True, capture_output=True, env=home, timeout=60)
    assert {p.name for p in tmp_path.rglob("*") if p.is_file()} == {".bashrc", "vidcolor.sh"}
    assert "complete -o default -F" in (tmp_path / ".bash_completions" / "vidcolor.sh").read_text()


def test_bars_are_for_terminals_that_can_show_them() -> None:
    """Bars on a terminal, in no color where none is wanted; on a dumb one no control codes at all."""
    color, control = r"\x1b\[[0-9;]*[34][0-8]", "\x1b"
    shown = on_a_terminal("a.mp4", "b.mp4", TERM="xterm-256color")
    assert re.search(color, shown)
    assert "50/50" in shown
    assert "1/2" in shown
    assert "name a.mp4\r\n" in shown
    assert "vidcolor: seen b.mp4\r\n" in shown
    shown = on_a_terminal("a.mp4", "b.mp4", TERM="xterm-256color", NO_COLOR="1")
    assert control in shown
    assert not re.search(color, shown)
    assert on_a_terminal("a.mp4", TERM="dumb") == "vidcolor: seen a.mp4\r\nname a.mp4\r\n"
    assert on_a_terminal("a.mp4", "-q", TERM="xterm") == "name a.mp4\r\n"
    assert on_a_terminal("a.mp4", "--progress", "off", TERM="xterm") == "vidcolor: seen a.mp4\r\nname a.mp4\r\n"


def test_defaults_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """VIDCOLOR_MODEL and VIDCOLOR_DEVICE stand for options, and options win over them."""
    film = SAMPLES / "rocket.mov"
    monkeypatch.setenv("VIDCOLOR_DEVICE", "abacus")
    assert "abacus" in run("colorize", film, "-o", "out.mov")[2]
    monkeypatch.setenv("VIDCOLOR_MODEL", "nowhere.safetensors")
    assert "nowhere.safetensors" in run("colorize", film, "-o", "out.mov", "--device", "cpu")[2]


def test_quiet_says_only_what_went_wrong(run: Run, tmp_path: Path) -> None:
    """Nothing at all when all is well; the failures of a batch otherwise."""
    folder = photos(tmp_path / "in", "a.png", "b.png")
    assert run("colorize", "-q", *SMALL, folder / "a.png") == (0, "", "")
    (folder / "c.png").write_text("no picture")
    code, out, err = run("colorize", "-q", *SMALL, folder)
    assert (code, err) == (1, "")
    assert out.splitlines() == [line for line in out.splitlines() if line.startswith(" failed") and "c.png" in line]
    assert run("info", "-q", SAMPLES / "rocket.mov")[1] != ""  # it was asked for


@pytest.mark.prepares
def test_progress_for_other_programs(run: Run, tmp_path: Path) -> None:
    """Every line on stderr is an object; each input begins, and ends in one way or another."""
    folder = photos(tmp_path / "in", "b.png")
    (folder / "a.mov").write_bytes((SAMPLES / "rocket.mov").read_bytes())
    (folder / "c.mp4").write_text("no film")
    code, out, err = run("colorize", *SMALL, folder, "--progress", "json")
    assert code == 1
    events = [json.loads(line) for line in err.splitlines()]
    names = [Path(event["file"]).name for event in events if event["event"] == "started"]
    assert sorted(names) == ["a.mov", "b.png", "c.mp4"]
    ends = {Path(e["file"]).name: e["event"] for e in events if e["event"] in ("finished", "failed", "skipped")}
    assert ends == {"a.mov": "finished", "b.png": "finished", "c.mp4": "failed"}
    moments = [e for e in events if e["event"] == "progress"]
    assert {"frame", "frames", "fps", "seconds_left", "number", "files", "all_seconds_left"} <= set(moments[0])
    assert {moment["files"] for moment in moments} == {3}
    assert len(out.splitlines()) == 3
    run_again = run("colorize", *SMALL, folder / "c.mp4", "--progress", "json")
    (begun, failed) = (json.loads(line) for line in run_again[2].splitlines())
    assert (begun["event"], failed["event"], failed["file"]) == ("started", "failed", str(folder / "c.mp4"))


def test_every_command_tells_of_the_last_frame(run: Run) -> None:
    """Also one that reads a film without working on it."""
    code, _, err = run("info", "--shots", SAMPLES / "rocket.mov", "--progress", "json")
    assert code == 0
    begun, *moments = (json.loads(line) for line in err.splitlines())
    assert begun["event"] == "started"
    assert moments[-1]["frame"] == moments[-1]["frames"] > 0


def test_ctrl_c_in_a_batch_loses_its_table(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done before is told, what was at work too, and how many were not begun; with --json as well."""
    folder = photos(tmp_path / "in", "a.png", "b.png", "c.png")
    begin = Progress.begin

    def stop_at_b(self: Progress, file: str) -> None:
        if file.endswith("b.png"):
            raise KeyboardInterrupt
        begin(self, file)

    monkeypatch.setattr(Progress, "begin", stop_at_b)
    code, out, err = run("colorize", *SMALL, folder, "-o", tmp_path / "out")
    assert code == 130
    assert [line.split()[0] for line in out.splitlines()] == ["done", "stopped"]
    assert "1 of 3 inputs were not begun" in err
    assert err.endswith("vidcolor: interrupted\n")
    code, out, err = run("colorize", *SMALL, folder, "-o", tmp_path / "out", "--json")
    assert code == 130
    assert [row["status"] for row in json.loads(out)] == ["skipped"]


def test_an_unexpected_error_loses_the_others_of_a_batch(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug met in one film is a failure like others, with its traceback; the rest is done."""
    folder = photos(tmp_path / "in", "b.png")
    (folder / "a.mov").write_bytes((SAMPLES / "rocket.mov").read_bytes())

    def bug(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Progress, "step", bug)
    code, out, err = run("colorize", *SMALL, folder, "-o", tmp_path / "out")
    assert code == 1
    assert [line.split()[0] for line in out.splitlines()] == ["failed", "done"]
    assert "unexpected ZeroDivisionError: a bug" in out
    assert "Traceback" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["talk", "a.mp4"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_under_stdout_is_a_traceback(arguments: list[str], unbuffered: str) -> None:
    """One line and exit code 1."""
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [*TALKING[:-1], *arguments], stdout=full, stderr=subprocess.PIPE, text=True, env=environment, timeout=60
        )
    assert result.returncode == 1
    assert re.fullmatch(r"vidcolor: error: cannot print.*: no space left on device\..*", result.stderr.splitlines()[-1])
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_early_sees_a_traceback(unbuffered: str) -> None:
    """As ``| head`` does: nothing more is said, exit code 1."""
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open(writing, "w") as closed:
        result = subprocess.run(
            [*TALKING, "a.mp4"], stdout=closed, stderr=subprocess.PIPE, text=True, env=environment, timeout=60
        )
    assert result.returncode == 1
    assert result.stderr == "vidcolor: seen a.mp4\n"  # what the command itself says


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_stderr_loses_results() -> None:
    """What nobody can read is no reason to stop."""
    with open("/dev/full", "w") as full:
        result = subprocess.run([*TALKING, "a.mp4"], stdout=subprocess.PIPE, stderr=full, text=True, timeout=60)
    assert (result.returncode, result.stdout) == (0, "name a.mp4\n")


def test_a_console_that_cannot_show_a_name_is_a_unicode_error() -> None:
    """What the console's code page lacks is escaped; bytes that are no text come out as they are on the disk."""

    def printed(name: bytes, **variables: str) -> bytes:
        environment = {**os.environ, **variables}
        result = subprocess.run([*TALKING, name], capture_output=True, env=environment, timeout=60)
        assert result.returncode == 0, result.stderr
        assert result.stderr == b"vidcolor: seen " + result.stdout.removeprefix(b"name ")
        return result.stdout

    assert printed("łódź.mov".encode(), PYTHONIOENCODING="cp1252") == b"name \\u0142\xf3d\\u017a.mov\n"
    assert printed("łódź.mov".encode(), PYTHONIOENCODING="utf-8") == "name łódź.mov\n".encode()
    assert printed(b"\xff.mov", PYTHONIOENCODING="utf-8") == b"name \xff.mov\n"


@pytest.mark.parametrize("address", ["http://example.org/film.mp4", "https://example.org/a?list=[1]", "rtsp://cam/1"])
@pytest.mark.parametrize("before", [(), ("absent.mp4",)])
def test_an_address_is_told_as_a_file_with_one_slash(run: Run, address: str, before: tuple[str, ...]) -> None:
    """Addresses are not read, and the line says so; among several inputs too."""
    code, out, err = run("colorize", *before, address)
    assert code == 1
    assert "addresses are not read" in out + err


def test_the_process_is_set_up_before_torch() -> None:
    """Libraries are told to wait idly and in silence before they are imported, unless the user says else."""
    code = (
        "import os, sys\n"
        "from vidcolor.cli.app import main\n"
        "assert 'torch' not in sys.modules\n"
        "sys.argv = ['vidcolor', '--version']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "import cv2\n"
        "told = [os.environ[name] for name in ('OMP_WAIT_POLICY', 'SVT_LOG')]\n"
        "print(cv2.getNumThreads(), cv2.utils.logging.getLogLevel(), *told)"
    )
    clean = {name: value for name, value in os.environ.items() if name not in QUIET_LIBRARIES}
    for given, expected in (({}, "1 0 passive 1"), ({"OMP_WAIT_POLICY": "active"}, "1 0 active 1")):
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env={**clean, **given}, timeout=60
        )
        assert result.stdout.splitlines()[-1] == expected, result.stderr


@pytest.mark.prepares
def test_verbose_says_more(run: Run) -> None:
    """Model, device, precision, network size, encoder, segments with their shots and times; nothing of it without."""
    film = SAMPLES / "rocket.mov"
    code, _, err = run("colorize", "-v", *SMALL, film, "-o", "a.mov")
    assert code == 0
    for text in ("fast on cpu in", "the network sees 128x64", "libx264 (crf=", "segment 1: frames 5, shots 1, "):
        assert text in err
    assert run("colorize", *SMALL, film, "-o", "b.mov")[2] == ""
