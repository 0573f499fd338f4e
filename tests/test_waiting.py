"""How much of a film is in memory at once."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from vidcolor.film.frame import ColorTags, Frame, VideoInfo
from vidcolor.network.predictor import BATCH
from vidcolor.pipeline.waiting import LARGE, WAITING, frames_together, frames_waiting, without_pictures
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


def decoded(seed: int, height: int = LARGE // 2048, width: int = 2048) -> Frame:
    """Return a frame whose luma is a part of a picture, as it comes from a decoder."""
    picture = np.random.default_rng(seed).integers(0, 255, (height * 3 // 2, width), np.uint8)
    return Frame(picture[:height], 8, seed, Fraction(1, 24), ColorTags("bt709", False))


def test_large_frames_wait_without_their_picture() -> None:
    """Their luma is the same to the code, in other memory; the rest is as it was."""
    frames = [decoded(seed) for seed in range(3)]
    alone = list(without_pictures(iter(frames)))
    for found, frame in zip(alone, frames, strict=True):
        assert np.array_equal(found.luma, frame.luma)
        assert not np.shares_memory(found.luma, frame.luma)
        assert (found.pts, found.bits, found.tags) == (frame.pts, frame.bits, frame.tags)


def test_memory_is_used_again_when_nobody_looks_at_it() -> None:
    """A view of a frame, and a tensor, hold what they show; once they are gone its memory is another frame's."""
    stream = without_pictures(decoded(seed) for seed in range(5))
    first = next(stream).luma
    place, corner = first.ctypes.data, first[8:16, 8:16]
    tensor, copy = torch.from_numpy(corner), corner.copy()
    del first, corner
    second = next(stream).luma
    assert second.ctypes.data != place
    assert np.array_equal(tensor.numpy(), copy)
    del tensor
    assert next(stream).luma.ctypes.data == place
    assert np.array_equal(second, decoded(1).luma)


def test_frames_that_would_gain_nothing_wait_as_they_are() -> None:
    """Small ones, those with a luma of their own, and those whose chroma or opacity keeps the picture anyway."""
    small, large = decoded(0, LARGE // 2048 - 1), decoded(0)
    own = replace(large, luma=large.luma.copy())
    half = large.luma[::2, ::2]
    frames = [small, own, replace(large, chroma=(half, half)), replace(large, alpha=large.luma)]
    assert all(found is frame for found, frame in zip(without_pictures(iter(frames)), frames, strict=True))
