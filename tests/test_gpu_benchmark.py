"""What is prepared for people with a GPU: without one it runs as far as it can, and says what it left out and why."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vidcolor.network.checkpoint import Model
from vidcolor.network.config import NetworkConfig
from vidcolor.network.heads import Prediction
from vidcolor.network.predictor import Predictor

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
pytestmark = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="benchmarks are not part of a source distribution")
Load = Callable[[str], ModuleType]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Modules of the benchmarks, which stand in no package."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


class Lightness(nn.Module):
    """Gives L* as a and b, and other colors where it takes an odd number of pictures at once."""

    stride = 8

    def __init__(self) -> None:
        super().__init__()
        self.takes = 100

    def __deepcopy__(self, memo: object) -> Lightness:
        return self  # so that the test can tell what the predictor's copy takes

    def forward(self, lightness: Tensor) -> Prediction:
        if len(lightness) > self.takes:
            raise torch.OutOfMemoryError("no memory")
        return Prediction(torch.cat([lightness, -lightness], dim=1) + 3 * (self.takes % 2))


def model_of(network: nn.Module) -> Model:
    return Model("m", network, NetworkConfig(), "")  # type: ignore[arg-type]  # any module that colors


@pytest.mark.parametrize(
    ("takes", "passes", "told"),
    [
        (4, True, "batches of 16 frames did not fit into the device's memory: took 4 | 0.000"),
        (16, False, "nothing: no batch was halved | 0.000"),
        (5, False, "took 4 | 3.000"),  # this one gives other colors
    ],
)
def test_the_check_of_a_full_memory(
    load: Load, capsys: pytest.CaptureFixture[str], takes: int, passes: bool, told: str
) -> None:
    """It passes where batches were halved and colors are the same; not where none was, nor where colors differ."""
    network = Lightness()
    predictor = Predictor(model_of(network), torch.device("cpu"), torch.float32)

    @contextmanager
    def full() -> Iterator[int]:
        network.takes = takes
        yield 7 << 20

    planes = list(np.random.default_rng(0).random((16, 8, 16), np.float32))
    assert load("card").tried_full(predictor, planes, full()) == passes
    assert told in capsys.readouterr().out


def test_the_network_alone_is_measured_without_a_gpu(
    load: Load, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row for each batch; what needs a GPU is named below the table."""
    card = load("card")
    monkeypatch.setattr(card, "load_model", lambda: model_of(Lightness()))
    options = argparse.Namespace(device="cpu", size=32, batches=[1, 2], precisions=["fp32"], compiled=0, seconds=0.001)
    assert card.network_speeds(options) == 4
    out = capsys.readouterr().out
    rows = [line.split("|") for line in out.splitlines() if line.startswith("| fp32")]
    assert [row[2].strip() for row in rows] == ["1", "2"]
    assert all(int(row[3]) > 0 and int(row[4]) > 0 and row[5] == row[6] == " - " for row in rows)
    assert "Not measured: CUDA graph (the device is not a CUDA device)." in out


def test_parts_are_skipped_with_their_reasons(
    load: Load, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is missing, what fails and what takes too long is named; nothing of it counts as measured."""
    gpu = load("gpu")
    monkeypatch.setitem(gpu.LACKS, "a moon", lambda: "no moon: it is day")
    wanted = [
        gpu.Part("Fine", ("-c", "print('| 1 |')")),
        gpu.Part("Missing", ("-c", "print('| 2 |')"), ("a moon",)),
        gpu.Part("Broken", ("-c", "import sys; sys.exit('the card fell out')")),
        gpu.Part("Slow", ("-c", "import time; time.sleep(60)")),
        gpu.Part("Late", ("-c", "print('| 3 |')")),
    ]
    assert gpu.measured(wanted, 0.03) == (1, 2)
    out = capfd.readouterr().out
    assert "| 1 |" in out
    assert "| 2 |\n" not in out
    assert "Skipped: no moon: it is day." in out
    assert "Failed: exit code 1: the card fell out." in out
    assert "Failed: stopped after" in out
    assert "Skipped: the 0.03 minutes were over." in out


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_without_a_gpu_nothing_is_measured_and_that_is_an_error(tmp_path: Path) -> None:
    """One command: every part is named with what it lacks."""
    script = BENCHMARKS / "gpu.sh"
    how = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(["bash", str(script), str(tmp_path)], capture_output=True, text=True, env=how)
    assert done.returncode == 1
    assert done.stdout.count("Skipped: no CUDA device: ") == 6
    assert "0 of 6 parts measured, 0 failed, 6 skipped." in done.stdout
