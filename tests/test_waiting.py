"""How much of a film is in memory at once."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from vidcolor.film.frame import ColorTags, VideoInfo
from vidcolor.network.predictor import BATCH
from vidcolor.pipeline.waiting import WAITING, frames_together, frames_waiting
from vidcolor.settings import RunSettings

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def film(width: int, height: int, rate: int = 24, bits: int = 8) -> VideoInfo:
    return replace(VideoInfo.of_still(width, height, ColorTags("bt709", False)), rate=Fraction(rate), bits=bits)


@pytest.mark.parametrize(
    ("info", "together"),
    [(film(854, 480), 4), (film(1920, 1080), 2), (film(3840, 2160), 1), (film(1920, 1080, bits=10), 1)],
)
def test_frames_that_wait_for_a_batch_take_some_megabytes(info: VideoInfo, together: int) -> None:
    """The larger the frames, the fewer go through the network together."""
    assert frames_together(RunSettings(), info, CPU) == together


def test_a_batch_of_all_frames_is_as_large_in_memory() -> None:
    """A batch of eight frames a second holds two more for each of its own, a batch of all frames holds none."""
    info = film(1920, 1080)
    assert frames_together(RunSettings(looks="all"), info, CPU) == 4 > frames_together(RunSettings(), info, CPU)
    assert frames_together(RunSettings(), replace(info, rate=Fraction(60)), CPU) == 1


def test_what_is_asked_for_is_done() -> None:
    """A batch size that was asked for, and a device with memory of its own."""
    info = film(3840, 2160)
    assert frames_together(RunSettings(batch_size=9), info, CPU) == 9
    assert frames_together(RunSettings(), info, GPU) == BATCH["cuda"]


def test_large_frames_wait_in_shorter_lines() -> None:
    """But always two, so that a stage can work while the next one does."""
    assert frames_waiting(12, film(640, 480)) == 12
    assert frames_waiting(12, film(1920, 1080)) == WAITING // (1920 * 1080)
    assert frames_waiting(12, film(7680, 4320)) == 2
