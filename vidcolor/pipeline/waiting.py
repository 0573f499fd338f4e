"""How many frames of a film wait in memory between the stages of a run, and how much memory each takes."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import torch

from vidcolor.color.arrays import Luma
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.network.predictor import BATCH
from vidcolor.pipeline.smoothing.looks import frames_per_look
from vidcolor.settings import RunSettings

WAITING = 8 << 20  # bytes of luma that may wait for a stage, in frames: more of them would gain no time at 1080p
COLORED = 4  # frames that may wait for the encoder, which takes them one by one
LARGE = 4 << 20  # bytes of luma from which on a frame waits without its picture: copying smaller ones gains little


def frames_waiting(most: int, info: VideoInfo) -> int:
    """Return how many frames of a film may wait for a stage: at most so many, and fewer where they are large."""
    return max(2, min(most, WAITING // _size(info)))


def frames_together(settings: RunSettings, info: VideoInfo, device: torch.device) -> int:
    """Return how many frames of a film go through the network together: as many as is asked, or as suit the device.

    On a CPU large frames, and those between them that the network does not see, would take more memory while they wait
    for a batch than the batch gains time.
    """
    if settings.batch_size or device.type != "cpu":
        return settings.batch_size or BATCH[device.type]
    each = _size(info) * frames_per_look(look_rate(settings, info))
    return max(1, min(BATCH["cpu"], 2 * WAITING // each))


def look_rate(settings: RunSettings, info: VideoInfo) -> Fraction | None:
    """Return the frames per second of a film of which the network need not see every frame; None: it sees all."""
    return info.rate if settings.looks == "auto" else None


def without_pictures(stream: Iterator[Frame]) -> Iterator[Frame]:
    """Yield frames of which the large ones do not keep the decoded picture in memory, where only its luma is of use.

    Some forty frames wait between decoder and encoder. A luma as decoded is a part of its picture, so that chroma which
    nobody looks at would wait too, half as much again. Lumas are copied to memory that is used again once nobody holds
    the frame: malloc and the system would take longer to give it than the copy takes.
    """
    free: list[bytearray] = []
    for frame in stream:
        luma = frame.luma
        if luma.nbytes < LARGE or luma.base is None or frame.chroma is not None or frame.alpha is not None:
            yield frame
            continue
        memory = free.pop() if free else bytearray()
        if len(memory) != luma.nbytes:
            memory = bytearray(luma.nbytes)
        own: Luma = np.ndarray(luma.shape, luma.dtype, memory)  # views of it hold it, as it does not own its memory
        weakref.finalize(own, free.append, memory)
        own[:] = luma
        yield replace(frame, luma=own)


def _size(info: VideoInfo) -> int:
    """Return the bytes of a frame's luma."""
    return info.width * info.height * (1 + (info.bits > 8))
