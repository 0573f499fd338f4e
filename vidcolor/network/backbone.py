"""The door to timm: encoders to train, and frozen extractors that tell what a picture shows."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.errors import CheckpointError

HUB_FILE = "model.safetensors"  # timm's repositories on the hub keep their state dicts under this name
HUB_TIMEOUT = 10.0  # seconds to find out that there is no network; the hub's own client takes most of a minute


def create_backbone(name: str, **options: Any) -> Any:
    """Return a timm model with fresh weights.

    Raises:
        CheckpointError: timm does not know the name, or refuses the options.
    """
    import timm  # takes seconds

    try:
        return timm.create_model(name, pretrained=False, **options)
    except (RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"cannot build the backbone {name}", str(error), "timm.list_models() lists the names that timm knows"
        ) from error


def hub_weights(name: str) -> Path:
    """Return the pretrained weights of a timm model: from the hub's cache on this machine, or downloaded into it.

    Raises:
        CheckpointError: timm names none, or there is no network.
    """
    import timm

    what = f"cannot fetch the pretrained weights of {name}"
    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    if config is None or not config.hf_hub_id:
        raise CheckpointError(what, "timm knows of none", "Choose another --extractor")
    try:
        return Path(hf_hub_download(config.hf_hub_id, HUB_FILE, local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    try:
        urllib.request.urlopen(constants.ENDPOINT, timeout=HUB_TIMEOUT).close()
    except urllib.error.HTTPError:
        pass  # it answers: the download itself tells what is wrong
    except OSError as error:
        raise CheckpointError(
            what,
            f"{constants.ENDPOINT} cannot be reached",
            "Name a local timm state dict with --extractor-weights FILE, or do without: --extractor none",
        ) from error
    try:
        return Path(hf_hub_download(config.hf_hub_id, HUB_FILE))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(
            what, reason, "Name a local timm state dict with --extractor-weights FILE, or --extractor none"
        ) from error


class Extractor(nn.Module):
    """A pretrained classifier that stays as it is; its logits say what the picture shows.

    Raises:
        CheckpointError: timm's model of this name has no classifier.

    Any timm model will do. The picture size and the normalization that its weights were trained with come from
    timm (299x299 for Inception-ResNet-v2); its weights travel in the checkpoint with all others.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str) -> None:
        super().__init__()
        self.backbone = create_backbone(name)
        self.size = tuple(self.backbone.pretrained_cfg["input_size"][-2:])
        self.classes = int(self.backbone.num_classes)
        if not self.classes:
            raise CheckpointError(
                f"cannot take {name} as extractor", "it has no classifier", "Choose another --extractor"
            )
        for key in ("mean", "std"):
            values = torch.tensor(self.backbone.pretrained_cfg[key]).view(1, -1, 1, 1)
            self.register_buffer(key, values, persistent=False)
        self.requires_grad_(False)
        self.train(False)

    def train(self, mode: bool = True) -> Extractor:
        """Stay in evaluation mode: batch statistics of grey pictures would change what it was trained to see."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, lightness: Tensor) -> Tensor:
        """Return logits ``(N, classes)`` for L* ``(N, 1, H, W)`` in 0..100, repeated over three channels."""
        x = F.interpolate(lightness / 100, size=self.size, mode="bilinear", align_corners=False, antialias=True)
        x = (x.float() - self.mean.float()) / self.std.float()
        logits: Tensor = self.backbone(x.to(self.mean.dtype))
        return logits
