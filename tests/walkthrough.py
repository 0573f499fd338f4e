"""The how-tos of docs/ as steps that can be taken: their commands, and the files that they tell the reader to write.

    python tests/walkthrough.py [WORD ...]

makes the pictures of the how-tos, or of those whose names hold a word, from samples/, by their own commands.
"""

from __future__ import annotations

import csv
import io
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from shutil import which
from typing import Any

import cv2

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("how-to-*.md"))
LIST, HINTS = "reel.shots.csv", "reel.hints.csv"
_BLOCK = re.compile(r"^```(console|csv)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """One thing that a page tells the reader to do: a command, or cells of a table to be written."""

    command: tuple[str, ...] = ()
    table: str = ""

    def write(self, folder: Path) -> None:
        """Write the cells into the list of shots, row by row, or the hints as they are."""
        if not self.table.startswith("shot,"):
            (folder / HINTS).write_text(self.table, encoding="utf-8")
            return
        with open(folder / LIST, encoding="utf-8", newline="") as file:
            rows = {row["shot"]: row for row in csv.DictReader(file)}
        for cells in csv.DictReader(io.StringIO(self.table)):
            rows[cells["shot"]].update({name: cell for name, cell in cells.items() if cell})
        with open(folder / LIST, "w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, next(iter(rows.values())))
            table.writeheader()
            table.writerows(rows.values())


def steps(page: Path) -> Iterator[Step]:
    """Yield what a page tells the reader to do, from its beginning to its end."""
    for kind, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "csv":
            yield Step(table=text)
            continue
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            if words:
                assert words[0] == "vidcolor", f"{page.name}: {line}"
                yield Step(command=tuple(words[1:]))


def pictures(page: Path) -> list[Path]:
    """Return the pictures that a page shows."""
    return [page.parent / name for name in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))]


def _photograph(page: Path, picture: Path, *, has_dot: bool) -> None:
    """Show a page of shots in a Chromium without a window, and keep what it shows of shot 2."""
    api: Any = import_module("playwright.sync_api")  # in the extra of tests of the page
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page(viewport={"width": 1100, "height": 740})
        opened.goto(page.as_uri())
        shot = opened.locator("#shot-2")
        if has_dot:
            opened.locator("#ink").fill("#c8642d")
            box = shot.locator(".picture").bounding_box()
            at = {"x": box["width"] * 200 / 640, "y": box["height"] * 420 / 480}
            shot.locator(".picture").click(position=at)
        opened.evaluate("document.getElementById('shot-2').scrollIntoView()")
        opened.evaluate("window.scrollBy(0, -90)")
        opened.screenshot(path=picture, type="jpeg", quality=85)
        browser.close()


def main() -> None:
    """Take the steps that make pictures, and those that they need."""
    made = ROOT / "docs" / "how-to"
    for page in PAGES:
        wanted = {path.name for path in pictures(page)}
        if not any(word in page.stem for word in sys.argv[1:] or [""]):
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for file in ("reel.mp4", "cup.jpg"):
                (folder / file).write_bytes((ROOT / "samples" / file).read_bytes())
            for step in steps(page):
                if step.table:
                    step.write(folder)
                elif {"scan/reel_%06d.dpx", "--page", *wanted} & {*step.command} or step.command[0] == "shots":
                    subprocess.run([sys.executable, "-m", "vidcolor", *step.command], cwd=folder, check=True)
            for picture in sorted(wanted):
                if (folder / picture).exists():
                    (made / picture).write_bytes((folder / picture).read_bytes())
                else:
                    _photograph(folder / "reel.html", made / picture, has_dot="dress" in picture)
                print(made / picture, cv2.imread(str(made / picture)).shape)


if __name__ == "__main__":
    main()
