"""A page in a browser: what a person does with it comes out in the files, and a run obeys them."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage.color import rgb2lab

from pages import SIZE, state_of, write_shots
from vidcolor.film.reader import frames, open_video, probe
from vidcolor.film.rgb import frame_to_picture
from vidcolor.pipeline.film import colorize_film
from vidcolor.pipeline.shotlist.reading import read_shots
from vidcolor.pipeline.shotpage.page import write_page
from vidcolor.settings import RunSettings, ShotSettings

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="needs pip install 'vidcolor[browser]'", exc_type=ImportError
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")

SMALL = RunSettings(size=64, device="cpu", precision="fp32")
STRONG = ShotSettings(saturation=2.0)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three shots of 16 frames, and a page of them."""
    path = write_shots(tmp_path_factory.mktemp("film") / "my film.mkv", 3, 16)
    write_page(path, path.with_suffix(".html"), settings=SMALL, shot=STRONG)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium without a window."""
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


@contextmanager
def opened(browser: Any, film: Path, **how: Any) -> Iterator[Any]:
    """The page, opened from the disk; in the end nothing must have been asked for, and no error have been told."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, accept_downloads=True, **how)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    address = (film if film.suffix == ".htm" else film.with_suffix(".html")).as_uri()
    page.on("request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else wrong.append(r.url))
    page.goto(address)
    yield page
    assert wrong == []
    context.close()


def shot(page: Any, number: int) -> Any:
    """The part of the page about a shot."""
    return page.locator(f"#shot-{number}")


def until(page: Any, condition: str) -> None:
    """Wait until an expression holds; the page's policy forbids the browser to evaluate texts by itself."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(condition)


def saved(page: Any, folder: Path, files: int) -> list[Path]:
    """What the browser has put into a folder after Save."""
    found: list[Any] = []
    page.on("download", lambda each: found.append(each))
    page.click("#save")
    until(page, "document.getElementById('saved').open")
    while len(found) < files:
        page.wait_for_event("download", timeout=5000)
    paths = [folder / each.suggested_filename for each in found]
    for path, each in zip(paths, found, strict=True):
        each.save_as(path)
    return sorted(paths)


def colors(locator: Any) -> np.ndarray:
    """What the screen shows of an element."""
    codes = cv2.imdecode(np.frombuffer(locator.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(codes, int)


def test_the_line_parts_grey_from_color(browser: Any, film: Path) -> None:
    """Left of it the film, right of it the colors: by the slider, by its keys, and by dragging the line itself."""
    with opened(browser, film) as page:
        part = shot(page, 1)
        split, picture = part.locator(".split"), part.locator(".picture")
        for value in (20, 80):
            split.fill(str(value))
            shown = colors(picture)
            spread = np.ptp(shown, axis=2).mean(axis=0)
            at = shown.shape[1] * value // 100
            assert spread[: at - 20].max() <= 1
            assert spread[at + 20 :].mean() > 3
        split.focus()
        page.keyboard.press("End")
        assert part.locator(".picture").evaluate("e => e.style.getPropertyValue('--split')") == "100%"
        box = picture.bounding_box()
        split.fill("50")
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 30)
        page.mouse.up()
        assert float(split.input_value()) == pytest.approx(25, abs=1)
        assert part.locator(".dot").count() == 0  # dragging the line is no click into the picture


@pytest.mark.thorough
def test_the_clip_plays(browser: Any, film: Path) -> None:
    """Time goes by, the picture moves, and left of the line it is grey."""
    with opened(browser, film) as page:
        part = shot(page, 2)
        part.locator(".play").click()
        until(page, "document.querySelectorAll('video')[1].currentTime > 0.1")
        part.locator(".play").click()
        assert part.locator("video").evaluate("v => [v.paused, v.error, v.videoWidth]") == [True, None, SIZE[0]]
        shown = colors(part.locator(".picture"))
        spread, middle = np.ptp(shown, axis=2).mean(axis=0), shown.shape[1] // 2
        assert spread[: middle - 20].max() <= 2
        assert spread[middle + 20 :].mean() > 3
        part.locator(".still").click()
        assert part.locator("video").is_hidden()


def test_the_clip_stops_at_the_frame_that_the_page_names(browser: Any, film: Path) -> None:
    """Step by step: the picture of the clip is most like the film's frame of that time."""
    state = state_of(film.with_suffix(".html").read_text())
    with open_video(film) as video:
        lumas = {round(each.seconds, 3): each.luma for each in frames(video)}
    with opened(browser, film) as page:
        part = shot(page, 3)
        part.locator(".split").fill("100")
        part.locator(".play").click()
        part.locator(".play").click()
        for button in (".on", ".on", ".back"):
            part.locator(button).click()
            page.wait_for_timeout(150)
        told = part.locator(".time").inner_text()
        seconds = sum(float(piece) * 60**power for power, piece in enumerate(reversed(told.split(":"))))
        shown = cv2.resize(
            colors(part.locator(".picture")).astype(np.float32)[..., 1], SIZE, interpolation=cv2.INTER_AREA
        )
        times = [round(time, 3) for time in state["shots"][2]["times"]]
        errors = [np.abs((lumas[time] - 16.0) * 255 / 219 - shown)[20:-20, 20:60].mean() for time in times]
        nearest = times[int(np.argmin(errors))]
        assert 0 <= nearest - seconds < 0.001
        assert min(errors) < 6


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


def test_the_browser_grades_as_a_run_does(browser: Any, film: Path) -> None:
    """A picture whose fields are filled in on the page looks as one that was made with these settings."""
    grade = {"saturation": 1.4, "temperature": 50.0, "tint": -20.0, "strength": 0.8}
    copy = write_shots(film.with_name("graded.mkv"), 1, 8)
    write_page(copy, copy.with_suffix(".html"), settings=SMALL, shot=ShotSettings(**grade))  # type: ignore[arg-type]
    write_page(copy, copy.with_suffix(".htm"), settings=SMALL)
    shown = {}
    for path in (copy.with_suffix(".html"), copy.with_suffix(".htm")):
        with opened(browser, path) as page:
            shot(page, 1).locator(".split").fill("0")
            plain = colors(shot(page, 1).locator(".after"))
            if path.suffix == ".htm":
                for name, value in grade.items():
                    shot(page, 1).locator(f"[name={name}]").fill(str(value))
            shown[path.suffix] = colors(shot(page, 1).locator(".after"))[20:-20, 40:]
    change = np.abs(shown[".html"] - plain[20:-20, 40:]).mean()
    assert change > 5
    assert np.abs(shown[".html"] - shown[".htm"]).mean() < 0.35 * change  # both were JPEG between


def test_fields_show_at_once(browser: Any, film: Path) -> None:
    """Without saturation the picture turns grey, with a temperature it turns warmer; shots that are like it follow."""
    with opened(browser, film) as page:
        for number in (1, 2):
            shot(page, number).locator(".split").fill("0")
        shot(page, 2).locator("[name=like]").select_option("1")
        before = colors(shot(page, 2).locator(".after"))
        shot(page, 1).locator("[name=temperature]").fill("60")
        warm = colors(shot(page, 2).locator(".after"))
        assert (warm[..., 2] - warm[..., 0]).mean() > (before[..., 2] - before[..., 0]).mean() + 10
        assert shot(page, 2).locator("[name=temperature]").get_attribute("placeholder") == "60"
        shot(page, 1).locator("[name=saturation]").fill("0")
        shot(page, 1).locator("[name=temperature]").fill("")
        assert np.ptp(colors(shot(page, 1).locator(".after")), axis=2)[10:-10, 20:-20].max() <= 2


def test_everything_has_a_name(browser: Any, film: Path) -> None:
    """Pictures have alternatives; all that takes input has a label; light and dark have colors of their own."""
    grounds = []
    for scheme in ("light", "dark"):
        with opened(browser, film, color_scheme=scheme) as page:
            assert page.evaluate("[...document.images].every(image => image.alt)")
            unnamed = page.evaluate(
                "[...document.querySelectorAll('input, select, button')]"
                ".filter(e => !e.labels?.length && !e.ariaLabel && !e.textContent.trim()).length"
            )
            assert unnamed == 0
            grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] != grounds[1]


def test_a_phone_shows_all_of_it(browser: Any, film: Path) -> None:
    """Nothing is wider than the screen."""
    with opened(browser, film) as page:
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
