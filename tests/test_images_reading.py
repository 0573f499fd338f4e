"""Pictures of every kind come out as a screen shows them; the witnesses are other libraries, which write the files."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import OpenEXR
import pillow_heif
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageCms, ImageOps

from vidcolor.errors import InputError
from vidcolor.film.images.reading import read_image

Array = NDArray[Any]


def grey_of(bits: int, height: int = 24, width: int = 37) -> Array:
    """Every tone of a depth, or as many as there are pixels, black and white among them."""
    values = np.linspace(0, (1 << bits) - 1, height * width).round().reshape(height, width)
    codes: Array = values.astype(np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32)
    return codes


def colors(height: int = 24, width: int = 40) -> NDArray[np.uint8]:
    """Soft colors, ``(H, W, 3)``."""
    coarse = np.random.default_rng(1).integers(30, 226, (4, 5, 3)).astype(np.float32)
    fine: NDArray[np.float32] = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    codes: NDArray[np.uint8] = fine.round().astype(np.uint8)
    return codes


def whole(values: Array, bits: int) -> Array:
    """What a depth looks like with 8 or 16 bits: an independent formula."""
    deep = 255 if bits <= 8 else 65535
    codes: Array = np.floor(values.astype(np.float64) * deep / (2**bits - 1) + 0.5)
    return codes


def light_of(srgb: Array) -> Array:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def srgb_of(light: Array) -> Array:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


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


def test_inks_without_a_profile_are_plain(tmp_path: Path) -> None:
    """No ink is white paper, black ink is black; JPEG of Adobe holds inks the other way round."""
    inks = Pillow.fromarray(colors()).convert("CMYK")
    for name in ("a.tif", "b.jpg"):
        inks.save(tmp_path / name, quality=95) if name == "b.jpg" else inks.save(tmp_path / name)
        image = read_image(tmp_path / name)
        assert np.abs(image.pixels.astype(int) - colors()).mean() < 2.5
        assert "no color profile" in image.losses[0]


def profile_of(exponent: float) -> bytes:
    return imagecodecs.cms_profile("gray", gamma=exponent)


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


def fake_dng(path: Path) -> None:
    tifffile.imwrite(path, grey_of(16), photometric="minisblack", extratags=[(50706, "B", 4, b"\1\4\0\0", True)])


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


def seeds(folder: Path) -> list[Path]:
    """A small picture of every format."""
    values = colors()
    tifffile.imwrite(folder / "a.tif", values, photometric="rgb")
    tifffile.imwrite(folder / "b.tif", values, photometric="rgb", compression="lzw")
    for name in ("c.png", "d.jpg", "e.webp", "f.bmp", "g.tga", "h.avif", "i.ppm"):
        Pillow.fromarray(values).save(folder / name)
    (folder / "j.jp2").write_bytes(imagecodecs.jpeg2k_encode(values, level=0, reversible=True))
    pillow_heif.from_bytes("RGB", (values.shape[1], values.shape[0]), values.tobytes()).save(folder / "k.heic")
    channels = {"RGB": (values / 255).astype(np.float16)}
    with OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION}, channels) as file:
        file.write(str(folder / "l.exr"))
    return sorted(folder.iterdir())


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
