"""What a run tells of itself, in its folder: numbers as JSON lines, loss curves and sample pictures.

Only the first of several processes keeps one. TensorBoard gets the same numbers when it is installed.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor, nn

from vidcolor.color.arrays import RgbImage
from vidcolor.color.truth import Truth
from vidcolor.errors import writing
from vidcolor.files import replaced
from vidcolor.report.curves import draw_curves
from vidcolor.report.sheet import joined
from vidcolor.training.validation import ValidationScores, predict

METRICS = "metrics.jsonl"  # a line an epoch
STEPS = "steps.jsonl"  # a line a minibatch, or every few of a very long run
CURVES = "curves.png"
SAMPLES = "samples"
MAX_LINES = 20_000  # of minibatches; a long run keeps the mean of every few
GAP = 4  # pixels between sample pictures


class RunLog:
    """The records of a run in ``folder``.

    Args:
        steps: How many steps the whole run takes.
        first_step, first_epoch: Where it goes on; what an interrupted part wrote beyond is taken back.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """

    def __init__(self, folder: Path, *, steps: int, first_step: int = 0, first_epoch: int = 0) -> None:
        self.folder = folder
        self.every = max(1, -(-steps // MAX_LINES))
        self.pending: list[float] = []
        self.steps = _keep(folder / STEPS, "step", first_step)
        self.epochs = _keep(folder / METRICS, "epoch", first_epoch + 1)
        self.board = _tensorboard(folder, first_step)

    def step(self, step: int, loss: float, images_per_second: float) -> None:
        """Note the loss of a minibatch."""
        self.pending.append(loss)
        if len(self.pending) < self.every:
            return
        mean = sum(self.pending) / len(self.pending)
        self.pending.clear()
        line = {"step": step, "loss": mean, "images_per_second": round(images_per_second, 1)}
        self.steps.append(line)
        _append(self.folder / STEPS, line)
        if self.board:
            self.board.add_scalar("loss/minibatch", mean, step)
            self.board.add_scalar("images_per_second", images_per_second, step)

    def epoch(self, step: int, numbers: dict[str, Any]) -> None:
        """Note the numbers of an epoch that ended at the given step, and draw the curves."""
        line = {**numbers, "step": step}
        self.epochs.append(line)
        _append(self.folder / METRICS, line)
        minibatches = [(s["step"], s["loss"]) for s in self.steps]
        write_png(
            self.folder / CURVES, draw_curves(minibatches, [(e["step"], e["loss"]) for e in self.epochs if "step" in e])
        )
        if self.board:
            for key, value in numbers.items():
                if key != "epoch":
                    self.board.add_scalar(f"validation/{key}", value, step)

    def scores(self, epoch: int) -> ValidationScores | None:
        """Return the validation scores of an epoch, counted from 0; None if it left no line."""
        line = next((e for e in self.epochs if e["epoch"] == epoch + 1), None)
        return ValidationScores(**{f.name: line[f.name] for f in fields(ValidationScores)}) if line else None

    def samples(self, epoch: int, sheet: RgbImage) -> None:
        """Keep a sample sheet."""
        folder = self.folder / SAMPLES
        folder.mkdir(exist_ok=True)
        write_png(folder / f"epoch-{epoch:04}.png", sheet)
        if self.board:
            self.board.add_image("samples", sheet, epoch, dataformats="HWC")

    def close(self) -> None:
        """Close what TensorBoard reads, if it is written."""
        if self.board:
            self.board.close()


@torch.no_grad()
def sample_sheet(network: nn.Module, training: Tensor, held_out: Tensor, device: torch.device) -> RgbImage:
    """Return rows of grey | colorized | truth: training photos on the left half, held-out ones on the right.

    Args:
        training, held_out: ``(N, 3, H, W)`` uint8 sRGB; one may hold fewer than the other.
    """
    halves = []
    for photos in (training, held_out):
        truth = Truth.of(photos.to(device) / 255)
        kinds = (truth.grey(), predict(network, truth)[1], truth.rgb)
        columns = [(kind * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy() for kind in kinds]
        halves.append(joined([joined(row, 1, GAP) for row in zip(*columns, strict=True)], 0, GAP))
    return joined(halves, 1, 5 * GAP)


def write_png(path: Path, image: RgbImage) -> None:
    """Write a picture ``(H, W, 3)`` sRGB.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    _, data = cv2.imencode(".png", image[..., ::-1])
    with replaced(path) as part:
        part.write_bytes(data.tobytes())


def _append(path: Path, line: dict[str, Any]) -> None:
    with writing(path), open(path, "a") as file:
        file.write(json.dumps(line) + "\n")


def _keep(path: Path, key: str, end: int) -> list[dict[str, Any]]:
    """Return the lines whose key is below ``end``; the file is cut down to them."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text().splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue  # the last line of a run that was killed while writing it
        if line[key] < end:
            lines.append(line)
    with replaced(path) as part:
        part.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return lines


def _tensorboard(folder: Path, first_step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"), purge_step=first_step or None)
