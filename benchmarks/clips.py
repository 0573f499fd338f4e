"""The clips that benchmarks make for themselves: a camera pan over a textured ground, discs moving before it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

RATE = 24
WIDTHS = {240: 320, 480: 640, 1080: 1920, 2160: 3840, 4320: 7680}
GRAIN = 6.0  # standard deviation in code values, about a scan of 35 mm stock


def texture(width: int, height: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise at every scale with amplitudes that fall as pictures' do, in code values around grey."""
    total = np.zeros((height, width), np.float32)
    size = 4
    while size <= width:
        octave = rng.standard_normal((max(2, size * height // width), size), dtype=np.float32)
        total += cv2.resize(octave, (width, height), interpolation=cv2.INTER_CUBIC) / size**0.9
        size *= 2
    return 126 + 45 * total / total.std()


def scene(width: int, height: int, frames: int, grain: float) -> Iterator[NDArray[np.uint8]]:
    """Luma of a camera pan over a textured ground, discs moving before it, and film grain."""
    rng = np.random.default_rng(0)
    ground = texture(width * 2, height * 2, rng)
    cloth = texture(width, height, rng)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    for number in range(frames):
        shift = number * width / 1920 * 4
        move = np.array([[1, 0, shift], [0, 1, shift / 3]], np.float32)
        picture = cv2.warpAffine(ground, move, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        for disc in range(3):
            angle = number / RATE * (0.7 + 0.3 * disc) + 2 * disc
            center = width * (0.5 + 0.35 * np.cos(angle)), height * (0.5 + 0.3 * np.sin(angle * 1.3))
            inside = (x - center[0]) ** 2 + (y - center[1]) ** 2 < (height / 8) ** 2
            picture[inside] = cloth[inside] * 0.5 + 40 * disc + 40
        if grain:
            noise = rng.standard_normal(picture.shape, dtype=np.float32)
            picture += grain * cv2.GaussianBlur(noise, (0, 0), 0.7) * 2
        yield np.clip(picture, 16, 235).astype(np.uint8)


def make_clip(path: Path, height: int, grain: float, seconds: float, color: bool = False) -> None:
    """A grey film as people have them, or one with patches of color: H.264 4:2:0."""
    width = WIDTHS[height]
    chroma = np.full((height // 2, width), 128, np.uint8)  # Cb above Cr, as yuv420p has them in rows of full width
    if color:
        patches = np.random.default_rng(1).normal(128, 25, (6, 4)).astype(np.float32)
        chroma = np.clip(cv2.resize(patches, (width, height // 2)), 16, 240).astype(np.uint8)
    part = path.with_suffix(".part.mp4")
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number, luma in enumerate(scene(width, height, round(seconds * RATE), grain)):
            frame = av.VideoFrame.from_ndarray(np.concatenate([luma, chroma]), format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    part.rename(path)


def repeat_clip(source: Path, target: Path, times: int) -> None:
    """The same clip several times, one after the other, packet by packet."""
    part = target.with_suffix(".part" + target.suffix)
    with av.open(str(source)) as film, av.open(str(part), "w") as container:
        pictures = film.streams.video[0]
        stream = container.add_stream_from_template(pictures)
        assert pictures.duration is not None
        for time in range(times):
            film.seek(0)
            for packet in film.demux(pictures):
                if packet.dts is None or packet.pts is None:
                    continue  # the end
                packet.pts += time * pictures.duration
                packet.dts += time * pictures.duration
                packet.stream = stream
                container.mux(packet)
    part.rename(target)


def make_photos(folder: Path, count: int, height: int = 256) -> None:
    """Small photographs of textures in patches of color, each of them another."""
    folder.mkdir(parents=True, exist_ok=True)
    width = height * 4 // 3
    rng = np.random.default_rng(0)
    ground = texture(width * 4, height * 4, rng)
    for number in range(count):
        left, top = rng.integers(0, 3 * width), rng.integers(0, 3 * height)
        light = ground[top : top + height, left : left + width, None] + rng.normal(0, 15)
        patches = cv2.resize(rng.normal(0, 40, (4, 5, 3)).astype(np.float32), (width, height))
        picture = np.clip(light + patches, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number:05}.jpg"), picture)
