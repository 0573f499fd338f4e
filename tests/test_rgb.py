"""A frame as a picture: colors are read as other decoders read them, and shown as published codes say."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from planes import rows_of
from vidcolor.color.spaces import bt2020_to_srgb, hlg_to_linear, pq_to_linear
from vidcolor.film.display import display_size
from vidcolor.film.frame import ColorTags
from vidcolor.film.grey import grey_picture
from vidcolor.film.reader import frames, open_video
from vidcolor.film.rgb import frame_to_picture, frame_to_rgb, rgb_to_codes, rgb_to_srgb, without_color

# Codes of 75 % bars as test generators print them, BT.709 and BT.601, 8-bit limited: yellow, cyan, green, magenta.
COLORS = [(191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191)]
BARS = {
    "bt709": [(168, 44, 136), (145, 147, 44), (133, 63, 52), (63, 193, 204)],
    "bt601": [(162, 44, 142), (131, 156, 44), (112, 72, 58), (84, 184, 198)],
}
COLUMN = 32  # pixels, width of a bar


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
        rgb = frame_to_rgb(frame, frame.chroma, 64, 48).permute(1, 2, 0).numpy() * 255
        assert np.abs(rgb - scene()).max() <= tolerance


def test_pictures_are_made_smaller_by_averaging(tmp_path: Path) -> None:
    """Half the size is the mean of four pixels, up to the rounding of codes."""
    with open_video(film(tmp_path / "film.mkv", "yuv444p", 1, 1)) as video:
        frame = next(frames(video, chroma=True))
    assert frame.chroma is not None
    small = frame_to_rgb(frame, frame.chroma, 32, 24)
    full = frame_to_rgb(frame, frame.chroma, 64, 48)
    assert np.abs((small - full.reshape(3, 24, 2, 32, 2).mean(dim=(2, 4))).numpy()).max() < 2 / 255


def test_grey_film_has_neutral_color(tmp_path: Path) -> None:
    """A film without chroma planes gives R' = G' = B'."""
    with open_video(film(tmp_path / "film.mkv", "gray")) as video:
        frame = next(frames(video, chroma=True))
    assert frame.chroma is not None
    rgb = frame_to_rgb(frame, frame.chroma, 64, 48)
    assert (rgb - rgb[:1]).abs().max() < 1e-6
    assert rgb.std() > 0.1


def test_chroma_is_read_on_request_only(tmp_path: Path) -> None:
    """Colorizing does not pay for it, and cannot peek."""
    with open_video(film(tmp_path / "film.mkv", "yuv420p")) as video:
        assert next(frames(video)).chroma is None


