"""Training from beginning to end: photos in, a checkpoint out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from vidcolor.data.photos import spread
from vidcolor.errors import CheckpointError, DataError, writing
from vidcolor.network.checkpoint import Model
from vidcolor.network.config import NetworkConfig
from vidcolor.network.device import choose_device
from vidcolor.settings import TrainSettings
from vidcolor.training.data import gather
from vidcolor.training.interrupt import held_back
from vidcolor.training.precision import fast_convolutions
from vidcolor.training.presets import PRESETS
from vidcolor.training.processes import joined
from vidcolor.training.result import TrainResult
from vidcolor.training.run import Run
from vidcolor.training.start import HUB, Beginning, load_mean


def train(
    data: Sequence[Path | str],
    out: Path | str,
    *,
    network: NetworkConfig = PRESETS["modern"].network,
    settings: TrainSettings = PRESETS["modern"].training,
    val: Sequence[Path | str] = (),
    encoder_weights: Path | None = None,
    extractor_weights: str | Path = HUB,
    start: str | Path | Sequence[str | Path] = (),
    still_size: int = 0,
    feature_weights: Path | None = None,
    device: torch.device | str = "auto",
    report: Callable[[str], None] = lambda line: None,
    progress: Callable[[dict[str, float]], None] = lambda values: None,
) -> TrainResult:
    """Train a network on photos, or go on with the run that lies in ``out``.

    Under torchrun each process calls this with the same arguments and takes its part of every batch.

    Args:
        data: Folders of photos and films, photos, tar shards, films.
        out: The run's folder: state, best and last checkpoints, metrics, curves, samples.
        val: Validation data; without it a share of the photos is held out, and whole shots of films.
        encoder_weights: A timm state dict (safetensors) that the encoder starts from.
        extractor_weights: The same for the extractor of the paper's network; "hub" downloads what timm names.
        start: A bundled model's name or a checkpoint: the whole network is its, and training goes on from there; of
            several the mean of their weights. ``network`` may add to the model's residual blocks (refine), and give it
            a palette.
        still_size: Short side in pixels at which the finished model sees single pictures, and is validated; 0 keeps
            the network's own.
        feature_weights: A timm state dict of MobileNetV2 (safetensors), for ``settings.features``.
        report: Takes lines for the reader; progress: takes the numbers of each step.

    Raises:
        DataError: no usable photos; CheckpointError: ``out`` holds another run; OutputError: disk full.
        KeyboardInterrupt: asked to stop (Ctrl-C, SIGTERM); the state is saved.
    """
    starts = [start] if isinstance(start, str | Path) else start
    model = load_mean(starts) if starts else None
    network_config = _continued(model, network) if model else network
    if still_size:
        network_config = network_config.with_(still_size=still_size)
    if settings.loss == "classification" and network_config.head != "classification":
        what = f"cannot train {model.name if model else 'this network'} with the classification loss"
        raise CheckpointError(what, "it predicts ab, not a distribution", "Start without it, or choose another --loss")
    if settings.dropout or settings.drop_path:
        what, to_do = f"cannot drop parts of {network_config.architecture}", "Leave --dropout and --drop-path at 0"
        if network_config.architecture != "fusion":
            raise CheckpointError(what, "only FusionNet can do without", to_do)
        if not settings.ema:  # its batch norms would be those of a network with parts dropped
            raise CheckpointError(what, "that needs a moving average of the weights", to_do)
    if bool(settings.features) != bool(feature_weights):
        raise CheckpointError(
            "cannot compare the features of pictures",
            "a weight of them and a pretrained encoder go together",
            "Give both --features and --feature-weights, or neither",
        )
    folder = Path(out)
    with joined(choose_device(device) if isinstance(device, str) else device) as processes:
        if not processes.first:
            report, progress = (lambda line: None), (lambda values: None)
        parts = processes.ranks * (2 if settings.steadiness else 1)
        if settings.batch_size % parts:
            twice = ", and each photo is shown twice" if settings.steadiness else ""
            raise DataError(
                f"cannot share a batch of {settings.batch_size}",
                f"there are {processes.ranks} processes{twice}",
                f"Choose a --batch-size that {parts} divides",
            )
        found = None
        if processes.first:  # frames of films are written while gathering
            found = gather(data, val, folder, share=settings.val_share, seed=settings.seed, report=report)
        found = processes.of_first(found)
        assert found is not None
        photos, held_out = found
        if len(photos) < settings.batch_size:
            raise DataError(
                f"cannot train on {len(photos)} photos",
                f"a batch takes {settings.batch_size}",
                "Add photos or lower --batch-size",
            )
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        beginning = Beginning(encoder_weights, extractor_weights, model, feature_weights)
        held_out = spread(held_out, settings.val_limit)
        with held_back() as interrupt, fast_convolutions(processes.device):
            return Run(
                photos, held_out, folder, network_config, settings, beginning, processes, interrupt, report, progress
            ).run()


def _continued(model: Model, network: NetworkConfig) -> NetworkConfig:
    """Return the configuration of a network that goes on from a model, with the parts that are asked for beside it."""
    config = model.config
    for option, parts in (("refine", "residual blocks"), ("palette", "colors of a palette")):
        has, wanted = getattr(config, option), getattr(network, option)
        if not wanted:
            continue
        if config.architecture != "fusion":
            raise CheckpointError(
                f"cannot give {model.name} {parts}", "only FusionNet takes them", f"Leave --{option} out"
            )
        if wanted < has or (option == "palette" and 0 < has < wanted):
            raise CheckpointError(
                f"cannot go on from {model.name} with {wanted} {parts}",
                f"it has {has}",
                f"Leave --{option} out, or give {has}{' or more' * (option == 'refine')}",
            )
        config = config.with_(**{option: wanted})
    return config
