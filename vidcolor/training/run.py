"""The training loop."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from vidcolor.data.degrade import PartGenerator
from vidcolor.data.photos import BrokenPhotos, Photo, PhotoReader
from vidcolor.errors import VidcolorError
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import load_model, save_model
from vidcolor.network.config import NetworkConfig
from vidcolor.network.depthwise import speed_up_strided_depthwise
from vidcolor.network.device import choose_precision
from vidcolor.network.features import PictureFeatures
from vidcolor.network.fusion import FusionNet
from vidcolor.network.predictor import whole_strides
from vidcolor.settings import TrainSettings
from vidcolor.training.calibration import LEARNING_PHOTOS, calibrate, learn_strength
from vidcolor.training.checks import listing, look_over, try_out
from vidcolor.training.examples import other_crops, shown_once, shown_twice, step_seed
from vidcolor.training.fixed_photos import FixedPhotos
from vidcolor.training.interrupt import Interrupt
from vidcolor.training.log import RunLog, sample_sheet
from vidcolor.training.norms import measure_norms
from vidcolor.training.objective import Objective, main_loss
from vidcolor.training.precision import autocast
from vidcolor.training.processes import Processes
from vidcolor.training.result import TrainResult
from vidcolor.training.schedule import learning_rate, reading_workers
from vidcolor.training.start import Beginning
from vidcolor.training.state import MovingAverage, Position, TrainState, make_optimizer
from vidcolor.training.validation import overfitting, validate

STATE = "state.safetensors"
BEST = "best.safetensors"
LAST = "last.safetensors"
MODEL = "model.safetensors"


class Run:
    """One run: what it was given, and its state."""

    def __init__(
        self,
        photos: list[Photo],
        held_out: list[Photo],
        folder: Path,
        network_config: NetworkConfig,
        config: TrainSettings,
        beginning: Beginning,
        processes: Processes,
        interrupt: Interrupt,
        report: Callable[[str], None],
        progress: Callable[[dict[str, float]], None],
    ) -> None:
        self.photos, self.held_out = photos, held_out
        self.folder, self.config, self.network_config = folder, config, network_config
        self.processes, self.interrupt, self.report, self.progress = processes, interrupt, report, progress
        self.broken = BrokenPhotos(len(photos))
        self.steps = len(photos) // config.batch_size
        self.reader = PhotoReader(
            photos,
            batch_size=config.batch_size,
            sizes=config.sizes,
            seed=config.seed,
            smallest_crop=config.smallest_crop,
            mirror=config.mirror,
            part=2 if config.steadiness else 1,
            workers=reading_workers(config.workers, processes.device.type, processes.neighbors),
            rank=processes.rank,
            ranks=processes.ranks,
        )
        self.settings = json.dumps(
            {
                **asdict(config),
                "network": network_config.to_json(),
                "photos": listing(photos),
                "held out": listing(held_out),
                **beginning.described(),
            },
            sort_keys=True,
        )
        for warning in look_over(photos, max(config.sizes), config.seed):
            report(f"warning: {warning}")
        look_over(held_out, 0, config.seed, purpose="validate on")
        device = processes.device
        torch.manual_seed(config.seed)
        network = build_network(network_config).to(device).to(memory_format=torch.channels_last)
        # Of the squares that are validated.
        self.size = whole_strides(network_config.short_side(still=True), network.stride)
        self.fixed = FixedPhotos(photos, held_out, self.size, config, bool(network_config.hints), device, self.broken)
        try_out(network, max(config.sizes), device)
        resuming = (folder / STATE).exists()
        if not resuming:  # the state holds all weights, an extractor's too
            beginning.fill(network, report)
        if isinstance(network, FusionNet):
            network.regularize(config.dropout, config.drop_path)
        pretrained = bool(beginning.encoder or beginning.model)
        self.state = TrainState(
            network, MovingAverage(network, config.ema), make_optimizer(network, config, pretrained), Position()
        )
        self.precision = choose_precision(config.precision, device)
        if device.type == "cpu":
            speed_up_strided_depthwise(network)
        if resuming:
            self.state.load(folder / STATE, self.settings)
            self.broken.names.update(self.state.position.broken)
            report(f"resuming {folder} at epoch {self.state.position.epoch + 1}, step {self.state.position.step}")
        self.trained = processes.wrap(network)
        self.norm = torch.zeros(())
        self.loss = main_loss(photos, config)
        features: PictureFeatures | None = None
        if config.features and beginning.features:
            features = PictureFeatures.of_mobilenet(beginning.features).to(device)
        self.objective = Objective(self.loss, config, features, self.precision)
        self.log = self._open_log() if processes.first else None

    def _open_log(self) -> RunLog:
        position = self.state.position
        return RunLog(
            self.folder,
            steps=self.steps * self.config.epochs,
            first_step=position.epoch * self.steps + position.step,
            first_epoch=position.epoch,
        )

    def run(self) -> TrainResult:
        """Train all epochs that are left."""
        position = self.state.position
        self.saved = self.began = time.monotonic()
        self.done = 0
        try:
            while position.epoch < self.config.epochs and not self._enough():
                self._epoch()
                self._end_epoch()
        finally:
            if self.log:
                self.log.close()
        if self._enough():
            self.report(f"stopped early: no better validation loss for {self.config.patience} epochs")
        self.broken.names = self.processes.union(self.broken.names)
        if self.log:
            self._finish()
        return TrainResult(
            self.folder,
            self.folder / MODEL,
            position.epoch,
            position.best_epoch,
            self.log.scores(position.best_epoch) if self.log else None,
            tuple(sorted(self.broken.names)),
        )

    def _finish(self) -> None:
        """Save the best network as it is used and shipped: calibrated, in half precision."""
        path, device, target = self.folder / MODEL, self.processes.device, self.config.colorfulness
        network, held_out = load_model(self.folder / BEST).network.to(device), self.fixed.validated
        if isinstance(network, FusionNet) and target and self.config.calibration == "learned":
            batches = other_crops(self.photos, LEARNING_PHOTOS, [max(self.config.sizes)], self.config, device)
            network, found = learn_strength(network, batches, held_out, self.size, target, self.precision)
            config = network.config
        else:
            found = calibrate(network, held_out, self.size, device, target)
            config = network.config.with_(gain=found.gain)
        save_model(path, network, config, torch.float16)
        self.report(
            f"{path}: a gain of {found.gain:.2f} gives {found.share:.0%} of the truth's colorfulness "
            f"for {found.psnr_lost:.2f} dB"
        )

    def _enough(self) -> bool:
        position, patience = self.state.position, self.config.patience
        return bool(patience) and position.epoch - 1 - position.best_epoch >= patience

    def _epoch(self) -> None:
        """Train the rest of the current epoch."""
        config, position = self.config, self.state.position
        self.state.network.train()
        before = time.monotonic()
        for batch in self.reader.epoch(position.epoch, position.step):
            self.broken.add(batch.broken)
            step = position.epoch * self.steps + position.step
            loss = self._step(batch.rgb, step)
            position.step += 1
            position.loss_sum += loss
            now = time.monotonic()
            position.seconds += now - before
            self._tell(step, loss, config.batch_size / (now - before))
            before = now
            self._stop_if_asked()
            if now - self.saved > config.save_minutes * 60:
                self._save()

    def _tell(self, step: int, loss: float, images_per_second: float) -> None:
        self.done += 1
        total = self.steps * self.config.epochs
        left = (total - step - 1) * (time.monotonic() - self.began) / self.done
        if self.log:
            self.log.step(step, loss, images_per_second)
        self.progress(
            {
                "epoch": self.state.position.epoch,
                "step": step,
                "steps": total,
                "loss": loss,
                "images_per_second": images_per_second,
                "seconds_left": left,
            }
        )

    def _step(self, rgb: Tensor, step: int) -> float:
        """Train on this process's part of a batch; the loss of the whole batch."""
        config, state, processes = self.config, self.state, self.processes
        # One generator a step, seeded by its number: a resumed run draws the same film, and drops the same.
        seed = step_seed(config, step)
        generator = PartGenerator.of(processes.rank, processes.ranks, seed, processes.device)
        torch.manual_seed(seed * processes.ranks + processes.rank)  # for what is dropped
        show = shown_twice if config.steadiness else shown_once
        with torch.no_grad():
            rgb = rgb.to(processes.device, non_blocking=True)
            shown = show(rgb, config, generator, hints=bool(self.network_config.hints))
        factor = learning_rate(step, self.steps * config.epochs, config)
        for group in state.optimizer.param_groups:
            group["lr"] = config.lr * group["share"] * factor
        with autocast(processes.device, self.precision):
            prediction = self.trained(*shown.inputs)
        loss = self.objective(prediction, shown)
        state.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.norm = nn.utils.clip_grad_norm_(state.network.parameters(), config.clip_norm or math.inf)
        state.optimizer.step()
        state.average.update(state.network, step)
        # Read last, and once: a GPU that is asked for a number has nothing to do until the next step is prepared.
        (value,) = processes.sums(loss.item() / processes.ranks)
        if not math.isfinite(value):
            raise self._broken_down("the loss is not a number")
        return value

    def _broken_down(self, why: str) -> VidcolorError:
        position = self.state.position
        return VidcolorError(
            f"training stopped in epoch {position.epoch + 1}, step {position.step}",
            why,
            f"Lower --lr; {self.folder} keeps the last good state and checkpoints",
        )

    def _end_epoch(self) -> None:
        """Measure the norms, validate, keep the best, draw, save; or only count the epoch, if it is not the turn."""
        position = self.state.position
        self._check_health()
        number = position.epoch + 1
        if number % self.config.validate_every and number < self.config.epochs:
            position.epoch, position.step, position.loss_sum = number, 0, 0.0
            self._stop_if_asked()
            return
        network, scores = self.state.average.network, None
        if self.processes.first:
            if self.state.average.decay:
                measure_norms(network, self.fixed.shown_to_norms(), self.precision)
            scores = validate(network, self.fixed.squares, self.loss, self.processes.device)
        scores = self.processes.of_first(scores)
        assert scores is not None
        train_loss = position.loss_sum / self.steps
        better = scores.loss < position.best_loss
        if better:
            position.best_loss, position.best_epoch, position.best_train_loss = scores.loss, position.epoch, train_loss
        self.report(f"epoch {position.epoch + 1}: training loss {train_loss:.4g}, {scores}")
        words = overfitting(
            epoch=position.epoch,
            best_epoch=position.best_epoch,
            loss=scores.loss,
            best_loss=position.best_loss,
            train_loss=train_loss,
            train_loss_then=position.best_train_loss,
        )
        if words:
            self.report(words)
        if self.log:
            for name in (BEST, LAST) if better else (LAST,):
                save_model(self.folder / name, network, self.network_config)
            line = {"epoch": position.epoch + 1, "seconds": round(position.seconds, 1), "train_loss": train_loss}
            line |= {**asdict(scores), "overfitting": bool(words)}
            self.log.epoch((position.epoch + 1) * self.steps, line)
            sheet = sample_sheet(network, *self.fixed.samples, self.processes.device)
            self.log.samples(position.epoch + 1, sheet)
        position.epoch, position.step, position.loss_sum = position.epoch + 1, 0, 0.0
        self._save()
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self.processes.sums(self.interrupt.asked)[0]:
            self._save()
            self.report(f"stopped and saved; the same command goes on from epoch {self.state.position.epoch + 1}")
            raise KeyboardInterrupt

    def _check_health(self) -> None:
        """Refuse to save weights that a broken gradient made useless over good ones."""
        if not math.isfinite(float(self.norm)):
            raise self._broken_down("the gradient is not a number")

    def _save(self) -> None:
        self._check_health()
        self.saved = time.monotonic()
        self.state.position.broken = sorted(self.broken.names)
        if self.processes.first:
            self.state.save(self.folder / STATE, self.settings)
