"""A preview shows a film as players show it, and is written like any other picture."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from planes import rows_of
from vidcolor.errors import InputError, OutputError
from vidcolor.pipeline.preview import preview
from vidcolor.settings import RunSettings, ShotSettings

SMALL = RunSettings(size=64, device="cpu", precision="fp32")
GREY = ShotSettings(saturation=0.0)


def write_film(path: Path, level: int = 128, *, rotation: int = 0, hflip: bool = False, aspect: int = 1) -> Path:
    """One frame of 96x64, its left third and its top eighth darker: no turn and no mirroring leaves it as it is."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        if aspect != 1:
            stream.codec_context.sample_aspect_ratio = Fraction(aspect)
        if rotation or hflip:
            stream.set_display_rotation(rotation, hflip=hflip)
        codes = np.full((64, 96), level, np.uint8)
        codes[:, :32], codes[:8] = 40, 70
        frame = av.VideoFrame.from_ndarray(np.full((96, 96), 128, np.uint8), format="yuv420p")
        rows_of(frame.planes[0])[:, :96] = codes
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def shown(path: Path, tmp_path: Path, name: str = "out.png", **keywords: Any) -> np.ndarray:
    """The grey half of a preview."""
    preview(path, tmp_path / name, settings=SMALL, shot=GREY, overwrite=True, **keywords)
    pair = cv2.imread(str(tmp_path / name))
    assert pair.shape[1] % 2 == 0
    grey, colored = pair[:, : pair.shape[1] // 2], pair[:, pair.shape[1] // 2 :]
    assert np.abs(grey.astype(int) - colored).max() <= 1  # without saturation both halves are the same
    green: NDArray[np.uint8] = grey[..., 1]
    return green


def test_a_mirrored_film_is_shown_mirrored(tmp_path: Path) -> None:
    """Left and right are exchanged as players do it."""
    plain = shown(write_film(tmp_path / "a.mp4"), tmp_path)
    assert plain.shape == (64, 96)
    np.testing.assert_array_equal(shown(write_film(tmp_path / "b.mp4", hflip=True), tmp_path), plain[:, ::-1])
    np.testing.assert_array_equal(shown(write_film(tmp_path / "c.mp4", rotation=90), tmp_path), np.rot90(plain))


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    """A pixel twice as wide as high: the picture is half as high, never enlarged."""
    assert shown(write_film(tmp_path / "a.mkv", aspect=2), tmp_path).shape == (32, 96)


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("jpg", b"\xff\xd8\xff"), ("tif", b"II*\0")])
def test_the_suffix_names_the_format(tmp_path: Path, suffix: str, magic: bytes) -> None:
    """Not PNG bytes under any name."""
    preview(write_film(tmp_path / "a.mp4"), tmp_path / f"out.{suffix}", settings=SMALL)
    assert (tmp_path / f"out.{suffix}").read_bytes().startswith(magic)
    with pytest.raises(OutputError, match="not written as"):
        preview(tmp_path / "a.mp4", tmp_path / "out.doc", settings=SMALL)


def test_a_preview_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up leaves the older picture as it was, and nothing else."""
    write_film(tmp_path / "a.mp4")
    (tmp_path / "out.png").write_bytes(b"precious")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vidcolor.files.os.replace", full)
    with pytest.raises(OutputError, match="no space left"):
        preview(tmp_path / "a.mp4", tmp_path / "out.png", settings=SMALL, overwrite=True)
    assert (tmp_path / "out.png").read_bytes() == b"precious"
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "out.png"}


def test_a_stream_is_chosen_by_its_number(tmp_path: Path) -> None:
    """Of a film with two pictures, the one asked for."""
    with av.open(str(tmp_path / "two.mkv"), "w") as container:
        streams = [container.add_stream("ffv1", rate=25) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 96, 64, "gray"
        for level, stream in zip((60, 190), streams, strict=True):
            frame = av.VideoFrame.from_ndarray(np.full((64, 96), level, np.uint8), format="gray")
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    for number, level in enumerate((60, 190)):
        preview(
            tmp_path / "two.mkv", tmp_path / "out.png", overwrite=True, shot=GREY,
            settings=RunSettings(size=64, stream=number),
        )  # fmt: skip
        assert abs(int(cv2.imread(str(tmp_path / "out.png"))[0, 0, 0]) - level) <= 1


def test_a_photograph_is_shown_beside_its_colors(tmp_path: Path) -> None:
    """As it is read for coloring; there is no time in it."""
    grey = np.tile(np.arange(96, dtype=np.uint8) * 2, (64, 1))
    cv2.imwrite(str(tmp_path / "a.png"), grey)
    np.testing.assert_array_equal(shown(tmp_path / "a.png", tmp_path), grey)
    with pytest.raises(InputError, match="it is a photograph"):
        preview(tmp_path / "a.png", tmp_path / "b.png", at=1.0, settings=SMALL)
