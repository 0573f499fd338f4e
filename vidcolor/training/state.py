"""All that a run needs to go on: weights, their moving average, the optimizer, the position."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from vidcolor.checkpoint import load_strictly, read_tensors, save_tensors
from vidcolor.errors import CheckpointError
from vidcolor.network import FusionNet


@dataclass
class Position:
    """Where a run stands: batches done in the current epoch, and the best epoch so far."""

    epoch: int = 0
    step: int = 0
    best_loss: float = float("inf")
    best_epoch: int = -1
    seconds: float = 0.0


class MovingAverage:
    """Exponential moving average of a network: weights are averaged, buffers copied."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        # Early on a long memory would keep the random start alive.
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), 1 - decay)
        for mine, theirs in zip(self.network.buffers(), network.buffers(), strict=True):
            mine.copy_(theirs)


@dataclass
class TrainState:
    """The parts that change during a run."""

    network: FusionNet
    average: MovingAverage
    optimizer: torch.optim.Optimizer
    position: Position

    def save(self, path: Path, settings: str) -> None:
        """Write everything atomically."""
        tensors: dict[str, Tensor] = {}
        for prefix, module in (("network", self.network), ("average", self.average.network)):
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
        if metadata.get("settings") != settings:
            raise CheckpointError(
                f"cannot resume {path.parent}",
                f"it was started with other settings ({differences(metadata.get('settings', '{}'), settings)})",
                "Repeat the settings it was started with, or choose another folder with -o",
            )

        def part(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        load_strictly(self.network, part("network."), str(path))
        load_strictly(self.average.network, part("average."), str(path))
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in part("optimizer.").items():
            number, name = key.split(".", 1)
            state.setdefault(int(number), {})[name] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        self.position = Position(**json.loads(metadata["position"]))


def differences(old: str, new: str) -> str:
    """The settings in which two JSON objects differ, for an error line."""
    before, after = json.loads(old), json.loads(new)
    return ", ".join(
        f"{key}: {before.get(key)} before, {after.get(key)} now"
        for key in sorted(set(before) | set(after))
        if before.get(key) != after.get(key)
    )
