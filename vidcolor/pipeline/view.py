"""A network put to work: frames in, ab at network size out."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from vidcolor.color.arrays import Plane
from vidcolor.color.spaces import luma_to_lightness
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.network.checkpoint import Model
from vidcolor.network.inference import fold_batch_norms, lower_precision
from vidcolor.pipeline.chroma import shrink_luma

STRIDE = 32  # network sizes are multiples of it
MAX_ASPECT = 4.0  # the long side is at most this many times the short one: longer pictures are squeezed


def whole_strides(length: float) -> int:
    """The network size in pixels that is nearest to a length."""
    return max(STRIDE, round(length / STRIDE) * STRIDE)


def network_size(info: VideoInfo, short_side: int) -> tuple[int, int]:
    """Width and height for the network: the picture's shape on the screen, in multiples of the stride."""
    aspect = float(info.width * info.sample_aspect / info.height)
    long_side = short_side * min(max(aspect, 1 / aspect), MAX_ASPECT)
    long, short = whole_strides(long_side), whole_strides(short_side)
    return (long, short) if aspect >= 1 else (short, long)


class Colorizer:
    """A model on a device, for one film or picture.

    Args:
        model: From checkpoint.load_model.
        info: The film or picture, for its shape and rotation.
        size: Short side of the network's picture; 0 takes the model's own.
        saturation: Factor on the calibrated ab.
    """

    def __init__(
        self,
        model: Model,
        info: VideoInfo,
        *,
        device: torch.device,
        precision: torch.dtype,
        size: int = 0,
        saturation: float = 1.0,
    ) -> None:
        self.width, self.height = network_size(info, size or model.config.short_side(info.is_still))
        # The network knows faces upright only; players turn the picture by multiples of 90 degrees.
        self.turns = round(info.rotation / 90) % 4
        self.gain = model.config.gain * saturation
        self.device, self.precision = device, precision
        network = fold_batch_norms(model.network, torch.zeros(1, 1, STRIDE, STRIDE))
        self.network = lower_precision(network.to(device), precision).to(memory_format=torch.channels_last)

    def small(self, frame: Frame) -> Plane:
        """Y' at network size, ``(h, w)`` in 0..1."""
        return np.clip(shrink_luma(frame, self.width, self.height), 0, 1)

    @torch.inference_mode()
    def ab(self, lumas: Sequence[Plane]) -> list[Plane]:
        """ab ``(2, h, w)`` for each Y' of network size ``(h, w)``."""
        upright = np.stack([np.rot90(luma, self.turns) for luma in lumas])
        lightness = luma_to_lightness(torch.from_numpy(upright)[:, None].to(self.device))
        prediction = self.network(lightness.contiguous(memory_format=torch.channels_last))
        ab = F.interpolate(prediction.ab.float(), size=upright.shape[1:], mode="bilinear", align_corners=False)
        planes = (ab * self.gain).cpu().numpy()
        return [np.ascontiguousarray(np.rot90(p, -self.turns, axes=(1, 2))) for p in planes]


# OpenCV's own threads would fight with torch's and the codec's for the same cores.
cv2.setNumThreads(1)
