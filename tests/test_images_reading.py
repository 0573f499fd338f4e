"""Pictures of every kind come out as a screen shows them; the witnesses are other libraries, which write the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import OpenEXR
import pillow_heif
import pytest
from PIL import Image as Pillow
from PIL import ImageOps

from tones import colors, grey_of, seeds, srgb_of, whole
from vidcolor.errors import InputError
from vidcolor.film.images.reading import read_image


@pytest.mark.parametrize("shape", [(), (2,), (3,), (4,)])
@pytest.mark.parametrize("suffix", [".png", ".jp2"])
def test_sixteen_bits_of_every_channel(tmp_path: Path, suffix: str, shape: tuple[int, ...]) -> None:
    """Grey and RGB, each with alpha too."""
    values = np.random.default_rng(3).integers(0, 65536, (20, 30, *shape)).astype(np.uint16)
    png = suffix == ".png"
    data = imagecodecs.png_encode(values) if png else imagecodecs.jpeg2k_encode(values, level=0, reversible=True)
    (tmp_path / f"a{suffix}").write_bytes(data)
    image = read_image(tmp_path / f"a{suffix}")
    planes = values if not shape else values[..., : 1 if shape[0] == 2 else 3].squeeze()
    assert np.array_equal(image.pixels, planes)
    assert (image.alpha is None) == (shape in ((), (3,)))


@pytest.mark.parametrize("top", [1, 255, 200, 1023, 65535])
@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("color", [False, True])
def test_netpbm_of_every_kind(tmp_path: Path, top: int, text: bool, color: bool) -> None:
    """Bitmaps, grey maps and pixel maps; white is what the header says; comments are passed over."""
    values = np.random.default_rng(0).integers(0, top + 1, (7, 11, 3) if color else (7, 11))
    kind = (3 if color else 2) + (0 if text else 3)
    header = f"P{kind}\n# scanned in 1998\n11 7\n{top}\n".encode()
    body = (
        " ".join(map(str, values.reshape(-1))).encode()
        if text
        else values.astype("u1" if top < 256 else ">u2").tobytes()
    )
    (tmp_path / "a.pnm").write_bytes(header + body)
    image = read_image(tmp_path / "a.pnm")
    deep = 255 if top < 256 else 65535
    assert np.array_equal(image.pixels, np.floor(values * deep / top + 0.5))
    if kind == 2 and top == 1:
        (tmp_path / "b.pbm").write_bytes(b"P1\n11 7\n" + body.replace(b" ", b""))
        assert np.array_equal(read_image(tmp_path / "b.pbm").pixels, 255 - image.pixels)
        packed = np.packbits(values.astype(np.uint8), axis=1)
        (tmp_path / "c.pbm").write_bytes(b"P4 11 7\n" + packed.tobytes())
        assert np.array_equal(read_image(tmp_path / "c.pbm").pixels, 255 - image.pixels)


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.tga", {}), ("b.tga", {"compression": "tga_rle"}), ("c.bmp", {}), ("d.webp", {"lossless": True})],
)
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_eight_bit_formats(tmp_path: Path, name: str, options: dict[str, Any], mode: str) -> None:
    """TGA, BMP and WebP, grey, RGB, and with alpha where they have it."""
    picture = Pillow.fromarray(colors()).convert(mode)
    if mode == "RGBA":
        picture.putalpha(100)
    picture.save(tmp_path / name, **options)
    image = read_image(tmp_path / name)
    shown = image.pixels if mode != "L" or image.pixels.ndim == 2 else image.pixels[..., 0]
    assert np.array_equal(shown, np.asarray(picture) if mode != "RGBA" else colors())
    if mode == "RGBA" and name != "c.bmp":  # Pillow's BMP says nothing of its fourth channel
        assert image.alpha is not None
        assert (image.alpha == 100).all()


def test_a_phone_picture_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HEIC of several tiles gives all of them, not the first."""
    values = np.repeat(grey_of(8, 700, 900)[..., None], 3, axis=2)
    if not hasattr(pillow_heif.options, "GRID_TILE_SIZE"):
        pytest.skip("this pillow-heif does not write tiles")
    monkeypatch.setattr(pillow_heif.options, "GRID_TILE_SIZE", 512)
    pillow_heif.from_bytes("RGB", (900, 700), values.tobytes()).save(tmp_path / "a.heic", quality=-1, chroma=444)
    assert b"grid" in (tmp_path / "a.heic").read_bytes()[:2000]
    assert np.abs(read_image(tmp_path / "a.heic").pixels.astype(int) - values).max() <= 3


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_avif_keeps_its_depth(tmp_path: Path, bits: int) -> None:
    """10 and 12 bits are not cut to 8."""
    values = np.repeat(grey_of(bits, 48, 64)[..., None], 3, axis=2)
    (tmp_path / "a.avif").write_bytes(imagecodecs.avif_encode(values, level=100, bitspersample=bits))
    image = read_image(tmp_path / "a.avif")
    assert image.bits == (8 if bits == 8 else 16)
    assert np.abs(image.pixels.astype(np.float64) - whole(values, bits)).max() <= 2 * (
        1 if bits == 8 else 65535 / (2**bits - 1)
    )


