"""A page of shots as a person has it: opened, looked at, saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pages import write_shots
from vidcolor.pipeline.shotpage.page import write_page
from vidcolor.settings import RunSettings, ShotSettings

SMALL = RunSettings(size=64, device="cpu", precision="fp32")
STRONG = ShotSettings(saturation=2.0)


def write_paged(path: Path) -> Path:
    """Write a film of three shots of 16 frames, and a page of it beside it."""
    write_shots(path, 3, 16)
    write_page(path, path.with_suffix(".html"), settings=SMALL, shot=STRONG)
    return path


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
