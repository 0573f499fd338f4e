"""TIFF files of every kind come out as a screen shows them; the witness is tifffile, which writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from tones import colors, grey_of, whole
from vidcolor.errors import InputError
from vidcolor.film.images.reading import read_image


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("bits", [1, 2, 4, 6, 8, 10, 12, 14, 16, 24, 32])
def test_tiff_of_every_depth_keeps_its_tones(tmp_path: Path, bits: int, photometric: Any) -> None:
    """White is zero turns no picture into a negative, and every depth keeps black, white and what lies between."""
    values = grey_of(bits)
    stored = values.astype(bool) if bits == 1 else values
    if photometric == "miniswhite":
        stored = ~stored if bits == 1 else ((1 << bits) - 1 - values).astype(values.dtype)
    options: dict[str, Any] = {} if bits in (1, 8, 16, 32) else {"bitspersample": bits}
    try:
        tifffile.imwrite(tmp_path / "a.tif", stored, photometric=photometric, resolution=(1200, 1200), **options)
    except NotImplementedError:
        pytest.skip(f"this imagecodecs does not pack {bits} bits")
    image = read_image(tmp_path / "a.tif")
    assert image.pixels.dtype == (np.uint8 if bits <= 8 else np.uint16)
    assert np.abs(image.pixels - whole(values, bits)).max() <= (0 if bits <= 16 else 1)
    assert image.metadata.dpi == (1200, 1200)
    assert (image.losses == ()) == (bits <= 16)


@pytest.mark.parametrize(
    "options",
    [
        {"tile": (16, 16)},
        {"bigtiff": True, "byteorder": ">"},
        {"compression": "lzw", "predictor": True, "rowsperstrip": 5},
        {"compression": "zstd"},
        {"compression": "packbits"},
        {"planarconfig": "separate", "compression": "adobe_deflate"},
    ],
)
def test_tiff_however_it_is_packed(tmp_path: Path, options: dict[str, Any]) -> None:
    """Tiles, strips, planes, BigTIFF and the packings hold the same pixels."""
    values = colors().astype(np.uint16) * 251 + 7
    stored = np.moveaxis(values, -1, 0) if "planarconfig" in options else values
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", **options)
    assert np.array_equal(read_image(tmp_path / "a.tif").pixels, values)


def test_tiff_of_a_fax_machine(tmp_path: Path) -> None:
    """One bit, group 4, as document scanners write it."""
    dots = np.random.default_rng(0).integers(0, 2, (30, 50)).astype(bool)
    Pillow.fromarray(dots).save(tmp_path / "a.tif", compression="group4")
    assert np.array_equal(read_image(tmp_path / "a.tif").pixels, dots * np.uint8(255))


def test_tiff_of_grey_with_alpha_keeps_both_at_their_depth(tmp_path: Path) -> None:
    """16 bits of each; multiplied values are told by the file and taken apart."""
    grey, alpha = grey_of(16), np.full((24, 37), 32768, np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", np.dstack([grey, alpha]), photometric="minisblack", extrasamples=["unassalpha"]
    )
    image = read_image(tmp_path / "a.tif")
    assert np.array_equal(image.pixels, grey)
    assert image.alpha is not None
    assert np.array_equal(image.alpha, alpha)
    tifffile.imwrite(
        tmp_path / "b.tif", np.dstack([grey // 2, alpha]), photometric="minisblack", extrasamples=["assocalpha"]
    )
    assert np.abs(read_image(tmp_path / "b.tif").pixels.astype(int) - grey).max() <= 3


def test_tiff_channels_that_are_no_alpha_are_told(tmp_path: Path) -> None:
    """A scanner's infrared channel is no opacity."""
    tifffile.imwrite(
        tmp_path / "a.tif", np.dstack([colors(), colors()[..., 0]]), photometric="rgb", extrasamples=["unspecified"]
    )
    image = read_image(tmp_path / "a.tif")
    assert image.alpha is None
    assert "infrared" in image.losses[0]


def test_tiff_with_a_palette(tmp_path: Path) -> None:
    """Numbers are looked up; 8-bit palettes stay 8-bit."""
    palette = np.random.default_rng(0).integers(0, 256, (3, 256)).astype(np.uint16)
    numbers = grey_of(8)
    tifffile.imwrite(tmp_path / "a.tif", numbers, photometric="palette", colormap=palette * 257)
    assert np.array_equal(read_image(tmp_path / "a.tif").pixels, palette.T[numbers])


def test_tiff_of_luma_and_chroma(tmp_path: Path) -> None:
    """Y'CbCr, unpacked and as JPEG, comes near to the RGB that it was."""
    jpeg: dict[str, Any] = {"compression": "jpeg", "quality": 95}
    for name, options in (("a.tif", {}), ("b.tif", jpeg)):
        Pillow.fromarray(colors()).convert("YCbCr").save(tmp_path / name, **options)
        assert np.abs(read_image(tmp_path / name).pixels.astype(int) - colors()).mean() < 4


def test_tiff_in_lab(tmp_path: Path) -> None:
    """CIE L* of grey is its lightness: 50 is sRGB 119 (IEC 61966-2-1 of Y = 0.184); both encodings agree."""
    lab = np.zeros((8, 9, 3), np.uint8)
    lab[..., 0] = 128  # 50.2 of 100
    tifffile.imwrite(tmp_path / "a.tif", lab, photometric="cielab")
    lab[..., 1:] = 128
    tifffile.imwrite(tmp_path / "b.tif", lab, photometric="icclab")
    for name in ("a.tif", "b.tif"):
        assert np.abs(read_image(tmp_path / name).pixels.astype(int) - 119).max() <= 1


def fake_dng(path: Path) -> None:
    tifffile.imwrite(path, grey_of(16), photometric="minisblack", extratags=[(50706, "B", 4, b"\1\4\0\0", True)])


def test_a_digital_negative_called_tiff_is_refused(tmp_path: Path) -> None:
    """The tag tells, not the name."""
    fake_dng(tmp_path / "a.tif")
    with pytest.raises(InputError, match="raw picture"):
        read_image(tmp_path / "a.tif")


def test_kinds_without_a_sure_meaning_are_refused(tmp_path: Path) -> None:
    """Floating-point TIFF may be light, density or tones; signed numbers may be anything."""
    tifffile.imwrite(tmp_path / "a.tif", grey_of(8).astype(np.float32), photometric="minisblack")
    with pytest.raises(InputError, match=r"floating-point.*Convert"):
        read_image(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", grey_of(8).astype(np.int16), photometric="minisblack")
    with pytest.raises(InputError, match="Convert"):
        read_image(tmp_path / "b.tif")
