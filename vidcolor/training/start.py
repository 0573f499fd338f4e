"""Where a network's first weights come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from vidcolor.errors import CheckpointError
from vidcolor.network.backbone import hub_weights
from vidcolor.network.build import Network, build_network
from vidcolor.network.checkpoint import Model, load_backbone, load_model, load_strictly
from vidcolor.network.koalarization import Koalarization

HUB = "hub"
ADDED = ("refine.", "palette.")  # begin the names of weights that a trained network may be given more of
READS = "head.project.weight"  # reads the features, and beside them the maps of a palette


@dataclass(frozen=True)
class Beginning:
    """The sources of the first weights.

    Attributes:
        encoder: A timm state dict (safetensors) for the encoder.
        extractor: The same for the extractor, or "hub": the pretrained weights that timm names.
        model: A whole model.
        features: A timm state dict for the frozen encoder that sets of pictures are compared with.
    """

    encoder: Path | None = None
    extractor: str | Path = HUB
    model: Model | None = None
    features: Path | None = None

    def described(self) -> dict[str, str]:
        """Return what tells one beginning from another; files may lie elsewhere when a run goes on."""
        return {
            "encoder_weights": self.encoder.name if self.encoder else "",
            "feature_weights": self.features.name if self.features else "",
            "start": self.model.sha256 if self.model else "",
        }

    def fill(self, network: Network, report: Callable[[str], None]) -> None:
        """Load them into a fresh network."""
        if self.model:
            load_strictly(network, _grown(self.model.network, network), self.model.name)
            report(f"the network starts from {self.model.name}")
            return
        if self.encoder:
            left_over = [set(load_backbone(part, self.encoder)) for part in network.pretrained_parts()]
            unused = sorted(set.intersection(*left_over))
            report(f"encoder starts from {self.encoder}; not used from it: {', '.join(unused) or 'nothing'}")
        if isinstance(network, Koalarization) and network.extractor:
            from_hub = str(self.extractor) == HUB
            path = hub_weights(network.config.extractor) if from_hub else Path(self.extractor)
            load_backbone(network.extractor.backbone, path)
            report(f"the extractor is {network.config.extractor} with the weights {path}")


def _grown(trained: Network, network: Network) -> dict[str, Tensor]:
    """Return the weights of a trained network and of what a fresh one has beside, so that both answer alike."""
    own = network.state_dict()
    weights = {k: v for k, v in own.items() if k.startswith(ADDED)} | trained.state_dict()
    if READS in own and (more := own[READS].shape[1] - weights[READS].shape[1]):
        weights[READS] = F.pad(weights[READS], (0, 0, 0, 0, 0, more))  # of new colors the head minds none yet
    return weights


def load_mean(models: Sequence[str | Path]) -> Model:
    """Return the network whose weights are the means of those of several models, none of them calibrated.

    Residual blocks that only some of them have are the mean of theirs.

    For networks that were trained on from a common beginning: the mean is often about as good as the best of them
    (Wortsman et al. 2022, "Model soups", arXiv 2203.05482).

    Args:
        models: One or more names of bundled models or checkpoints.

    Raises:
        CheckpointError: one is absent, or of another network than the first.
    """
    found = [load_model(model).uncalibrated() for model in models]  # calibrated for what they were
    first = found[0]
    config = first.config.with_(refine=max(model.config.refine for model in found))
    for other in found:
        if other.config.with_(size=config.size, still_size=config.still_size, refine=config.refine) != config:
            raise CheckpointError(
                f"cannot start from the mean of {first.name} and {other.name}",
                "their networks differ",
                "Choose checkpoints of one network",
            )
    weights = [model.network.state_dict() for model in found]
    network = build_network(config).eval()
    mean = {
        key: torch.stack([w[key].double() for w in weights if key in w]).mean(dim=0).to(value.dtype)
        for key, value in network.state_dict().items()
    }
    load_strictly(network, mean, first.name)
    return Model(" and ".join(m.name for m in found), network, config, "+".join(m.sha256 for m in found))
