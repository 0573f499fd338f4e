"""Two processes compute what one does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import vidcolor
from children import Child, Ended
from vidcolor.data.degrade import PartGenerator, blank_frames, maybe_old_film, neutral_borders
from vidcolor.errors import DataError
from vidcolor.settings import TrainSettings
from vidcolor.training.processes import Processes

OPTIONS = [
    "--encoder", "test_resnet", "--decoder", "16,8", "--epochs", "2", "--batch-size", "4", "--sizes", "32",
    "--precision", "fp32", "--device", "cpu", "--workers", "0", "--colorfulness", "0",
]  # fmt: skip


def test_parts_of_a_batch_are_aged_as_the_whole() -> None:
    """Blanks, borders and film damage of each part are those that one process gives the same pictures."""
    rgb = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    def aged(pictures: torch.Tensor, rank: int, ranks: int) -> torch.Tensor:
        generator = PartGenerator.of(rank, ranks, seed=11)
        framed = neutral_borders(blank_frames(pictures, 0.3, generator), 0.5, generator)
        return maybe_old_film(framed, 0.7, generator)

    whole = aged(rgb, 0, 1)
    for rank in (0, 1):
        torch.testing.assert_close(aged(rgb[rank::2], rank, 2), whole[rank::2])


def launch(data: Path, out: str, cwd: Path, *launcher: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        *launcher,
        "-m",
        "vidcolor",
        "train",
        str(data),
        "-o",
        out,
        *OPTIONS,
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=cwd, env=environment)


def ended(run: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    try:
        said, told = run.communicate(timeout=180)
    finally:
        run.kill()
    return subprocess.CompletedProcess(run.args, run.returncode, said, told)


def free_port() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


def train(data: Path, out: str, cwd: Path, processes: int = 1) -> list[Ended]:
    """Train in processes that are told of each other as torchrun tells them."""
    told = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    ranks = [{**told, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]
    runs = [Child("train", data, "-o", out, *OPTIONS, cwd=cwd, environment=rank) for rank in ranks]
    return [run.ended() for run in runs]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_two_processes_train_as_one(photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    """Half of each batch in each of two processes: the loss curve and the weights of one, written once.

    Sums are added in another order, so the curves agree to rounding: 1e-3 after eight steps.
    """
    data = photo_folder(count=17)
    (one,), (first, second) = train(data, "one", tmp_path), train(data, "two", tmp_path, 2)
    assert one.code == 0, one.err
    assert first.code == second.code == 0, first.err + second.err
    curves = [[s["loss"] for s in lines(tmp_path / out / "steps.jsonl")] for out in ("one", "two")]
    assert len(curves[0]) == 8
    assert curves[1] == pytest.approx(curves[0], rel=1e-3)
    scores = [[e["loss"] for e in lines(tmp_path / out / "metrics.jsonl")] for out in ("one", "two")]
    assert scores[1] == pytest.approx(scores[0], rel=1e-3)
    assert first.out.splitlines() == [b"two/model.safetensors"]
    assert not second.out
    single, double = (load_file(tmp_path / out / "state.safetensors") for out in ("one", "two"))
    running = [key for key in single if key.startswith("network.") and key.endswith("running_mean")]
    for key in running:  # batch norms saw the whole batch
        torch.testing.assert_close(double[key], single[key], rtol=1e-2, atol=1e-3)


@pytest.mark.thorough
def test_two_machines_train_as_one(photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    """Two launchers that meet at an address, as on two machines: the loss curve of one process, written by one."""
    data = photo_folder(count=17)
    (one,) = train(data, "one", tmp_path)
    assert one.code == 0, one.err
    address = ["--nnodes", "2", "--nproc-per-node", "1", "--master-addr", "127.0.0.1", "--master-port", free_port()]
    runs = [launch(data, "two", tmp_path, *address, "--node-rank", str(rank)) for rank in (0, 1)]
    first, second = (ended(run) for run in runs)
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    curves = [[s["loss"] for s in lines(tmp_path / out / "steps.jsonl")] for out in ("one", "two")]
    assert curves[1] == pytest.approx(curves[0], rel=1e-3)
    assert first.stdout.splitlines() == ["two/model.safetensors"]
    assert not second.stdout


def test_a_batch_must_divide(
    photo_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three processes cannot share a batch of four, and say so."""

    @contextmanager
    def three(device: torch.device) -> Iterator[Processes]:
        yield Processes(0, 3, device)

    monkeypatch.setattr("vidcolor.training.train.joined", three)
    with pytest.raises(DataError, match="cannot share a batch of 4: there are 3 processes"):
        vidcolor.train([photo_folder(count=12)], tmp_path / "run", settings=TrainSettings(batch_size=4))
