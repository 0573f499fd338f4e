"""Runs over image sequences, and what they need."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np

from planes import rows_of
from reels import HEIGHT, WIDTH, Array
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.batch import colorize
from vidcolor.pipeline.result import Result
from vidcolor.settings import RunSettings

SMALL: dict[str, Any] = {"size": 32, "batch_size": 4, "device": "cpu"}
RUN = RunSettings(**SMALL)


def write_sound(path: Path, seconds: float) -> Path:
    with av.open(str(path), "w") as container:
        sound = container.add_stream("pcm_s16le", rate=48000, layout="mono")
        codes = np.full((1, round(seconds * 48000)), 1000, np.int16)
        block = av.AudioFrame.from_ndarray(codes, format="s16", layout="mono")
        block.sample_rate, block.pts, block.time_base = 48000, 0, Fraction(1, 48000)
        container.mux(sound.encode(block))
        container.mux(sound.encode(None))
    return path


@cache
def network() -> Predictor:
    """One network for all runs."""
    return Predictor.load(RUN)


def run(source: Path | str, output: Path | str | None = None, **options: Any) -> Result:
    return colorize(source, output, settings=options.pop("settings", RUN), predictor=network(), **options)


def state(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.iterdir() if path.is_file()}


def write_film(path: Path, lumas: list[Array], *, rate: int = 25, uneven: bool = False, sound: bool = False) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.metadata["timecode"] = "10:00:00:00"
        track = container.add_stream("pcm_s16le", rate=8000, layout="mono") if sound else None
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for number, luma in enumerate(lumas):
            frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
            rows_of(frame.planes[0], 8)[:, :WIDTH] = luma
            for plane in list(frame.planes)[1:]:
                rows_of(plane, 8)[...] = 128
            frame.pts, frame.time_base = 40 * number + (300 if uneven and number > 3 else 0), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if track is not None:
            block = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = 8000, 0, Fraction(1, 8000)
            container.mux(track.encode(block))
            container.mux(track.encode(None))
    return path
