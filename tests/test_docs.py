"""The code in the documentation runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

DOCS = Path(__file__).parent.parent / "docs"


def write_film(path: Path) -> None:
    """Half a second of a drifting pattern."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = 96, 72, "yuv420p"
        y, x = np.mgrid[:72, :96]
        for number in range(12):
            grey = np.rint(128 + 90 * np.sin((x + number) / 9) * np.cos(y / 7)).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")))
        container.mux(stream.encode(None))


@pytest.mark.usefixtures("tiny_network")
def test_the_python_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block, in the order of the page, in a folder with a film and a photograph."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "python.md").read_text(), re.DOTALL)
    assert len(blocks) >= 7
    write_film(tmp_path / "film.mkv")
    colors = np.random.default_rng(0).random((4, 5, 3))
    cv2.imwrite(str(tmp_path / "photo.png"), np.rint(cv2.resize(colors, (80, 64)) * 255).astype(np.uint8))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {"film.mkv", "photo.png", "film.color.mkv", "photo.color.png", "short.mp4", "again.mkv"}


def test_the_pages_name_modules_that_exist() -> None:
    """Who follows a path in the text finds the file, in the repository or in the package."""
    root = DOCS.parent
    for page in (*DOCS.glob("*.md"), root / "README.md", root / "CONTRIBUTING.md"):
        for name in re.findall(r"\b(?:[a-z_0-9]+/)+[a-z_0-9]+\.py\b", page.read_text()):
            places = (root, root / "vidcolor", page.parent)
            assert any((place / name).exists() for place in places), f"{page.name}: {name}"
