"""Films written again as they are, in grey: what a container keeps of them, without a network."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from vidcolor.film.deinterlace import Deinterlace
from vidcolor.film.encoding.encode import EncodeSettings, choose_encoding
from vidcolor.film.reader import frames, open_video
from vidcolor.film.writer import FilmWriter

_FAST = {".webm": EncodeSettings(preset="8"), ".avi": EncodeSettings()}


def rewrite(
    source: Path,
    target: Path,
    settings: EncodeSettings | None = None,
    *,
    deinterlace: Deinterlace = "auto",
    **part: Any,
) -> list[str]:
    """Decode a film, or the part of it that ``start`` and ``duration`` tell, and write it; return the warnings."""
    settings = settings or _FAST.get(target.suffix, EncodeSettings(preset="ultrafast"))
    with open_video(source, deinterlace=deinterlace) as video:
        stream = frames(video, **part)
        first = next(stream)
        encoding = choose_encoding(target, video.info, first.bits, settings)
        writer = FilmWriter(target, video.info, encoding, others=video.others, **part)
        with writer:
            encoder = writer.encoder()
            for frame in chain([first], stream):
                neutral = np.full(encoding.chroma_size[::-1], 1 << (frame.bits - 1), frame.luma.dtype)
                writer.write(encoder.push(frame, (neutral, neutral)))
            writer.write(encoder.flush())
        return [*writer.warnings, *video.warnings]
