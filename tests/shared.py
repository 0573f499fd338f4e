"""What several tests share: the footage folder, and small things to test with."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from shutil import which
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from networks import let_color
from reels import LONGEST, SHORTEST
from scenes import two_shots, untrained, write_film
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import bundled_models
from vidcolor.network.config import NetworkConfig
from vidcolor.network.inference import fold_batch_norms
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline import shot_colors
from vidcolor.pipeline.segments import cutting
from vidcolor.settings import RunSettings


@pytest.fixture(scope="session")
def footage() -> Path:
    """The folder of real footage, with archive/, colour/ and tricky/ in it."""
    folder = os.environ.get("VIDCOLOR_FOOTAGE")
    if not folder:
        pytest.skip("needs real footage: set VIDCOLOR_FOOTAGE to its folder")
    return Path(folder)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    """A network that takes hints and hardly has colors of its own."""
    return untrained()


@pytest.fixture(scope="module")
def truth() -> list[np.ndarray]:
    """The pictures of a film of two shots, as scenes.py makes it."""
    return two_shots()


@pytest.fixture(scope="module")
def film(truth: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That film, whose true colors are known."""
    return write_film(tmp_path_factory.mktemp("guided") / "film.mkv", truth)


def colored_picture(seed: int, width: int = 64, height: int = 48) -> NDArray[np.uint8]:
    """Smooth blobs of color, ``(H, W, 3)`` sRGB; another picture for every seed."""
    coarse = np.random.default_rng(seed).random((5, 6, 3))
    fine: NDArray[np.float64] = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(fine * 255, 0, 255).astype(np.uint8)


@pytest.fixture
def picture() -> Callable[..., NDArray[np.uint8]]:
    """Makes colored pictures: picture(seed, width, height)."""
    return colored_picture


@pytest.fixture
def photo_folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes folders of losslessly stored photos: photo_folder(name, count)."""

    def make(name: str = "photos", count: int = 8, first: int = 0) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        for seed in range(first, first + count):
            cv2.imwrite(str(folder / f"{seed:03}.png"), colored_picture(seed)[..., ::-1])
        return folder

    return make


@pytest.fixture
def photo_shard(tmp_path: Path, photo_folder: Callable[..., Path]) -> Callable[..., Path]:
    """Makes tar shards in the naming of WebDataset: photo_shard(name, count)."""

    def make(name: str = "train-000.tar", count: int = 8) -> Path:
        folder = photo_folder(f"in-{name}", count)
        with tarfile.open(tmp_path / name, "w") as shard:
            for path in sorted(folder.iterdir()):
                shard.add(path, f"source/{path.name}")
        return tmp_path / name

    return make


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A Chromium without a window."""
    why = "needs pip install 'vidcolor[browser]'"
    api = pytest.importorskip("playwright.sync_api", reason=why, exc_type=ImportError)
    program = which("chromium") or which("chromium-browser") or which("google-chrome")
    if not program:
        pytest.skip("there is no Chromium here")
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


@pytest.fixture
def one_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planes go through a network on a CPU in whole batches, as if there were one core."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)


@pytest.fixture
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Films of few frames have several segments."""
    monkeypatch.setattr(cutting, "SHORTEST", SHORTEST)
    monkeypatch.setattr(cutting, "LONGEST", LONGEST)


_PREPARED: dict[tuple[object, ...], Predictor] = {}


@pytest.fixture(autouse=True)
def prepared_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks are loaded and folded once for all tests of a process: half of a small film's time is theirs.

    Not for tests marked ``prepares``, which look at how networks are prepared.
    """
    if request.node.get_closest_marker("prepares"):
        return
    load = Predictor.load

    def shared(settings: RunSettings) -> Predictor:
        file = bundled_models().get(str(settings.model)) or Path(settings.model)
        if not file.is_file():
            return load(settings)
        key = (str(settings.model), file.stat().st_mtime_ns, settings.device, settings.precision)
        if key not in _PREPARED:
            _PREPARED[key] = load(settings)
        first = _PREPARED[key]
        again = Predictor(first.model, first.device, first.precision)  # with a memory of its own
        again.network = first.network
        return again

    monkeypatch.setattr(Predictor, "load", shared)


@cache
def _tiny() -> nn.Module:
    config = NetworkConfig(
        encoder="mobilenetv2_050",
        encoder_options={},
        embedding=8,
        fusion=16,
        decoder=(16, 8),
        hints=8,
        strength=4,
        size=32,
    )
    torch.manual_seed(0)
    network = build_network(config).eval()
    let_color(network, 4)
    return fold_batch_norms(network, torch.zeros(1, 1, 32, 32))


@pytest.fixture
def tiny_network(request: pytest.FixtureRequest, prepared_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bundled networks are replaced by one of no sense, in a tenth of the time: for tests of what is done around them.

    Not for tests marked ``whole_network``. Nothing is told of negatives, which the encoder of a real one is asked for.
    """
    if request.node.get_closest_marker("whole_network"):
        return
    load = Predictor.load

    def small(settings: RunSettings) -> Predictor:
        found = load(settings)
        if str(settings.model) in bundled_models():
            found.network = _tiny()
        return found

    monkeypatch.setattr(Predictor, "load", small)
    monkeypatch.setattr(shot_colors, "tells_negatives", lambda predictor: False)
