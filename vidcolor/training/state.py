"""All that a run needs to go on: weights, their moving average, the optimizer, and how far it is."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vidcolor.errors import CheckpointError
from vidcolor.network.build import Network
from vidcolor.network.checkpoint import load_strictly, read_tensors, save_tensors
from vidcolor.network.config import NetworkConfig
from vidcolor.settings import TrainSettings

# Settings that may change between two parts of a run; a finished run is calibrated anew.
FREE = ("workers", "save_minutes", "patience", "colorfulness", "calibration")


@dataclass
class Position:
    """How far a run is.

    Attributes:
        epoch: Epochs done; step: batches done in the current one.
        loss_sum: Of these batches.
        best_loss, best_epoch: The lowest validation loss so far, and its epoch.
        best_train_loss: The mean training loss of that epoch.
        seconds: Spent on training.
        broken: Photos that did not decode.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    best_loss: float = float("inf")
    best_epoch: int = -1
    best_train_loss: float = 0.0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)


class MovingAverage:
    """Exponential moving average of a network (buffers are copied); with decay 0 the network itself."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False) if decay else network

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take the network's weights after a step, counted from 0."""
        if not self.decay:
            return
        # Early on a long memory would keep the random start alive.
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), 1 - decay)
        for numbers in (True, False):  # each kind at once: a GPU would wait longer for the calls than for the copies
            mine, theirs = (
                [b for b in each.buffers() if b.is_floating_point() == numbers] for each in (self.network, network)
            )
            if mine:
                torch._foreach_copy_(mine, theirs)


def make_optimizer(network: Network, config: TrainSettings, pretrained: bool) -> torch.optim.Optimizer:
    """Return the optimizer that a configuration names; layers that start pretrained learn slower."""
    inherited = {p for part in network.pretrained_parts() for p in part.parameters()} if pretrained else set()
    trainable = [p for p in network.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trainable if p not in inherited], "share": 1.0},
        {"params": [p for p in trainable if p in inherited], "share": config.encoder_lr},
    ]
    make = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    # In one kernel on a GPU, where a step of many small ones takes longer to start than to compute.
    fused = True if trainable[0].is_cuda else None
    return make([g for g in groups if g["params"]], lr=config.lr, weight_decay=config.weight_decay, fused=fused)


@dataclass
class TrainState:
    """The parts that change during a run."""

    network: Network
    average: MovingAverage
    optimizer: torch.optim.Optimizer
    position: Position

    def _modules(self) -> list[tuple[str, nn.Module]]:
        averaged = self.average.network is not self.network
        return [("network", self.network), *([("average", self.average.network)] if averaged else [])]

    def save(self, path: Path, settings: str) -> None:
        """Write everything atomically."""
        tensors: dict[str, Tensor] = {}
        for prefix, module in self._modules():
            tensors |= {f"{prefix}.{k}": v for k, v in module.state_dict().items()}
        for number, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{k}": v for k, v in values.items()}
        save_tensors(path, tensors, {"position": json.dumps(asdict(self.position)), "settings": settings})

    def load(self, path: Path, settings: str) -> None:
        """Go on from a saved state.

        Raises:
            CheckpointError: the state belongs to a run with other settings.
        """
        tensors, metadata = read_tensors(path)
        changed = differences(metadata.get("settings", "{}"), settings)
        if changed:
            raise CheckpointError(
                f"cannot resume {path.parent}",
                f"it was started with other settings ({changed})",
                "Repeat the settings it was started with, or choose another folder with -o",
            )

        def part(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        for prefix, module in self._modules():
            load_strictly(module, part(f"{prefix}."), str(path))
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in part("optimizer.").items():
            number, name = key.split(".", 1)
            state.setdefault(int(number), {})[name] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        self.position = Position(**json.loads(metadata["position"]))


def differences(old: str, new: str) -> str:
    """Return the settings in which two JSON objects differ, for an error line; empty if they say the same.

    What an older version did not know yet counts as its default; what does not change the result is passed over.
    """
    before, after = _all_settings(old), _all_settings(new)
    return ", ".join(
        f"{key}: {before.get(key)} before, {after.get(key)} now"
        for key in sorted(set(before) | set(after))
        if before.get(key) != after.get(key)
    )


def _all_settings(text: str) -> dict[str, Any]:
    defaults = json.loads(json.dumps(asdict(TrainSettings())))  # tuples become lists, as in the file
    settings = {**defaults, **json.loads(text)}
    network = json.loads(NetworkConfig.from_json(settings.pop("network", "{}")).to_json())
    settings |= {f"network {key}": value for key, value in network.items()}
    return {key: value for key, value in settings.items() if key not in FREE and value != ""}
