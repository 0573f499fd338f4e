"""Pictures are seen through their color profiles; the witness is Little CMS."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from PIL import ImageCms

from tones import colors, grey_of, profile_of, srgb_of
from vidcolor.errors import InputError
from vidcolor.film.images.reading import read_image


def test_inks_without_a_profile_are_plain(tmp_path: Path) -> None:
    """No ink is white paper, black ink is black; JPEG of Adobe holds inks the other way round."""
    inks = Pillow.fromarray(colors()).convert("CMYK")
    for name in ("a.tif", "b.jpg"):
        inks.save(tmp_path / name, quality=95) if name == "b.jpg" else inks.save(tmp_path / name)
        image = read_image(tmp_path / name)
        assert np.abs(image.pixels.astype(int) - colors()).mean() < 2.5
        assert "no color profile" in image.losses[0]


@pytest.mark.parametrize("exponent", [1.0, 1.8, 2.2])
def test_a_grey_profile_is_looked_through(tmp_path: Path, exponent: float) -> None:
    """Tones come out as the profile shows them: light is the code to its exponent, and sRGB of that light."""
    for bits, name in ((16, "a.tif"), (8, "b.jpg"), (8, "c.png")):
        top = 2**bits - 1
        values = grey_of(bits)
        if name == "a.tif":
            tifffile.imwrite(tmp_path / name, values, photometric="minisblack", iccprofile=profile_of(exponent))
        else:
            Pillow.fromarray(values).save(tmp_path / name, icc_profile=profile_of(exponent), quality=100)
        image = read_image(tmp_path / name)
        expected = srgb_of((values / top) ** exponent) * top
        assert image.bits == bits
        assert np.abs(image.pixels - expected).max() <= (16 if bits == 16 else 0.51 if name == "c.png" else 14)


def test_a_png_that_tells_its_gamma_is_looked_through(tmp_path: Path) -> None:
    """gAMA 1.0 is linear light; gAMA of sRGB changes nothing."""
    values = grey_of(16)
    plain = imagecodecs.png_encode(values)
    for gamma, expected in ((100_000, srgb_of(values / 65535) * 65535), (45_455, values)):
        body = b"gAMA" + struct.pack(">I", gamma)
        chunk = struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body))
        (tmp_path / "a.png").write_bytes(plain[:33] + chunk + plain[33:])
        assert np.abs(read_image(tmp_path / "a.png").pixels - expected).max() <= 1


def test_a_wide_profile_is_converted_and_srgb_left_alone(tmp_path: Path) -> None:
    """Pillow's converter agrees on Adobe RGB; sRGB gets no rounding at all."""
    adobe = imagecodecs.cms_profile("adobergb")
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    Pillow.fromarray(colors()).save(tmp_path / "a.png", icc_profile=adobe)
    witness = ImageCms.profileToProfile(
        Pillow.fromarray(colors()), ImageCms.ImageCmsProfile(io.BytesIO(adobe)), srgb,
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )  # fmt: skip
    assert np.abs(read_image(tmp_path / "a.png").pixels.astype(int) - np.asarray(witness)).max() <= 1
    Pillow.fromarray(colors()).save(tmp_path / "b.png", icc_profile=srgb.tobytes())
    assert np.array_equal(read_image(tmp_path / "b.png").pixels, colors())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_grey_picture_with_a_profile_for_rgb(tmp_path: Path, dtype: type[Any]) -> None:
    """Programs leave it when they take the colors off: the tones are those of three equal channels."""
    top = np.iinfo(dtype).max
    grey = np.linspace(0, top, 48 * 64).astype(dtype).reshape(48, 64)
    for name, values in (("grey.tif", grey), ("rgb.tif", np.dstack([grey] * 3))):
        tifffile.imwrite(tmp_path / name, values, iccprofile=imagecodecs.cms_profile("adobergb"))
    shown, witness = (read_image(tmp_path / name).pixels.astype(int) for name in ("grey.tif", "rgb.tif"))
    assert shown.shape == grey.shape
    assert np.abs(shown - witness[..., 1]).max() <= top / 255
    assert np.abs(shown - grey).max() > top / 99


def test_a_profile_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    """Neither a damaged profile nor one for another kind of picture is passed over."""
    Pillow.fromarray(colors()).save(tmp_path / "a.png", icc_profile=b"x" * 200)
    with pytest.raises(InputError, match="color profile cannot be read"):
        read_image(tmp_path / "a.png")
    Pillow.fromarray(colors()).save(tmp_path / "b.png", icc_profile=profile_of(2.2))
    with pytest.raises(InputError, match="profile is for gray pictures"):
        read_image(tmp_path / "b.png")
