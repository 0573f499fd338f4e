"""Films of a few shots, and what stands in a page of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from vidcolor.film.encoding.encode import fill_plane

SIZE = 160, 120  # pixels, width and height


def write_shots(path: Path, shots: int, frames: int) -> Path:
    """Write a lossless grey film whose shots are drifting patterns that have nothing in common."""
    rng = np.random.default_rng(5)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        (stream.width, stream.height), stream.pix_fmt = SIZE, "yuv420p"
        for _ in range(shots):
            pattern = cv2.resize(rng.random((13, 21)), (SIZE[0] + frames, SIZE[1]), interpolation=cv2.INTER_CUBIC)
            codes = np.clip(16 + 219 * pattern, 16, 235).astype(np.uint8)
            for number in range(frames):
                picture = av.VideoFrame(*SIZE, "yuv420p")
                neutral = np.full((SIZE[1] // 2, SIZE[0] // 2), 128, np.uint8)
                planes = (codes[:, number : number + SIZE[0]], neutral, neutral)
                for plane, values in zip(picture.planes, planes, strict=True):
                    fill_plane(plane, values)
                container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def state_of(page: str) -> Any:
    """Return what the script of a page knows."""
    found = re.search(r'<script type="application/json" id="state">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])
