"""How many frames of a film wait in memory between the stages of a run."""

from __future__ import annotations

from fractions import Fraction

import torch

from vidcolor.film.frame import VideoInfo
from vidcolor.network.predictor import BATCH
from vidcolor.pipeline.smoothing.looks import frames_per_look
from vidcolor.settings import RunSettings

WAITING = 8 << 20  # bytes of luma that may wait for a stage, in frames: more of them would gain no time at 1080p
COLORED = 4  # frames that may wait for the encoder, which takes them one by one


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


def _size(info: VideoInfo) -> int:
    """Return the bytes of a frame's luma."""
    return info.width * info.height * (1 + (info.bits > 8))
