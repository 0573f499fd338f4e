"""What size the network works at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from vidcolor.film.frame import VideoInfo
from vidcolor.film.reader import probe
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import Model
from vidcolor.network.config import NetworkConfig
from vidcolor.pipeline.view import Colorizer

CONFIG = NetworkConfig(embedding=8, fusion=8, decoder=(8, 8, 8), size=96, still_size=128)
SAMPLES = Path(__file__).parent.parent / "samples"


def colorizer(info: VideoInfo, config: NetworkConfig = CONFIG, size: int = 0) -> Colorizer:
    model = Model("tiny", build_network(config).eval(), config, "")
    return Colorizer(model, info, device=torch.device("cpu"), precision=torch.float32, size=size)


def test_pictures_and_films_have_sizes_of_their_own(tmp_path: Path) -> None:
    """A single picture is looked at closer than a film's frame, unless the size is given."""
    cv2.imwrite(str(tmp_path / "still.png"), np.zeros((90, 90, 3), np.uint8))
    still, film = probe(tmp_path / "still.png"), probe(SAMPLES / "reel.mp4")
    assert (colorizer(still).height, colorizer(film).height) == (128, 96)
    assert colorizer(still, size=64).height == colorizer(film, size=64).height == 64
    assert colorizer(still, CONFIG.with_(still_size=0)).height == 96
