"""The pictures and clips of a page in a browser: shown as a run would make them, and for everybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from browsing import SMALL, colors, opened, shot, until, write_paged
from pages import SIZE, state_of, write_shots
from vidcolor.film.reader import frames, open_video
from vidcolor.pipeline.shotpage.page import write_page
from vidcolor.settings import ShotSettings


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_paged(tmp_path_factory.mktemp("film") / "my film.mkv")


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
            page.wait_for_timeout(500)  # the browser seeks, and then paints
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
