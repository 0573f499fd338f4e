"""Networks together with the way they are trained."""

from __future__ import annotations

from dataclasses import dataclass

from vidcolor.network.config import NetworkConfig
from vidcolor.settings import TrainSettings


@dataclass(frozen=True)
class Preset:
    """A network and how it is trained."""

    network: NetworkConfig
    training: TrainSettings


PRESETS = {
    # FusionNet on a small pretrained encoder, taking hints: without them what the bundled weights were made with.
    "modern": Preset(NetworkConfig(semantics=1280, decoder=(256, 128, 96), hints=32), TrainSettings()),
    # Deep Koalarization (arXiv 1712.03400) as its PyTorch reproduction trained it on Places365.
    "paper": Preset(
        NetworkConfig(
            architecture="koalarization",
            encoder="",
            encoder_options={},
            extractor="inception_resnet_v2",
            decoder=(128, 64, 32),
        ),
        TrainSettings(
            epochs=70,
            batch_size=40,
            loss="mse",
            optimizer="adam",
            lr=0.0012,
            weight_decay=1e-6,
            warmup_steps=0,
            schedule="constant",
            clip_norm=0.0,
            ema=0.0,
            film=0.0,
            enlarged=0.0,
            sharpness=0.0,
            borders=0.0,
            blanks=0.0,
            hints=0.0,
            smallest_crop=1.0,
            mirror=False,
            colorfulness=0.0,
        ),
    ),
}
