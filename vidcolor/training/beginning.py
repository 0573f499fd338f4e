"""Where a network's first weights come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vidcolor.checkpoint import Model, load_backbone, load_strictly
from vidcolor.network import Koalarization, Network, hub_weights

HUB = "hub"


@dataclass(frozen=True)
class Beginning:
    """The sources of the first weights.

    Attributes:
        encoder: A timm state dict (safetensors) for the encoder.
        extractor: The same for the extractor, or "hub": the pretrained weights that timm names.
        model: A whole model.
    """

    encoder: Path | None = None
    extractor: str | Path = HUB
    model: Model | None = None

    def fill(self, network: Network, report: Callable[[str], None]) -> None:
        """Load them into a fresh network."""
        if self.model:
            load_strictly(network, self.model.network.state_dict(), self.model.name)
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
