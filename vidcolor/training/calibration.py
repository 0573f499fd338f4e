"""Making a network's colors as strong as the truth's, at the least loss.

A network that minimizes its mean error says less than it believes: where two colors are likely it answers
between them. Stronger colors cost PSNR, since what was wrong is now more so. One gain for all is the way that keeps
colorized photos most like true ones as a set. FusionNet may instead learn in which pictures stronger colors cost least
(:mod:`vidcolor.network.strength`): on photos of the training, with the rest of the network as it is, what is
minimized is the error minus a price times the colorfulness; the price is the one that brings the colorfulness of
held-out photos to the share that is wanted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidcolor.color.metrics import colorfulness, psnr
from vidcolor.color.spaces import lab_to_rgb, rgb_to_lab
from vidcolor.data.photos import Photo, center_crop
from vidcolor.network.build import build_network
from vidcolor.network.fusion import FusionNet
from vidcolor.network.heads import Prediction
from vidcolor.network.strength import Strength
from vidcolor.training.loss import log_error_loss, target_at
from vidcolor.training.precision import autocast

BATCH = 32
HIGHEST = 3.0
STEP = 0.05  # finer steps change less than one photo more or less would

HIDDEN = 32  # channels of the strength
LEARNING_PHOTOS = 4800  # that it is learned from, one crop each
LEARNING_RATE = 3e-3
ROUNDS = 6  # over them, for each price
PRICES = 8  # that are tried, by bisection
DEAREST = 3.0  # ln of squared error for all of the truth's colorfulness; gives more of it than there is


@dataclass(frozen=True)
class Calibration:
    """What a calibration does on the photos it was found on.

    Attributes:
        gain: Factor on ab; where it was learned, what the mean chroma grows by.
        share: Mean colorfulness with it, as a share of the truth's.
        psnr_lost: dB against no gain at all; negative when the gain helps.
    """

    gain: float
    share: float
    psnr_lost: float


@torch.no_grad()
def calibrate(
    network: nn.Module, photos: Sequence[Photo], size: int, device: torch.device, target: float
) -> Calibration:
    """Find the smallest gain whose colorfulness reaches a share of the truth's.

    Args:
        network: Predicts ab from L*, without any gain.
        photos: Photos that it was not trained on.
        size: Side in pixels of the photos' middle squares, which are compared.
        target: Share of the truth's colorfulness, in 0..1.

    Returns:
        The gain, between 1 and :data:`HIGHEST`: where even that does not reach the target, the highest.
    """
    network.eval()
    held = _HeldOut(photos, size, device)
    ab = [network(lightness.contiguous(memory_format=torch.channels_last)).ab for _, lightness in held.batches]
    share, unchanged = held.look(ab)
    gain, quality = 1.0, unchanged
    while share < target and gain < HIGHEST:
        gain = round(gain + STEP, 2)
        share, quality = held.look([gain * each for each in ab])
    return Calibration(gain, round(share, 4), round(unchanged - quality, 4))


class _HeldOut:
    """sRGB and L* of photos, in batches."""

    def __init__(self, photos: Sequence[Photo], size: int, device: torch.device) -> None:
        self.batches = [_squares(photos[i : i + BATCH], size, device) for i in range(0, len(photos), BATCH)]
        self.truth = torch.cat([colorfulness(rgb) for rgb, _ in self.batches]).mean().item()

    def look(self, predicted: Sequence[Tensor]) -> tuple[float, float]:
        """Return the share of the truth's colorfulness and the PSNR of ab at the network's output size."""
        rows = []
        for (rgb, lightness), ab in zip(self.batches, predicted, strict=True):
            ab = F.interpolate(ab, size=rgb.shape[-2:], mode="bilinear", align_corners=False)
            colored = lab_to_rgb(torch.cat([lightness, ab], dim=1)).clamp(0, 1)
            rows.append(torch.stack([colorfulness(colored), psnr(colored, rgb)]))
        color, quality = torch.cat(rows, dim=1).mean(dim=1).tolist()
        return color / max(self.truth, 1e-9), quality


@dataclass(frozen=True)
class _Example:
    """What a strength is learned from, at the network's output size.

    Attributes:
        pooled: Mean features ``(N, channels)``.
        ab: Predicted, ``(N, 2, h, w)``.
        truth: Lab ``(N, 3, h, w)``.
    """

    pooled: Tensor
    ab: Tensor
    truth: Tensor

    def loss(self, strength: Strength, price: float) -> Tensor:
        """Return the logarithm of the error, less what the colors are worth."""
        lightness = self.truth[:, :1]
        ab = strength(self.pooled, self.ab)
        wanted = lab_to_rgb(self.truth)
        colored = lab_to_rgb(torch.cat([lightness, ab], dim=1))
        share = colorfulness(colored.clamp(0, 1)).mean() / colorfulness(wanted.clamp(0, 1)).mean()
        return log_error_loss(Prediction(ab), self.truth) - price * share


def learn_strength(
    network: FusionNet,
    batches: Iterable[tuple[Tensor, Tensor]],
    held_out: Sequence[Photo],
    size: int,
    target: float,
    precision: torch.dtype = torch.float32,
) -> tuple[FusionNet, Calibration]:
    """Return the same network with the strength of its colors learned.

    Args:
        network: Without one.
        batches: L* as the network sees it and the true Lab, ``(N, 1 and 3, H, W)``.
        held_out: Photos that it was not trained on.
        size: Side in pixels of their middle squares, which are compared.
        target: Share of the truth's colorfulness, in 0..1.
        precision: Number type of the network's convolutions.
    """
    device = next(network.parameters()).device
    with torch.random.fork_rng(devices=[]):  # the same beginning whatever was drawn before: runs repeat exactly
        torch.manual_seed(0)
        calibrated = build_network(network.config.with_(strength=HIDDEN))
    assert isinstance(calibrated, FusionNet)
    calibrated = calibrated.to(device).eval()
    strength = calibrated.strength
    assert strength is not None
    calibrated.load_state_dict(network.state_dict() | strength.state_dict(prefix="strength."))
    calibrated.requires_grad_(False)
    examples = []
    for lightness, truth in batches:
        found, ab = _predict(network, lightness.to(device), precision)
        examples.append(_Example(found, ab, target_at(ab, truth.to(device))))
    held = _HeldOut(held_out, size, device)
    predicted = [_predict(network, lightness, torch.float32) for _, lightness in held.batches]
    untouched = {k: v.clone() for k, v in strength.state_dict().items()}
    unchanged = held.look([ab for _, ab in predicted])[1]

    def look(price: float) -> tuple[float, float, float]:
        """Learn at a price: share of colorfulness, PSNR and the growth of the mean chroma on held-out photos."""
        strength.load_state_dict(untouched)
        _learn(strength, examples, price)
        with torch.no_grad():
            strengthened = [strength(*each) for each in predicted]
        chroma, before = (
            torch.cat([ab.norm(dim=1).flatten() for ab in each]).mean().item()
            for each in (strengthened, [ab for _, ab in predicted])
        )
        return *held.look(strengthened), chroma / max(before, 1e-9)

    low, high = 0.0, DEAREST
    for _ in range(PRICES):
        middle = (low + high) / 2
        low, high = (middle, high) if look(middle)[0] < target else (low, middle)
    share, quality, gain = look(high)
    return calibrated, Calibration(round(gain, 2), round(share, 4), round(unchanged - quality, 4))


@torch.no_grad()
def _predict(network: FusionNet, lightness: Tensor, precision: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return mean features ``(N, channels)`` and ab at the network's output size."""
    with autocast(lightness.device, precision):
        features = network.features(lightness.contiguous(memory_format=torch.channels_last))
        return features.float().mean(dim=(2, 3)), network.head(features).ab


def _learn(strength: Strength, examples: Sequence[_Example], price: float) -> None:
    strength.requires_grad_(True)
    optimizer = torch.optim.Adam(strength.parameters(), LEARNING_RATE)
    steps = ROUNDS * len(examples)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * (1 - step / steps)
        optimizer.zero_grad()
        torch.autograd.backward(examples[step % len(examples)].loss(strength, price))
        optimizer.step()
    strength.requires_grad_(False)


def _squares(photos: Sequence[Photo], size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return sRGB and L* of the photos' middle squares."""
    images = np.stack([center_crop(p.load(), size) for p in photos])
    rgb = torch.from_numpy(images).to(device).permute(0, 3, 1, 2) / 255
    return rgb, rgb_to_lab(rgb)[:, :1]
