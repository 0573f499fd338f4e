"""A page of a film's shots: all in one file that asks for nothing, small enough, with what the list holds."""

from __future__ import annotations

import base64
import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from pages import state_of, write_shots
from vidcolor.cli.app import main
from vidcolor.errors import InputError, OutputError
from vidcolor.film.reader import frames, open_video
from vidcolor.pipeline.shotlist.listing import list_shots
from vidcolor.pipeline.shotpage.budget import LEAST_EACH, Budget, pace
from vidcolor.pipeline.shotpage.page import write_page
from vidcolor.report.page import data_uri
from vidcolor.settings import RunSettings, ShotSettings

SMALL = RunSettings(size=64, device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three shots of 16 frames; its name would break a page that does not escape it."""
    return write_shots(tmp_path_factory.mktemp("film") / "<b>a & 'b'.mkv", 3, 16)


@pytest.fixture(scope="module")
def page(film: Path) -> str:
    """The text of its page."""
    write_page(film, film.with_name("film.html"), settings=SMALL)
    return film.with_name("film.html").read_text(encoding="utf-8")


def test_nothing_is_asked_of_a_network(page: str) -> None:
    """No address but those of data in the page itself, and a policy that would refuse any other."""
    links = re.findall(r'(?:src|href|poster|action|data)="([^"]*)"', page)
    assert len(links) > 9
    assert all(link.startswith(("data:", "#")) for link in links)
    addresses = set(re.findall(r"https?://[^\s\"'<>)]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, which nobody fetches
    assert "default-src 'none'" in page
    assert "unsafe" not in page


def test_names_are_escaped(page: str) -> None:
    """A film's name is text, wherever it stands."""
    assert "<b>" not in page
    assert "&lt;b&gt;a &amp; &#39;b&#39;.mkv" in page
    assert state_of(page)["film"] == "<b>a & 'b'.mkv"


def test_the_page_holds_the_list(film: Path, page: str, tmp_path: Path) -> None:
    """Row by row what vidcolor shots writes, and the ranges of its columns."""
    state = state_of(page)
    table = list_shots(film, tmp_path / "film.shots.csv").output.read_text().splitlines()
    columns = state["columns"]
    rows = [",".join(shot["cells"].get(name, "") for name in columns) for shot in state["shots"]]
    assert [",".join(columns), *rows] == table
    assert len(rows) == 3
    assert state["settings"]["saturation"] == {"low": 0, "high": 5, "choices": None, "usual": 1.0}
    assert state["settings"]["mode"]["choices"] == ["color", "keep", "grey"]


def test_pictures_are_those_of_the_film(film: Path, page: str) -> None:
    """The grey picture is the frame whose time the page tells, and the colored one has its luma."""
    shots = state_of(page)["shots"]
    with open_video(film) as video:
        lumas = {round(frame.seconds, 6): frame.luma for frame in frames(video)}
    pairs = re.findall(r'src="data:image/jpeg;base64,([^"]*)"', page)
    assert len(pairs) == 6
    for number, shot in enumerate(shots):
        colored, grey = (
            cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR).astype(int)
            for text in pairs[2 * number : 2 * number + 2]
        )
        luma = lumas[round(shot["time"], 6)]
        shown = np.clip((luma.astype(float) - 16) * 255 / 219, 0, 255)
        assert np.abs(grey[..., 1] - shown).mean() < 3
        weighted = colored @ np.array([0.114, 0.587, 0.299])
        assert np.abs(weighted - shown).mean() < 4


def test_clips_are_a_few_seconds_around_the_picture(page: str) -> None:
    """Their times rise frame by frame, lie in the shot and hold that of the picture."""
    for number, shot in enumerate(state_of(page)["shots"]):
        times = shot["times"]
        assert len(times) == 16
        assert np.allclose(np.diff(times), 1 / 24, atol=1e-3)
        assert 16 * number / 24 - 1e-3 <= times[0] < times[-1] < 16 * (number + 1) / 24
        assert min(abs(time - shot["time"]) for time in times) < 1e-6


def test_a_list_is_shown_as_it_is(film: Path, tmp_path: Path) -> None:
    """With --shots: its own rows, notes with quotes and lines too, and its colors in the pictures."""
    path = tmp_path / "mine.shots.csv"
    path.write_text('shot,start_frame,end_frame,mode,note\n7,0,20,grey,"a ""b"", </script>\nc"\n9,20,48,,\n')
    write_page(film, tmp_path / "film.html", settings=RunSettings(size=64, device="cpu", shots=path))
    text = (tmp_path / "film.html").read_text(encoding="utf-8")
    state = state_of(text)
    assert [shot["cells"]["shot"] for shot in state["shots"]] == ["7", "9"]
    assert state["shots"][0]["cells"]["note"] == 'a "b", </script>\nc'
    assert state["list"] == "mine.shots.csv"
    pictures = [
        cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR).astype(int)
        for data in re.findall(r'class="after" src="data:image/jpeg;base64,([^"]*)"', text)
    ]
    spread = [np.ptp(picture, axis=2).mean() for picture in pictures]
    assert spread[0] < 1 < spread[1]


