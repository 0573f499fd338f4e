"""Small training runs, for the tests of them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from vidcolor.network.config import NetworkConfig
from vidcolor.settings import TrainSettings
from vidcolor.training.result import TrainResult
from vidcolor.training.train import train

Folder = Callable[..., Path]

NETWORK = NetworkConfig(encoder="test_resnet", encoder_options={}, embedding=8, fusion=16, decoder=(16, 8), size=32)
PAPER = NetworkConfig(
    architecture="koalarization", encoder="", extractor="test_resnet", decoder=(8, 8, 8), fusion=8, size=32
)
# The strength of colors, which takes half of a small run's time, is learned in the tests that look at it.
CONFIG = TrainSettings(
    epochs=2,
    batch_size=4,
    sizes=(32,),
    warmup_steps=2,
    ema=0.9,
    val_share=0.2,
    workers=0,
    precision="fp32",
    seed=3,
    colorfulness=0.0,
)


class Killed(BaseException):
    """Stands for a process that dies: nothing gets a chance to save."""


def run(data: Path, out: Path, *, config: TrainSettings = CONFIG, **options: Any) -> TrainResult:
    return train([data], out, settings=config, network=options.pop("network", NETWORK), **options)


def weights(out: Path, name: str = "state.safetensors") -> dict[str, torch.Tensor]:
    return load_file(out / name)


def lines(out: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / name).read_text().splitlines()]


def stop_at(step: int, how: Callable[[], None]) -> Callable[[dict[str, float]], None]:
    """A progress callback that does something once a step is over."""

    def progress(values: dict[str, float]) -> None:
        if values["step"] == step:
            how()

    return progress


def kill() -> None:
    raise Killed


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)