def write_bars(path: Path, pix_fmt: str, matrix: str, *, full: bool = False, size: tuple[int, int] = (128, 48)) -> Path:
    """Four bars with the published codes, as a lossless film, tagged."""
    codes = np.array(BARS[matrix], float)
    if full:
        codes = np.stack(
            [(codes[:, 0] - 16) * 255 / 219, *((codes[:, c] - 128) * 255 / 224 + 128 for c in (1, 2))], axis=1
        )
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.colorspace = Colorspace.ITU709 if matrix == "bt709" else Colorspace.ITU601
        stream.codec_context.color_range = ColorRange.JPEG if full else ColorRange.MPEG
        frame = av.VideoFrame(*size, pix_fmt)
        deep = frame.format.components[0].bits - 8
        for number, plane in enumerate(frame.planes):
            rows = rows_of(plane, 8 + deep)
            bars = np.repeat(np.rint(codes[:, number] * (1 << deep)), -(-plane.width // 4))
            rows[:, : plane.width] = bars[: plane.width]
        frame.colorspace, frame.color_range = stream.codec_context.colorspace, stream.codec_context.color_range
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def first_picture(path: Path, max_side: int = 999, **changes: Any) -> NDArray[np.uint8]:
    with open_video(path) as video:
        return frame_to_picture(next(frames(video, chroma=True)), replace(video.info, **changes), max_side)


@pytest.mark.parametrize("matrix", ["bt709", "bt601"])
@pytest.mark.parametrize(
    ("pix_fmt", "full"),
    [("yuv420p", False), ("yuv420p", True), ("yuv422p", False), ("yuv444p", True), ("yuv420p10le", False)],
)
def test_published_bars_are_shown_in_their_colors(tmp_path: Path, pix_fmt: str, full: bool, matrix: str) -> None:
    """The middle of every bar has its color, to 2 codes: the printed codes are rounded."""
    picture = first_picture(write_bars(tmp_path / "bars.mkv", pix_fmt, matrix, full=full))
    assert picture.shape == (48, 128, 3)
    for i, color in enumerate(COLORS):
        assert np.abs(picture[20, i * COLUMN + COLUMN // 2].astype(int) - color).max() <= 2


def test_odd_sizes_are_shown_whole(tmp_path: Path) -> None:
    """A film of odd width and height is shown at its size, and smaller at its shape."""
    path = write_bars(tmp_path / "odd.mkv", "yuv420p", "bt709", size=(127, 45))
    assert first_picture(path).shape == (45, 127, 3)
    assert first_picture(path, max_side=64).shape == (23, 64, 3)


def test_rgb_film_is_shown_as_it_is(tmp_path: Path) -> None:
    """A picture stored as RGB comes out as it was, but for the rounding of 8-bit Y'CbCr."""
    image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "still.png"), image[..., ::-1])
    assert np.abs(first_picture(tmp_path / "still.png").astype(int) - image).max() <= 2


def test_grey_film_is_shown_neutral(tmp_path: Path) -> None:
    """A film without chroma has three equal channels."""
    cv2.imwrite(str(tmp_path / "grey.png"), np.arange(48 * 64, dtype=np.uint16).reshape(48, 64).astype(np.uint8))
    assert np.ptp(first_picture(tmp_path / "grey.png"), axis=2).max() == 0


@pytest.mark.parametrize(("turn", "corner"), [(0, "yellow"), (90, "magenta"), (180, "magenta"), (270, "yellow")])
def test_pictures_stand_upright(tmp_path: Path, turn: int, corner: str) -> None:
    """The stored picture is turned anticlockwise, as players do it: after 90 degrees its right side is on top."""
    picture = first_picture(write_bars(tmp_path / "bars.mkv", "yuv420p", "bt709"), rotation=turn)
    assert picture.shape == ((48, 128, 3) if turn % 180 == 0 else (128, 48, 3))
    color = COLORS[{"yellow": 0, "magenta": 3}[corner]]
    assert np.abs(picture[4, 4].astype(int) - color).max() <= 2


def test_mirrored_films_are_shown_mirrored(tmp_path: Path) -> None:
    """Players exchange left and right after turning."""
    path = write_bars(tmp_path / "bars.mkv", "yuv420p", "bt709")
    turned = first_picture(path, rotation=90)
    assert np.array_equal(first_picture(path, rotation=90, mirrored=True), turned[:, ::-1])


def test_frame_without_chroma_is_refused(tmp_path: Path) -> None:
    """Grey is never shown for the colors that nobody read."""
    path = write_bars(tmp_path / "bars.mkv", "yuv420p", "bt709")
    with open_video(path) as video, pytest.raises(ValueError, match="without its chroma"):
        frame_to_picture(next(frames(video)), video.info, 64)


@pytest.mark.parametrize(
    ("stored", "aspect", "side", "shown"),
    [
        ((720, 576), Fraction(16, 15), 9999, (720, 540)),  # PAL, 4:3
        ((720, 576), Fraction(64, 45), 512, (512, 288)),  # PAL, 16:9
        ((320, 240), Fraction(1, 2), 9999, (160, 240)),
        ((1920, 1080), Fraction(1), 640, (640, 360)),
    ],
)
def test_pixels_are_square(
    tmp_path: Path, stored: tuple[int, int], aspect: Fraction, side: int, shown: tuple[int, int]
) -> None:
    """Anamorphic films get the published shape of their screen, shrinking the longer pixels; nothing is enlarged."""
    with open_video(write_bars(tmp_path / "bars.mkv", "yuv420p", "bt709")) as video:
        info = replace(video.info, width=stored[0], height=stored[1], sample_aspect=aspect)
    assert display_size(info, side) == shown


def test_published_levels_of_high_dynamic_range() -> None:
    """BT.2408: the reference white of 203 cd/m2 has 58 % PQ and 75 % HLG; 1000 cd/m2 have 75 % PQ."""

    def light(decode: Any, level: float) -> float:
        return float(decode(torch.full((3, 1, 1), level, dtype=torch.float64))[0] * 203)

    assert light(pq_to_linear, 0.58) == pytest.approx(203, rel=0.02)
    assert light(pq_to_linear, 0.75) == pytest.approx(1000, rel=0.02)
    assert light(pq_to_linear, 0) == 0
    assert light(pq_to_linear, 1) == pytest.approx(10_000)
    assert light(hlg_to_linear, 0.75) == pytest.approx(203, rel=0.02)
    assert light(hlg_to_linear, 1) == pytest.approx(1000, rel=1e-4)


def test_published_matrix_of_wide_gamut() -> None:
    """BT.2087 inverted (BT.2407, 2.2): the coefficients from BT.2020 to BT.709, white to white."""
    red = bt2020_to_srgb(torch.tensor([1.0, 0, 0], dtype=torch.float64)[:, None, None])
    assert red.flatten().tolist() == pytest.approx([1.6605, -0.1246, -0.0182], abs=1e-4)
    assert torch.allclose(bt2020_to_srgb(torch.ones(3, 1, 1)), torch.ones(3, 1, 1))


def test_highlights_keep_their_hue() -> None:
    """What is brighter than the screen is shown at full brightness in its own hue; reference white is white."""
    hdr = ColorTags("bt2020", False, 9, 9, 16)
    white = rgb_to_srgb(torch.full((3, 1, 1), 0.5807), hdr)
    assert white.min() > 0.99
    flame = rgb_to_srgb(torch.tensor([0.75, 0.65, 0.55])[:, None, None], hdr).flatten().tolist()
    assert flame[0] == pytest.approx(1, abs=1e-3)
    assert flame[0] > flame[1] + 0.05 > flame[2] + 0.1
    ordinary = torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(rgb_to_srgb(ordinary, ColorTags("bt709", False, 1, 1, 1)), ordinary)


@pytest.mark.parametrize(("transfer", "primaries"), [(1, 1), (16, 9), (18, 9)])
def test_grey_pictures_are_those_of_the_conversion(tmp_path: Path, transfer: int, primaries: int) -> None:
    """The short way, without torch, gives what the long one gives with neutral chroma, to a code; HDR too."""
    with open_video(film(tmp_path / "film.mkv", "yuv444p10le", 1, 1)) as video:
        frame, info = next(frames(video)), video.info
    tags = replace(frame.tags, transfer=transfer, primaries=primaries)
    frame = replace(frame, tags=tags)
    for side in (64, 40):
        size = display_size(info, side)
        wanted = rgb_to_codes(rgb_to_srgb(frame_to_rgb(frame, without_color(frame), *size), tags))
        found = grey_picture(frame, info, side)
        assert found.shape == wanted.shape
        assert np.abs(found.astype(int) - wanted).max() <= 1
