"""The pipeline beside the same steps written plainly and slowly: one frame after another, nothing folded, tabulated,
overlapped, batched or in half precision, and no function of vidcolor's but color science that is tested by itself.
"""

from __future__ import annotations

from functools import cache
from itertools import islice
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from torch.nn import functional as F

from vidcolor.color.gamut import ab_to_cbcr
from vidcolor.color.spaces import luma_to_lightness
from vidcolor.network.checkpoint import Model, load_model
from vidcolor.pipeline.film import colorize_film
from vidcolor.settings import RunSettings, ShotSettings

SAMPLES = Path(__file__).parent.parent / "samples"
FRAMES = 3
BEGIN = 4.0  # seconds into the reel: a cup of coffee


def planes(path: Path, begin: float = 0.0) -> list[list[NDArray[np.float64]]]:
    """Y', Cb and Cr of the first frames from a time on, as code values."""
    with av.open(str(path)) as container:
        pictures = islice((f for f in container.decode(video=0) if f.time >= begin), FRAMES)
        return [
            [
                np.frombuffer(p, np.uint8).reshape(p.height, p.line_size)[:, : p.width].astype(np.float64)
                for p in picture.planes
            ]
            for picture in pictures
        ]


@cache
@torch.no_grad()
def plain_chroma() -> list[NDArray[np.float64]]:
    """Cb and Cr of these frames of the reel."""
    model = load_model()
    return [chroma_of(luma, model) for luma, *_ in planes(SAMPLES / "reel.mp4", BEGIN)]


def chroma_of(luma: NDArray[np.float64], model: Model) -> NDArray[np.float64]:
    """Cb and Cr of a 4:3 frame of 8 bits in limited range, BT.601, at half its size."""
    small = cv2.resize((luma - 16) / 219, (224, 160), interpolation=cv2.INTER_AREA).clip(0, 1)
    y = torch.from_numpy(small).float()[None, None]
    ab = F.interpolate(model.network(luma_to_lightness(y)).ab, size=y.shape[-2:], mode="bilinear")
    cbcr = ab_to_cbcr(y, ab * model.config.gain, "bt601")[0].double().numpy()

    def mean(x: NDArray[np.float64]) -> NDArray[np.float64]:
        means: NDArray[np.float64] = uniform_filter(x, 7, mode="nearest")
        return means

    height, width = luma.shape[0] // 2, luma.shape[1] // 2
    guide = cv2.resize((luma - 16) / 219, (width, height), interpolation=cv2.INTER_AREA)
    chroma = []
    for plane in cbcr:
        slope = (mean(small * plane) - mean(small) * mean(plane)) / (mean(small**2) - mean(small) ** 2 + 0.02**2)
        offset = mean(plane) - slope * mean(small)
        chroma.append(cv2.resize(mean(slope), (width, height)) * guide + cv2.resize(mean(offset), (width, height)))
    codes: NDArray[np.float64] = np.rint(128 + 224 * np.stack(chroma))
    return codes


@pytest.mark.parametrize(("precision", "usual", "rare"), [("fp32", 0.25, 2), ("auto", 0.6, 4)])
def test_the_fast_path_is_the_plain_path(
    tmp_path: Path, precision: Literal["fp32", "auto"], usual: float, rare: float
) -> None:
    """Luma exactly; chroma within ``usual`` codes on average and ``rare`` in 99 of 100 places.

    What is allowed is the table's interpolation, rounding, and in half precision its 8 bits of mantissa.
    """
    settings = RunSettings(codec="ffv1", precision=precision, start=BEGIN, duration=0.12)
    colorize_film(SAMPLES / "reel.mp4", tmp_path / "fast.mkv", settings=settings, shot=ShotSettings(smooth=0.0))
    fast, source = planes(tmp_path / "fast.mkv"), planes(SAMPLES / "reel.mp4", BEGIN)
    assert len(fast) == len(source) == FRAMES
    for (luma, *chroma), (true_luma, *_), plain in zip(fast, source, plain_chroma(), strict=True):
        np.testing.assert_array_equal(luma, true_luma)
        difference = np.abs(np.stack(chroma) - plain)
        assert difference.mean() < usual
        assert np.quantile(difference, 0.99) <= rare
        assert np.ptp(chroma[0]) > 10  # there is color to compare
