"""A page in a browser: what a person does with it comes out in the files, and a run obeys them."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage.color import rgb2lab

from browsing import STRONG, opened, saved, shot, until, write_paged
from pages import SIZE, state_of
from vidcolor.film.reader import frames, open_video, probe
from vidcolor.film.rgb import frame_to_picture
from vidcolor.pipeline.film import colorize_film
from vidcolor.pipeline.shotlist.reading import read_shots
from vidcolor.pipeline.shotpage.page import write_page
from vidcolor.settings import RunSettings


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_paged(tmp_path_factory.mktemp("film") / "my film.mkv")


def test_a_click_becomes_the_right_row(browser: Any, film: Path, tmp_path: Path) -> None:
    """A color is picked, a place clicked: the table names that frame, that place, that color; dots move and go."""
    state = state_of(film.with_suffix(".html").read_text())
    with opened(browser, film) as page:
        page.locator("#ink").fill("#2040a0")
        page.locator("#radius").fill("5")
        picture = shot(page, 2).locator(".picture")
        box = picture.bounding_box()
        scale = box["width"] / SIZE[0]
        for x, y in ((40, 30), (120, 90), (60, 100)):
            picture.click(position={"x": x * scale, "y": y * scale})
        dots = shot(page, 2).locator(".dot")
        assert dots.count() == 3
        dots.nth(2).focus()
        page.keyboard.press("Delete")
        box = dots.nth(0).bounding_box()
        page.mouse.move(box["x"] + 9, box["y"] + 9)
        page.mouse.down()
        page.mouse.move(box["x"] + 9 + 10 * scale, box["y"] + 9 + 5 * scale, steps=3)
        page.mouse.up()
        dots.nth(1).focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Shift+ArrowUp")
        shot(page, 2).locator("ul.hints input[type=color]").nth(1).fill("#808080")
        listed, hints = sorted(saved(page, tmp_path, 2), key=lambda path: path.name == "my film.hints.csv")
        command = page.locator("#command").inner_text()
        assert command.startswith("vidcolor colorize 'my film.mkv' --shots 'my film.shots.csv'")
        assert "--hints 'my film.hints.csv'" in command
    assert listed.name == "my film.shots.csv"
    lines = hints.read_text().splitlines()
    assert lines[0] == "time,x,y,color,radius"
    first, second = csv.DictReader(lines)
    assert (first["color"], first["radius"], second["color"]) == ("#2040a0", "5", "#808080")
    assert float(first["x"]) == pytest.approx(50, abs=1)
    assert float(first["y"]) == pytest.approx(35, abs=1)
    assert float(second["x"]) == pytest.approx(119, abs=0.5)
    assert float(second["y"]) == pytest.approx(80, abs=0.5)
    seconds = sum(float(piece) * 60**power for power, piece in enumerate(reversed(first["time"].split(":"))))
    assert 0 <= state["shots"][1]["time"] - seconds < 0.001


def test_hints_are_given_by_keys_alone(browser: Any, film: Path) -> None:
    """Enter shows the cross, arrow keys move it, Enter gives the hint."""
    with opened(browser, film) as page:
        picture = shot(page, 1).locator(".picture")
        picture.focus()
        for key in ("Enter", "ArrowRight", "ArrowDown", "Enter"):
            page.keyboard.press(key)
        label = shot(page, 1).locator(".dot").get_attribute("aria-label")
        assert label == f"Hint 1 of shot 1: #7a5230 at {SIZE[0] // 2 + 5}, {SIZE[1] // 2 + 5}"


def test_what_is_saved_is_obeyed(browser: Any, film: Path, tmp_path: Path) -> None:
    """Rows are edited as a person does it; a run with the saved list does what they say, shot by shot."""
    with opened(browser, film) as page:
        shot(page, 2).locator("[name=mode]").select_option("grey")
        shot(page, 3).locator("[name=saturation]").fill("0.5")
        shot(page, 3).locator("[name=note]").fill('paler, "much"')
        (path,) = saved(page, tmp_path, 1)
    found = read_shots(path, probe(film))
    assert [dict(each.changes) for each in found.shots] == [{}, {"mode": "grey"}, {"saturation": 0.5}]
    assert found.shots[2].note == 'paler, "much"'
    spreads = []
    for name, shots in (("edited", path), ("plain", "")):
        made = tmp_path / f"{name}.mkv"
        settings = RunSettings(size=64, device="cpu", precision="fp32", codec="ffv1", shots=shots)
        colorize_film(film, made, settings=settings, shot=STRONG if not shots else None)
        with open_video(made) as video:
            planes = [each.chroma for each in frames(video, chroma=True)]
        chroma = [np.abs(pair[0].astype(int) - 128).mean() for pair in planes if pair]
        spreads.append([np.mean(chroma[16 * n : 16 * n + 16]) for n in range(3)])
    edited, plain = spreads
    assert edited[1] == 0
    assert edited[0] > 1
    assert 0 < edited[2] < 0.5 * plain[2]


def test_what_cannot_be_is_not_saved(browser: Any, film: Path, tmp_path: Path) -> None:
    """The ranges of the settings, and shots that are like each other: named, and nothing is downloaded."""
    with opened(browser, film) as page:
        for name, value, why in (("saturation", "9", "saturation: it is above 5"), ("strength", "-1", "it is below 0")):
            shot(page, 1).locator(f"[name={name}]").fill(value)
            page.click("#save")
            assert why in shot(page, 1).locator(".problem").inner_text()
            assert page.evaluate("document.activeElement.name") == "saturation"
        assert not page.evaluate("document.getElementById('saved').open")
        for name in ("saturation", "strength"):
            shot(page, 1).locator(f"[name={name}]").fill("1")
        shot(page, 1).locator("[name=like]").select_option("2")
        shot(page, 2).locator("[name=like]").select_option("1")
        assert "in a circle" in shot(page, 2).locator(".problem").inner_text()
        shot(page, 2).locator("[name=like]").select_option("")
        (path,) = saved(page, tmp_path, 1)
    assert read_shots(path, probe(film)).shots[0].like == 2


def test_references_are_named(browser: Any, film: Path, tmp_path: Path) -> None:
    """Pictures that are chosen come into the row by their names; one of a frame with its time."""
    for name in ("dress.png", "painted.png", "a;b.png"):
        cv2.imwrite(str(tmp_path / name), np.full((8, 8, 3), 90, np.uint8))
    with opened(browser, film) as page:
        part = shot(page, 1)
        part.locator("input[type=file]").set_input_files(str(tmp_path / "dress.png"))
        part.locator(".of-frame input").check()
        part.locator("input[type=file]").set_input_files(str(tmp_path / "painted.png"))
        part.locator("input[type=file]").set_input_files(str(tmp_path / "a;b.png"))
        assert "a name with ; in it" in part.locator(".problem").inner_text()
        assert part.locator(".thumbs img").count() == 2
        (path,) = saved(page, tmp_path, 1)
    time = state_of(film.with_suffix(".html").read_text())["shots"][0]["time"]
    first, second = read_shots(path, probe(film)).shots[0].references
    assert first == "dress.png"
    assert second == f"00:00:00.{int(time * 1000):03}=painted.png"


@pytest.mark.thorough
def test_hints_are_obeyed(browser: Any, film: Path, tmp_path: Path) -> None:
    """What a click says comes out in its frame and place: the color of the saved hint, under the film's own luma."""
    with opened(browser, film) as page:
        page.locator("#ink").fill("#5070a0")
        picture = shot(page, 1).locator(".picture")
        scale = picture.bounding_box()["width"] / SIZE[0]
        picture.click(position={"x": 100 * scale, "y": 60 * scale})
        paths = saved(page, tmp_path, 2)
        shown = state_of(film.with_suffix(".html").read_text())["shots"][0]["time"]
    hints = next(path for path in paths if path.name.endswith(".hints.csv"))
    settings = RunSettings(size=64, device="cpu", precision="fp32", codec="ffv1", hints=(str(hints),))
    colorize_film(film, tmp_path / "told.mkv", settings=settings)
    with open_video(tmp_path / "told.mkv") as video:
        (told,) = (frame for frame in frames(video, chroma=True) if abs(frame.seconds - shown) < 1e-3)
        rgb = frame_to_picture(told, video.info, max(SIZE))[60, 100]
    wish = np.array([0x50, 0x70, 0xA0])
    found, wanted = (rgb2lab(color[None, None] / 255)[0, 0, 1:] for color in (rgb, wish))
    assert np.abs(found - wanted).max() < 6


