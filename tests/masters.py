"""Small films as masters are: with timecode, two fields a frame, and marks on their tracks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from beats import write_beats
from rewriting import rewrite
from vidcolor.film.encoding.encode import EncodeSettings, VideoEncoder, choose_encoding
from vidcolor.film.field_order import FieldOrder
from vidcolor.film.frame import ColorTags, Frame, VideoInfo
from vidcolor.film.marks import matroska, mp4
from vidcolor.film.marks.tracks import Crop, PictureShape, TrackMarks

_TAGS = ColorTags("bt601", False)
MARKS = {
    0: TrackMarks(crop=Crop(4, 8, 2, 6)),
    1: TrackMarks(language="en-GB"),
    2: TrackMarks(language="en-US", enabled=False),
}


def written(source: Path, target: Path, codec: str = "", preset: str = "", **how: Any) -> list[str]:
    """A film decoded and written again with neutral chroma; returns the warnings."""
    return rewrite(source, target, EncodeSettings(codec, preset=preset), **how)


def film(
    path: Path,
    codec: str = "mjpeg",
    pix_fmt: str = "yuvj420p",
    *,
    rate: Fraction = Fraction(25),
    count: int = 50,
    size: tuple[int, int] = (64, 48),
    timecode: str = "",
    settings: Callable[[Any], None] = lambda stream: None,
) -> Path:
    """A film of moving stripes."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        settings(stream)
        if timecode:
            owner: Any = container if path.suffix in (".avi", ".mxf") else stream
            owner.metadata["timecode"] = timecode
        for number in range(count):
            stripes = np.tile((np.arange(size[0]) * 4 + 6 * number).astype(np.uint8), (size[1], 1))
            picture = av.VideoFrame.from_ndarray(stripes, format="gray").reformat(format=pix_fmt)
            picture.pts, picture.time_base = number, 1 / rate
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def interlaced(path: Path, order: FieldOrder, codec: str = "ffv1", pix_fmt: str = "yuv420p") -> Path:
    """A film of two fields a frame, marked by its encoder."""
    still = VideoInfo.of_still(64, 48, _TAGS, path=path)
    info = replace(still, rate=Fraction(25), time_base=Fraction(1, 25), field_order=order, fields_kept=True)
    how = choose_encoding(path, info, 8, EncodeSettings(codec, pix_fmt=pix_fmt))
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        how.configure(stream.codec_context)
        stream.time_base = info.time_base
        encoder = VideoEncoder(how, stream.codec_context)
        for number in range(6):
            rows = np.repeat((np.arange(48) % 2 * 90 + 60 + number).astype(np.uint8)[:, None], 64, axis=1)
            neutral = np.full(how.chroma_size[::-1], 128, np.uint8)
            for packet in encoder.push(Frame(rows, 8, number, Fraction(1, 25), _TAGS), (neutral, neutral)):
                packet.stream = stream
                container.mux(packet)
        for packet in encoder.flush():
            packet.stream = stream
            container.mux(packet)
    return path


def marked(path: Path, marks: dict[int, TrackMarks]) -> Path:
    """A film with two tracks of sound, and marks on its tracks."""
    write_beats(path, 1, sounds=("ac3", "ac3"), marks={"language": "eng"})
    if path.suffix == ".mkv":  # written by a muxer that leaves no room: vidcolor's own does
        written(path, path.with_name("roomy.mkv"), "mpeg4")
        path.with_name("roomy.mkv").replace(path)
        assert matroska.write_marks(path, marks, PictureShape(64, 48))
    else:
        written(path, path.with_name(f"fast{path.suffix}"), "mpeg4")
        path.with_name(f"fast{path.suffix}").replace(path)
        assert mp4.write_marks(path, marks, PictureShape(64, 48))
    return path
