"""Small films of several shots, for the tests of what is done segment by segment."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

SHOT, SHOTS = 14, 5  # frames of a shot, and how many shots


def write_reel(path: Path, *, shot: int = SHOT, shots: int = SHOTS) -> Path:
    """Shots of moving texture with uneven times and a keyframe every 9 frames, and sound."""
    rng = np.random.default_rng(3)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10", "g": "9", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "gray"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for number in range(shot * shots):
            if number % shot == 0:
                texture = cv2.GaussianBlur(rng.normal(size=(64, 126 + shot)), (0, 0), 3)
                texture = np.clip(128 + 70 * texture / texture.std(), 16, 235).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(texture[:, number % shot :][:, :96].copy(), format="gray")
            frame.pts, frame.time_base = 40 * number + number % 3, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        block = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.int16), format="s16", layout="mono")
        block.sample_rate, block.pts, block.time_base = 8000, 0, Fraction(1, 8000)
        container.mux(sound.encode(block))
        container.mux(sound.encode(None))
    return path


def transparent_film(path: Path) -> Path:
    """A film of four shots, three frames of it not opaque: an MP4 cannot keep that."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuva420p"
        for number in range(40):
            picture = av.VideoFrame(64, 48, "yuva420p")
            for plane in picture.planes:
                codes = np.random.default_rng(number // 10).integers(60, 200, plane.buffer_size).astype(np.uint8)
                plane.update(codes.tobytes())
            opacity = np.full(picture.planes[3].buffer_size, 100 if 3 <= number < 6 else 255, np.uint8)
            picture.planes[3].update(opacity.tobytes())
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def digest(path: Path) -> str:
    """Return what tells two files apart."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
