"""A world where color is a function of lightness, so that a network can know all of it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import av
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import lab2rgb
from torch import Tensor, nn

from vidcolor.evaluation.pictures import Setup
from vidcolor.network.checkpoint import Model
from vidcolor.network.config import NetworkConfig
from vidcolor.network.heads import Prediction
from vidcolor.network.predictor import Predictor

AnyLight = TypeVar("AnyLight", Tensor, NDArray[np.float64])


def known_ab(lightness: AnyLight) -> tuple[AnyLight, AnyLight]:
    """A world where color is a function of lightness."""
    return 30 - 0.4 * lightness, 0.3 * lightness - 20


class KnowsTheWorld(nn.Module):
    """Gives the true ab of such a world."""

    stride = 32

    def forward(self, lightness: Tensor) -> Prediction:
        return Prediction(torch.cat(known_ab(lightness), dim=1))


class IsTold(nn.Module):
    """Knows nothing but the colors that it is told, in their places."""

    stride = 32

    def forward(self, lightness: Tensor, hints: Tensor | None = None) -> Prediction:
        return Prediction(torch.cat([0 * lightness, 0 * lightness], dim=1) if hints is None else hints[:, :2])


def photo(height: int = 72, width: int = 96, phase: float = 0.0) -> np.ndarray:
    """A smooth picture of that world, sRGB."""
    y, x = np.mgrid[:height, :width]
    lightness: NDArray[np.float64] = 50 + 20 * np.sin(x / 9 + phase) * np.cos(y / 11)
    rgb: NDArray[np.float64] = lab2rgb(np.stack([lightness, *known_ab(lightness)], axis=2))
    return np.rint(rgb * 255).astype(np.uint8)


def write(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1])
    return path


def setup(network: nn.Module, *, gain: float = 1.0, saturation: float = 1.0, takes_hints: int = 0) -> Setup:
    config = NetworkConfig(size=64, gain=gain, hints=takes_hints)
    model = Model("known", network, config, "")  # type: ignore[arg-type]  # any module that colors
    return Setup(Predictor(model, torch.device("cpu"), torch.float32), 0, saturation, "none")


def film(path: Path, pictures: list[np.ndarray]) -> Path:
    """A lossless color film, 4:4:4."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        for image in pictures:
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv444p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def pan(frames: int = 11) -> list[np.ndarray]:
    """A pan over the world where color is a function of lightness."""
    wide = photo(96, 160)
    return [np.ascontiguousarray(wide[:, i : i + 128]) for i in range(frames)]
