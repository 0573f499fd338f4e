"""One picture, grey beside colored."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from vidcolor.errors import OutputError
from vidcolor.files import replaced
from vidcolor.film.reader import frames, open_video
from vidcolor.network.checkpoint import load_model
from vidcolor.network.device import choose_device, choose_precision
from vidcolor.pipeline.film import check_target, colorize_picture, refuse_hdr
from vidcolor.pipeline.view import Colorizer


def preview(
    source: Path,
    output: Path,
    *,
    at: float,
    overwrite: bool,
    model: str | Path,
    device: str,
    precision: str,
    size: int,
    saturation: float,
) -> None:
    """Write a PNG that shows one frame of a film (or a still picture), grey on the left, colored on the right."""
    check_target(source, output, overwrite)
    chosen = choose_device(device)
    with open_video(source) as video:
        refuse_hdr(video.info)
        colorizer = Colorizer(
            load_model(model),
            video.info,
            device=chosen,
            precision=choose_precision(precision, chosen),
            size=size,
            saturation=saturation,
        )
        frame = next(frames(video, at))
    pair = np.concatenate([np.rot90(p, colorizer.turns) for p in colorize_picture(frame, colorizer)], axis=1)
    encoded, data = cv2.imencode(".png", np.ascontiguousarray(pair[..., ::-1]))
    if not encoded:
        raise OutputError(f"cannot write {output}", "the picture cannot be encoded", "Choose another frame")
    with replaced(output) as part:
        part.write_bytes(data.tobytes())