def test_jpeg_of_twelve_bits(tmp_path: Path) -> None:
    """Medical and film scanners write it; Pillow cannot read it."""
    values = grey_of(12, 48, 64)
    (tmp_path / "a.jpg").write_bytes(imagecodecs.jpeg8_encode(values, level=100, bitspersample=12))
    assert np.abs(read_image(tmp_path / "a.jpg").pixels - whole(values, 12)).max() < 200


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_exr_is_light(tmp_path: Path, kind: Any) -> None:
    """Light is kept as it is, whatever is brighter than white too; a screen shows sRGB of it."""
    light = np.linspace(0, 2, 24 * 40).reshape(24, 40).astype(kind)
    with OpenEXR.File({}, {"Y": light}) as file:
        file.write(str(tmp_path / "a.exr"))
    image = read_image(tmp_path / "a.exr")
    assert np.array_equal(image.luma(), light)
    shown = image.frame(image.luma()).luma / 65535
    assert np.abs(shown - srgb_of(np.clip(light.astype(float), 0, 1))).max() < 1e-3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".webp"])
def test_a_picture_is_turned_once(tmp_path: Path, suffix: str, orientation: int) -> None:
    """The rows stand upright, as Pillow turns them, and the tag says so afterwards."""
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == ".webp" else {"quality": 100} if suffix == ".jpg" else {}
    Pillow.fromarray(colors()).save(tmp_path / f"a{suffix}", exif=exif, **options)
    image = read_image(tmp_path / f"a{suffix}")
    with Pillow.open(tmp_path / f"a{suffix}") as picture:
        upright = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    assert image.pixels.shape == upright.shape
    assert np.abs(image.pixels.astype(int) - upright).mean() < 2
    assert image.metadata.orientation == 1


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.cr2", b"II*\0\x10\0\0\0CR\2\0" + bytes(60)),
        ("a.cr3", b"\0\0\0\x18ftypcrx " + bytes(60)),
        ("a.raf", b"FUJIFILMCCD-RAW 0201" + bytes(60)),
        ("a.orf", b"IIRO\x08\0\0\0" + bytes(60)),
        ("a.rw2", b"IIU\0\x18\0\0\0" + bytes(60)),
        ("a.nef", b"MM\0*\0\0\0\x08" + bytes(60)),
    ],
)
def test_raw_pictures_of_cameras_are_refused_by_name(tmp_path: Path, name: str, data: bytes) -> None:
    """They hold no picture yet; their small previews are not taken for it."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=r"raw picture.*Develop"):
        read_image(tmp_path / name)


def test_a_picture_that_is_cut_short_is_refused_in_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A half, nine tenths and nothing: one line each, and libraries keep quiet."""
    for path in seeds(tmp_path):
        data = path.read_bytes()
        for share in (0.0, 0.02, 0.5, 0.9):
            path.write_bytes(data[: int(len(data) * share)])
            with pytest.raises(InputError, match="cannot open") as caught:
                read_image(path)
            assert "\n" not in str(caught.value)
    found = capfd.readouterr()
    assert (found.out, found.err) == ("", "")


def test_the_content_tells_the_format(tmp_path: Path) -> None:
    """A JPEG picture that is called .png is read all the same; a text that is called .jpg is none."""
    Pillow.fromarray(colors()).save(tmp_path / "a.jpg", quality=95)
    (tmp_path / "a.jpg").rename(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").pixels.shape == colors().shape
    (tmp_path / "b.jpg").write_text("a letter to the editor" * 9)
    with pytest.raises(InputError, match="no picture"):
        read_image(tmp_path / "b.jpg")


def test_further_pictures_in_a_file_are_told(tmp_path: Path) -> None:
    """Pages of a TIFF, frames of a WebP."""
    pages = [Pillow.fromarray(colors()), Pillow.fromarray(255 - colors())]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "b.webp", save_all=True, append_images=pages[1:], lossless=True)
    for name in ("a.tif", "b.webp"):
        image = read_image(tmp_path / name)
        assert image.losses == ("only the first of 2 pictures in it is colored",)
        assert np.array_equal(image.pixels, colors())