def test_a_page_of_sixty_shots_stays_small() -> None:
    """Under 20 MB with the hardest pictures there are: noise, which nothing compresses."""
    budget, rng = Budget.of(60), np.random.default_rng(0)
    noise = rng.integers(0, 256, (budget.side * 3 // 4, budget.side, 3), np.uint8)
    moving = [
        noise[n : n + budget.clip_side * 3 // 4, n : n + budget.clip_side] for n in range(round(budget.seconds * 30))
    ]
    parts = [*budget.pictures(noise[..., 0], noise), budget.clip(moving, Fraction(30))]
    assert all(parts)
    assert 60 * sum(len(data_uri(part, "image/jpeg")) for part in parts) < 20e6


def test_budgets_fall_with_the_number_of_shots() -> None:
    """Never more for more shots, and for very many a picture each, without a clip."""
    budgets = [Budget.of(shots) for shots in (1, 30, 60, 200, 600, 5000)]
    for larger, smaller in pairwise(budgets):
        assert larger.most >= smaller.most
        assert larger.side >= smaller.side
        assert larger.seconds >= smaller.seconds
    assert budgets[-1].most == LEAST_EACH
    assert budgets[-1].clip([np.zeros((8, 8, 3), np.uint8)] * 3, Fraction(24)) == b""
    assert 60 * Budget.of(60).most <= 15e6 * 3 / 4


def test_windows_lie_around_the_middle() -> None:
    """A short shot whole, of a long one its middle; sixty frames a second are thinned out."""
    budget = Budget.of(60)
    assert budget.window(10, 30, Fraction(24)) == (10, 30)
    first, end = budget.window(0, 1000, Fraction(24))
    assert end - first == round(budget.seconds * 24)
    assert first == (1000 - (end - first)) // 2
    assert [pace(Fraction(rate)) for rate in (24, 30, 50, 60, 120)] == [1, 1, 2, 2, 4]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("film.png", "a page is HTML. Name .*film.html"),
        ("no/film.html", "there is no folder"),
        (".", "a page is HTML"),
    ],
)
def test_pages_that_cannot_be_written_are_refused(film: Path, tmp_path: Path, name: str, why: str) -> None:
    """Before any work is done, in a line."""
    with pytest.raises(OutputError, match=why):
        write_page(film, tmp_path / name, settings=SMALL)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--page", "a.html", "-o", "a.png"), "a page shows every shot of one film, and is made alone"),
        (("--page", "a.html", "--at", "1"), "a page shows every shot of one film, and is made alone"),
        (("--page", "a.html", "b.mp4"), "a page shows every shot of one film, and is made alone"),
        (("--at", "1", "--count", "3"), "--at names them one by one"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], why: str
) -> None:
    """In one line, before the film is opened."""
    monkeypatch.setattr("sys.argv", ["vidcolor", "preview", "none.mp4", *arguments])
    with pytest.raises(SystemExit):
        main()
    (line,) = capsys.readouterr().err.splitlines()
    assert why in line


def test_a_page_that_is_there_stays(film: Path, tmp_path: Path) -> None:
    """It is not written over unasked, and when the work fails nothing of it is lost."""
    path = tmp_path / "film.html"
    path.write_text("mine")
    with pytest.raises(OutputError, match="it exists"):
        write_page(film, path, settings=SMALL)
    (tmp_path / "bad.csv").write_text("shot,start_frame,end_frame\n1,0,4000\n")
    with pytest.raises(InputError, match="line 2"):
        write_page(film, path, overwrite=True, settings=RunSettings(size=64, device="cpu", shots=tmp_path / "bad.csv"))
    assert path.read_text() == "mine"
    assert {each.name for each in tmp_path.iterdir()} == {"film.html", "bad.csv"}


def test_what_is_no_film_has_no_page(tmp_path: Path) -> None:
    """Photographs, texts and what is not there."""
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((64, 64), np.uint8))
    (tmp_path / "a.txt").write_text("no film")
    for name, why in (("a.png", "it is a photograph"), ("a.txt", "cannot open"), ("none.mp4", "no such file")):
        with pytest.raises(InputError, match=why):
            write_page(tmp_path / name, tmp_path / "page.html", settings=SMALL, shot=ShotSettings())
    assert not (tmp_path / "page.html").exists()
