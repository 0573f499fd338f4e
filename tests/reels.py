"""Small films of several shots, for the tests of what is done segment by segment."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.film.images.dpx import new_header, write_dpx
from vidcolor.film.images.image import Image
from vidcolor.film.images.metadata import Metadata
from vidcolor.film.transfer import VIDEO, Transfer

Array = NDArray[Any]
SHOT, SHOTS = 9, 5  # frames of a shot, and how many shots
SHORTEST, LONGEST = 8, 40  # frames of the segments of such films
WIDTH, HEIGHT = 96, 64  # of scans


def write_reel(path: Path, *, shot: int = SHOT, shots: int = SHOTS) -> Path:
    """Shots of moving texture with uneven times and a keyframe every 7 frames, and sound."""
    rng = np.random.default_rng(3)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10", "g": "7", "bf": "2"})
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


def textures(count: int, bits: int) -> list[Array]:
    """Grey frames of shots of moving texture."""
    rng, found = np.random.default_rng(3), []
    for number in range(count):
        if number % SHOT == 0:
            texture = cv2.GaussianBlur(rng.normal(size=(HEIGHT, 140)), (0, 0), 3)
            texture = np.clip(0.5 + 0.2 * texture / texture.std(), 0.02, 0.95)
        codes = np.rint(texture[:, number % SHOT :][:, :WIDTH] * ((1 << bits) - 1))
        found.append(codes.astype(np.uint8 if bits == 8 else np.uint16))
    return found


def write_scan(
    folder: Path, count: int = 2 * SHOT, bits: int = 10, transfer: Transfer = VIDEO, name: str = "reel1_"
) -> list[Array]:
    """A scan in DPX files, with timecode and notes in each header; returns the lumas."""
    folder.mkdir(parents=True, exist_ok=True)
    lumas = textures(count, bits)
    for number, luma in enumerate(lumas, 86400):
        header = new_header(WIDTH, HEIGHT, bits, transfer, 3).with_rate(Fraction(24))
        seconds, frame = divmod(number, 24)
        header = header.with_timecode(f"01:{seconds // 60 % 60:02}:{seconds % 60:02}:{frame:02}")
        noted = header.data[:36] + b"reel one, take 2".ljust(100, b"\0") + header.data[136:]
        image = Image(np.repeat(luma[..., None], 3, axis=2), bits, transfer=transfer, metadata=Metadata(header=noted))
        write_dpx(folder / f"{name}{number:06d}.dpx", image)
    return lumas


def landscape(seed: int) -> NDArray[np.uint8]:
    """A scene that is like no other, away from black and white."""
    rng = np.random.default_rng(seed)
    found = np.full((48, 64), 128, np.float32)
    for cells, strength in ((4, 20), (9, 18), (20, 14)):
        noise = rng.normal(0, strength, (cells, cells * 4 // 3)).astype(np.float32)
        found += cv2.resize(noise, (64, 48), interpolation=cv2.INTER_CUBIC)
    return np.clip(found, 70, 190).astype(np.uint8)