def test_hints_of_before_are_shown_and_kept(browser: Any, film: Path, tmp_path: Path) -> None:
    """With --hints: in their pictures, to be changed and saved again, with the options that the page was made with."""
    path = tmp_path / "mine.csv"
    time = state_of(film.with_suffix(".html").read_text())["shots"][1]["time"]
    path.write_text(f"time,x,y,color,radius\n00:00:00:03,20.5,30,navy,\n0:{time:.3f},80,60,#802020,12\n")
    settings = RunSettings(size=64, device="cpu", precision="fp32", hints=(str(path),))
    copy = film.with_name("told.mkv")
    shutil.copy(film, copy)
    write_page(copy, copy.with_suffix(".html"), settings=settings)
    with opened(browser, copy) as page:
        assert shot(page, 2).locator(".dot").get_attribute("aria-label") == "Hint 1 of shot 2: #802020 at 80, 60"
        assert shot(page, 1).locator(".dot").count() == 0  # of another frame than the picture
        shot(page, 1).locator("ul.hints .where").click()
        until(page, "document.querySelector('#shot-1 .dot') !== null")
        assert shot(page, 1).locator(".time").inner_text() == "00:00:00.125"
        shot(page, 2).locator("ul.hints input[type=color]").fill("#208020")
        paths = saved(page, tmp_path, 2)
        command = page.locator("#command").inner_text()
    assert command.endswith("--hints mine.csv --size 64 --device cpu --precision fp32")
    assert [each.name for each in paths] == ["mine.csv", "told.shots.csv"]
    first, second = csv.DictReader(paths[0].read_text().splitlines())
    assert first == {"time": "00:00:00.125", "x": "20.5", "y": "30", "color": "#000080", "radius": ""}
    assert (second["color"], second["radius"]) == ("#208020", "12")
