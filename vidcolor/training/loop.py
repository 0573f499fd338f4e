"""The training loop."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from vidcolor.checkpoint import load_backbone, save_model
from vidcolor.color import rgb_to_lab
from vidcolor.dataset import BrokenPhotos, Photo, find_photos, split_photos, train_batches
from vidcolor.degrade import maybe_old_film, neutral_borders
from vidcolor.errors import DataError, VidcolorError
from vidcolor.network import FusionNet, NetworkConfig, Prediction, ab_bins, build_network
from vidcolor.training.config import TrainConfig, learning_rate
from vidcolor.training.loss import (
    classification_loss,
    encode_ab,
    mean_squared_loss,
    rebalancing_weights,
    regression_loss,
    smooth_prior,
)
from vidcolor.training.state import MovingAverage, Position, TrainState
from vidcolor.training.validation import Scores, validate

STATE = "state.safetensors"
BEST = "best.safetensors"
LAST = "last.safetensors"
METRICS = "metrics.jsonl"
PRIOR_BATCHES = 100  # batches counted for the prior of the classification loss

LossFunction = Callable[[Prediction, Tensor], Tensor]


@dataclass(frozen=True)
class TrainResult:
    """What a run left behind."""

    folder: Path
    checkpoint: Path
    epochs: int
    best_epoch: int
    scores: Scores | None
    broken: tuple[str, ...]


def train(
    data: Sequence[Path | str],
    out: Path | str,
    *,
    network: NetworkConfig | None = None,
    config: TrainConfig | None = None,
    val: Sequence[Path | str] = (),
    encoder_weights: Path | None = None,
    device: torch.device | str = "cpu",
    report: Callable[[str], None] = lambda line: None,
    progress: Callable[[dict[str, float]], None] = lambda values: None,
) -> TrainResult:
    """Train a network on photos, or go on with the run that lies in ``out``.

    Args:
        data: Folders of photos, photo files, tar shards.
        out: The run's folder: state, best and last checkpoints, metrics.
        val: Validation data; without it a share of ``data`` is held out.
        encoder_weights: A timm state dict (safetensors) that the encoder starts from.
        report: Takes lines for the reader; progress: takes the numbers of each step.

    Raises:
        DataError: no usable photos; CheckpointError: ``out`` holds another run; OutputError: disk full.
    """
    network_config, config = network or NetworkConfig(), config or TrainConfig()
    photos = find_photos(data)
    if val:
        held_out = find_photos(val)
    else:
        photos, held_out = split_photos(photos, config.val_share, config.seed)
    held_out = held_out[: config.val_limit]
    if len(photos) < config.batch_size:
        raise DataError(
            f"cannot train on {len(photos)} photos",
            f"a batch takes {config.batch_size}",
            "Add photos or lower --batch-size",
        )
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    return _Run(
        photos, held_out, folder, network_config, config, encoder_weights, torch.device(device), report, progress
    ).run()


class _Run:
    """One run: what it was given, and its state."""

    def __init__(
        self,
        photos: list[Photo],
        held_out: list[Photo],
        folder: Path,
        network_config: NetworkConfig,
        config: TrainConfig,
        encoder_weights: Path | None,
        device: torch.device,
        report: Callable[[str], None],
        progress: Callable[[dict[str, float]], None],
    ) -> None:
        self.photos, self.held_out = photos, held_out
        self.folder, self.config, self.network_config = folder, config, network_config
        self.device, self.report, self.progress = device, report, progress
        self.broken = BrokenPhotos(len(photos))
        self.steps = len(photos) // config.batch_size
        self.settings = json.dumps(
            {
                **asdict(config),
                "network": network_config.to_json(),
                "photos": len(photos),
                "encoder_weights": encoder_weights.name if encoder_weights else "",
            },
            sort_keys=True,
        )
        torch.manual_seed(config.seed)
        network = build_network(network_config).to(device).to(memory_format=torch.channels_last)
        if encoder_weights:
            left_over = load_backbone(network.encoder, encoder_weights)
            report(f"encoder starts from {encoder_weights}; not used from it: {', '.join(left_over) or 'nothing'}")
        self.state = TrainState(
            network, MovingAverage(network, config.ema), self._optimizer(network, bool(encoder_weights)), Position()
        )
        if (folder / STATE).exists():
            self.state.load(folder / STATE, self.settings)
            report(f"resuming {folder} at epoch {self.state.position.epoch + 1}, step {self.state.position.step}")
        self.loss = self._loss_function()

    def _optimizer(self, network: FusionNet, pretrained: bool) -> torch.optim.Optimizer:
        inherited = set(network.encoder.parameters()) if pretrained else set()
        config = self.config
        groups = [
            {"params": [p for p in network.parameters() if p not in inherited], "share": 1.0},
            {"params": [p for p in network.parameters() if p in inherited], "share": config.encoder_lr},
        ]
        make = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
        return make([g for g in groups if g["params"]], lr=config.lr, weight_decay=config.weight_decay)

    def _loss_function(self) -> LossFunction:
        if self.config.loss == "mse":
            return mean_squared_loss
        if self.config.loss == "regression":
            return regression_loss
        weights = rebalancing_weights(self._prior())
        return lambda prediction, ab: classification_loss(prediction, ab, weights)

    def _prior(self) -> Tensor:
        """The distribution of the training data's colors over the bins, from its first batches."""
        batches = train_batches(
            self.photos, batch_size=self.config.batch_size, sizes=(32,), seed=self.config.seed, epoch=0
        )
        counts: Tensor | None = None
        for batch, _ in zip(batches, range(PRIOR_BATCHES), strict=False):
            index, weight = encode_ab(rgb_to_lab(batch.rgb / 255)[:, 1:])
            bins = torch.bincount(index.flatten(), weight.flatten(), minlength=len(ab_bins()))
            counts = bins if counts is None else counts + bins
        assert counts is not None
        return smooth_prior(counts.float())

    def run(self) -> TrainResult:
        """All epochs that are left. Interrupting saves first."""
        position, scores = self.state.position, None
        self.saved = time.monotonic()
        try:
            while position.epoch < self.config.epochs:
                self._epoch()
                scores = self._validate()
                position.epoch, position.step = position.epoch + 1, 0
                self._save()
                if self.config.patience and position.epoch - 1 - position.best_epoch >= self.config.patience:
                    self.report(f"stopped early: no better validation loss for {self.config.patience} epochs")
                    break
        except KeyboardInterrupt:
            self._save()
            self.report(f"interrupted; saved. The same command goes on from epoch {position.epoch + 1}")
            raise
        best = self.folder / BEST
        return TrainResult(
            self.folder, best, position.epoch, position.best_epoch, scores, tuple(sorted(self.broken.names))
        )

    def _epoch(self) -> None:
        """Train the rest of the current epoch."""
        config, position, state = self.config, self.state.position, self.state
        batches = train_batches(
            self.photos,
            batch_size=config.batch_size,
            sizes=config.sizes,
            seed=config.seed,
            epoch=position.epoch,
            first_step=position.step,
            workers=config.workers,
        )
        state.network.train()
        before = time.monotonic()
        for batch in batches:
            self.broken.add(batch.broken)
            step = position.epoch * self.steps + position.step
            loss = self._step(batch.rgb, step)
            position.step += 1
            now = time.monotonic()
            position.seconds += now - before
            speed = len(batch.rgb) / (now - before)
            self.progress({"epoch": position.epoch, "step": step, "loss": loss, "images_per_second": speed})
            before = now
            if now - self.saved > config.save_minutes * 60:
                self._save()

    def _step(self, rgb: Tensor, step: int) -> float:
        config, state = self.config, self.state
        # One generator a step, seeded by its number: a resumed run draws the same film.
        generator = Generator().manual_seed(config.seed * 1_000_003 + step)
        with torch.no_grad():
            rgb = rgb.to(self.device, non_blocking=True) / 255
            rgb = neutral_borders(rgb, config.borders, generator)
            ab = rgb_to_lab(rgb)[:, 1:]
            lightness = maybe_old_film(rgb, config.film, generator).contiguous(memory_format=torch.channels_last)
        factor = learning_rate(step, self.steps * config.epochs, config)
        for group in state.optimizer.param_groups:
            group["lr"] = config.lr * group["share"] * factor
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            prediction = state.network(lightness)
        loss = self.loss(prediction, ab)
        value = loss.item()
        if value != value:
            raise VidcolorError(
                f"training stopped at step {step}", "the loss is not a number", "Lower --lr; the last state is kept"
            )
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if config.clip_norm:
            nn.utils.clip_grad_norm_(state.network.parameters(), config.clip_norm)
        state.optimizer.step()
        state.average.update(state.network, step)
        return value

    def _validate(self) -> Scores:
        position = self.state.position
        scores = validate(self.state.average.network, self.held_out, self.loss, self.device)
        line = {"epoch": position.epoch + 1, "seconds": round(position.seconds, 1), **asdict(scores)}
        with open(self.folder / METRICS, "a") as file:
            file.write(json.dumps(line) + "\n")
        self.report(f"epoch {position.epoch + 1}: {scores}")
        if scores.loss < position.best_loss:
            position.best_loss, position.best_epoch = scores.loss, position.epoch
            save_model(self.folder / BEST, self.state.average.network, self.network_config)
        save_model(self.folder / LAST, self.state.average.network, self.network_config)
        return scores

    def _save(self) -> None:
        self.saved = time.monotonic()
        self.state.save(self.folder / STATE, self.settings)
