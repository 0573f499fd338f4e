"""The color of footage is read as other decoders read it."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from vidcolor.film.reader import frames, open_video
from vidcolor.film.rgb import picture


def scene(width: int = 64, height: int = 48) -> np.ndarray:
    """Smooth saturated colors, ``(H, W, 3)``."""
    y, x = np.mgrid[:height, :width] / 16.0
    waves = [np.sin(x + 1), np.cos(y + x / 3), np.sin(x / 2 - y)]
    return np.rint(127.5 + 100 * np.stack(waves, axis=2)).astype(np.uint8)


def film(path: Path, pix_fmt: str, colorspace: int = 0, color_range: int = 0) -> Path:
    """Two frames of the scene, by ffmpeg's own conversion; RGB formats as they are."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        height, width = scene().shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        for _ in range(2):
            frame = av.VideoFrame.from_ndarray(scene(), format="rgb24")
            frame = frame.reformat(
                format=pix_fmt, dst_colorspace=colorspace or None, dst_color_range=color_range or None
            )
            if colorspace:
                frame.colorspace, frame.color_range = colorspace, color_range
                stream.codec_context.colorspace, stream.codec_context.color_range = colorspace, color_range
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("pix_fmt", "colorspace", "color_range", "tolerance"),
    [
        ("yuv444p", 1, 1, 3),
        ("yuv444p", 5, 2, 3),
        ("yuv444p10le", 5, 1, 2),
        ("yuv420p", 5, 1, 12),  # chroma is halved here and enlarged again
        ("bgr0", 0, 0, 3),
    ],
)
def test_colors_come_back(tmp_path: Path, pix_fmt: str, colorspace: int, color_range: int, tolerance: int) -> None:
    """What ffmpeg turned into a film is the scene again: matrix, range and depth are read right."""
    with open_video(film(tmp_path / "film.mkv", pix_fmt, colorspace, color_range)) as video:
        first, second = frames(video, chroma=True)
    for frame in (first, second):
        assert frame.chroma is not None
        rgb = picture(frame, frame.chroma, 64, 48).transpose(1, 2, 0) * 255
        assert np.abs(rgb - scene()).max() <= tolerance


def test_pictures_are_made_smaller_by_averaging(tmp_path: Path) -> None:
    """Half the size is the mean of four pixels, up to the rounding of codes."""
    with open_video(film(tmp_path / "film.mkv", "yuv444p", 1, 1)) as video:
        frame = next(frames(video, chroma=True))
    assert frame.chroma is not None
    small = picture(frame, frame.chroma, 32, 24)
    full = picture(frame, frame.chroma, 64, 48)
    assert np.abs(small - full.reshape(3, 24, 2, 32, 2).mean(axis=(2, 4))).max() < 2 / 255


def test_grey_film_has_neutral_color(tmp_path: Path) -> None:
    """A film without chroma planes gives R' = G' = B'."""
    with open_video(film(tmp_path / "film.mkv", "gray")) as video:
        frame = next(frames(video, chroma=True))
    assert frame.chroma is not None
    rgb = picture(frame, frame.chroma, 64, 48)
    assert np.abs(rgb - rgb[:1]).max() < 1e-6
    assert rgb.std() > 0.1


def test_chroma_is_read_on_request_only(tmp_path: Path) -> None:
    """Colorizing does not pay for it, and cannot peek."""
    with open_video(film(tmp_path / "film.mkv", "yuv420p")) as video:
        assert next(frames(video)).chroma is None
