"""Films of two shots whose true colors are known, and runs that are told some of them."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import torch

from vidcolor.color.arrays import Plane
from vidcolor.color.spaces import rgb_to_lab
from vidcolor.film.timecode import TimecodeClock
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import Model
from vidcolor.network.config import NetworkConfig
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.film import colorize_film
from vidcolor.pipeline.guidance.matching import Cells
from vidcolor.settings import RunSettings, ShotSettings

NET = NetworkConfig(encoder="test_efficientnet", encoder_options={}, embedding=8, fusion=8, decoder=(8, 8, 8), size=64)
SIZE = (96, 64)
LENGTH = 12  # frames of a shot
RATE = 24
CLOCK = TimecodeClock(Fraction(RATE))


def scene(seed: int, width: int = 160) -> np.ndarray:
    """Blobs of light and of color that have nothing to do with each other, sRGB ``(64, width, 3)``."""
    random = np.random.default_rng(seed)
    light, colors = random.random((8, width // 8)), random.random((3, width // 24, 3)) - 0.5
    height = SIZE[1]
    grey = cv2.resize(light, (width, height), interpolation=cv2.INTER_CUBIC)[..., None] * 110 + 70
    tint = cv2.resize(colors, (width, height), interpolation=cv2.INTER_CUBIC) * 90
    codes: np.ndarray = np.rint(grey + tint - tint @ np.array([0.2126, 0.7152, 0.0722])[:, None])
    return codes.clip(0, 255).astype(np.uint8)


def shot(seed: int, length: int = LENGTH) -> list[np.ndarray]:
    """A slow pan over a scene."""
    wide = scene(seed)
    return [np.ascontiguousarray(wide[:, 2 * i : 2 * i + SIZE[0]]) for i in range(length)]


def write_film(path: Path, pictures: list[np.ndarray]) -> Path:
    """A lossless film in color, whose colors nobody looks at."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv444p")))
        container.mux(stream.encode(None))
    return path


def png(path: Path, picture: np.ndarray) -> Path:
    order = [2, 1, 0, 3][: picture.shape[2]]
    assert cv2.imwrite(str(path), picture[..., order])
    return path


def ab_of(rgb: np.ndarray) -> Plane:
    return rgb_to_lab(torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None] / 255)[0, 1:].numpy()


def run(source: Path, target: Path, predictor: Predictor, shot: ShotSettings | None = None, **how: Any) -> list[Plane]:
    """The ab of a film colorized without loss."""
    settings = RunSettings(codec="ffv1", pix_fmt="yuv444p", size=64, batch_size=4, **how)
    colorize_film(source, target, settings=settings, shot=shot, predictor=predictor, overwrite=True)
    with av.open(str(target)) as container:
        return [ab_of(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def error(found: Plane, wanted: Plane) -> float:
    """Mean distance in ab, away from the borders, which a pan brings into sight."""
    return float(np.hypot(*(found - wanted)[:, 8:-8, 24:-24]).mean())


def cells(picture: np.ndarray, predictor: Predictor) -> tuple[Cells, Plane]:
    luma = (picture @ np.array([0.2126, 0.7152, 0.0722]) / 255).astype(np.float32)
    return Cells.of(luma, predictor.cells([luma])[0]), ab_of(picture)


def listed(folder: Path, *rows: str) -> Path:
    """A list of the film's two shots, with cells of the columns reference, hints and like."""
    path = folder / "film.shots.csv"
    lines = [f"{n + 1},{n * LENGTH},{(n + 1) * LENGTH},{cells}" for n, cells in enumerate(rows)]
    path.write_text("\n".join(["shot,start_frame,end_frame,reference,hints,like", *lines]) + "\n")
    return path


@cache
def untrained() -> Predictor:
    """A network that takes hints and hardly has colors of its own."""
    torch.manual_seed(0)
    config = NET.with_(hints=8)
    return Predictor(Model("untrained", build_network(config), config, ""), torch.device("cpu"), torch.float32)


def two_shots() -> list[np.ndarray]:
    return shot(1) + shot(2)


@cache
def untold(film: Path) -> list[Plane]:
    """The ab of a film whose colors nobody has told."""
    return run(film, film.with_name("untold.mkv"), untrained())
