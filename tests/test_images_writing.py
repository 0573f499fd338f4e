"""Pictures are written with all that their format holds; what it does not hold is told. Other libraries read them."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imagecodecs
import numpy as np
import OpenEXR
import pillow_heif
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import ExifTags
from PIL import Image as Pillow
from PIL.TiffImagePlugin import IFDRational

from calls import noted
from vidcolor.errors import OutputError
from vidcolor.film.images.image import Image
from vidcolor.film.images.metadata import Metadata
from vidcolor.film.images.reading import read_image
from vidcolor.film.images.writing import FORMATS, losses, suffix_for, write_image
from vidcolor.film.transfer import LINEAR

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" dc:title="Platz"/></x:xmpmeta>'
EXACT = [".png", ".tif", ".webp", ".bmp", ".tga", ".jp2", ".j2k", ".ppm", ".dpx", ".heic"]


def noise(dtype: Any, channels: int = 3) -> NDArray[Any]:
    top = np.iinfo(dtype).max
    return np.random.default_rng(2).integers(0, top + 1, (21, 34, channels)).astype(dtype)


def camera_exif(orientation: int = 1, order: str = "<") -> bytes:
    """Exif as a camera writes it: texts, a date, its own numbers and those of the place, in either byte order."""
    exif = Pillow.Exif()
    exif.endian = order
    exif[ExifTags.Base.Make] = "Ernemann"
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.DateTime] = "1932:05:01 12:30:00"
    exif[ExifTags.Base.Artist] = "somebody whose name is longer than four bytes"
    exif[ExifTags.Base.XResolution] = exif[ExifTags.Base.YResolution] = 1200
    exif[ExifTags.Base.ResolutionUnit] = 2
    exif[ExifTags.IFD.Exif] = {
        ExifTags.Base.DateTimeOriginal: "1932:05:01 12:30:00", ExifTags.Base.FNumber: IFDRational(28, 10),
        ExifTags.Base.ExifImageWidth: 40, ExifTags.Base.ExifImageHeight: 24, ExifTags.Base.MakerNote: bytes(range(90)),
    }  # fmt: skip
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (52.0, 31.0, 12.0)}
    return exif.tobytes().removeprefix(b"Exif\0\0")


def exif_in(path: Path) -> Pillow.Exif:
    """What another library finds in a file."""
    if path.suffix == ".heic":
        found = Pillow.Exif()
        found.load(pillow_heif.open_heif(path).info["exif"])
        return found
    if path.suffix == ".jp2":
        data = path.read_bytes()
        found = Pillow.Exif()
        found.load(b"Exif\0\0" + data[data.index(b"JpgTiffExif->JP2") + 16 :])
        return found
    with Pillow.open(path) as picture:
        kept: Pillow.Exif = picture.getexif()
        for directory in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            kept.get_ifd(directory)  # while the file is open
        return kept


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("suffix", EXACT)
def test_pixels_come_back_exactly(tmp_path: Path, suffix: str, deep: bool) -> None:
    """What has no loss in its name has none, at 16 bits where the format has them."""
    pixels = noise(np.uint16 if deep else np.uint8)
    image = Image(pixels, 16 if deep else 8)
    write_image(tmp_path / f"a{suffix}", image)
    found = read_image(tmp_path / f"a{suffix}").pixels
    if deep and FORMATS[suffix].bits == 8:
        assert "8 of the picture's 16 bits" in losses(tmp_path / f"a{suffix}", image)[0]
        pixels = np.rint(pixels / 257).astype(np.uint8)
    assert np.array_equal(found, pixels)
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".tga", ".jp2", ".dpx", ".heic", ".avif"])
def test_alpha_is_kept(tmp_path: Path, suffix: str) -> None:
    """Half transparent stays half transparent, and what lies behind it too."""
    pixels = noise(np.uint8)
    alpha = np.linspace(0, 255, pixels[..., 0].size).reshape(pixels.shape[:2]).astype(np.uint8)
    write_image(tmp_path / f"a{suffix}", Image(pixels, 8, alpha))
    found = read_image(tmp_path / f"a{suffix}")
    assert found.alpha is not None
    assert np.abs(found.alpha.astype(int) - alpha).max() <= (2 if suffix == ".avif" else 0)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".jp2", ".heic", ".avif"])
def test_exif_goes_along(tmp_path: Path, suffix: str, order: str) -> None:
    """Texts, dates, the camera's and the place's numbers are found by another library; the picture stands upright."""
    metadata = Metadata(exif=camera_exif(6, order), xmp=XMP, dpi=(1200, 1200)).upright()
    write_image(tmp_path / f"a{suffix}", Image(noise(np.uint8), 8, metadata=metadata))
    found = exif_in(tmp_path / f"a{suffix}")
    assert found[ExifTags.Base.Make] == "Ernemann"
    assert found.get(ExifTags.Base.Orientation, 1) == 1
    assert found[ExifTags.Base.Artist] == "somebody whose name is longer than four bytes"
    own = found.get_ifd(ExifTags.IFD.Exif)
    assert own[ExifTags.Base.DateTimeOriginal] == "1932:05:01 12:30:00"
    assert own[ExifTags.Base.FNumber] == 2.8
    assert own[ExifTags.Base.MakerNote] == bytes(range(90))
    assert (own[ExifTags.Base.ExifImageWidth], own[ExifTags.Base.ExifImageHeight]) == (24, 40)
    assert found.get_ifd(ExifTags.IFD.GPSInfo)[2] == (52.0, 31.0, 12.0)
    again = read_image(tmp_path / f"a{suffix}").metadata
    assert again.dpi == pytest.approx((1200, 1200), rel=1e-4)
    assert b"Platz" in again.xmp
    assert b'Orientation="1"' in again.xmp
    assert losses(tmp_path / f"a{suffix}", Image(noise(np.uint8), 8, metadata=metadata)) == []


def test_exif_goes_from_tiff_to_jpeg_and_back(tmp_path: Path) -> None:
    """What a scanner wrote into a TIFF is in the JPEG, and in a TIFF made of that."""
    tifffile.imwrite(
        tmp_path / "a.tif", noise(np.uint8), photometric="rgb", resolution=(600, 600), resolutionunit=2,
        datetime="2001:02:03 04:05:06", software="Scan 3", description="Markt, 1932", metadata=None,
        extratags=[(700, "B", len(XMP), XMP, True)],
    )  # fmt: skip
    for source, target in (("a.tif", "b.jpg"), ("b.jpg", "c.tif")):
        write_image(tmp_path / target, read_image(tmp_path / source))
        found = exif_in(tmp_path / target)
        assert found[ExifTags.Base.DateTime] == "2001:02:03 04:05:06"
        assert found[ExifTags.Base.ImageDescription] == "Markt, 1932"
        assert found[ExifTags.Base.XResolution] == 600
        assert b"Platz" in read_image(tmp_path / target).metadata.xmp


def test_the_small_preview_of_the_camera_is_left_out(tmp_path: Path) -> None:
    """It shows the picture in grey."""
    exif = camera_exif()
    (first,) = struct.unpack_from("<I", exif, 4)
    (count,) = struct.unpack_from("<H", exif, first)
    link = first + 2 + 12 * count
    with_preview = bytearray(exif + struct.pack("<H", 0) + bytes(4))
    struct.pack_into("<I", with_preview, link, len(exif))
    assert struct.unpack_from("<I", Metadata(exif=bytes(with_preview)).upright().exif, link) == (0,)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".heic", ".avif"])
def test_a_profile_of_srgb_is_written(tmp_path: Path, suffix: str) -> None:
    """Every program then shows the same colors; the same picture is the same bytes."""
    write_image(tmp_path / f"a{suffix}", Image(noise(np.uint8), 8))
    opened = pillow_heif.open_heif if suffix == ".heic" else Pillow.open
    first = (tmp_path / f"a{suffix}").read_bytes()
    assert b"acsp" in opened(io.BytesIO(first)).info["icc_profile"]
    write_image(tmp_path / f"a{suffix}", Image(noise(np.uint8), 8))
    assert (tmp_path / f"a{suffix}").read_bytes() == first


def test_texts_and_the_date_of_a_png_go_along(tmp_path: Path) -> None:
    """They stand in the new file as they stood in the old one; elsewhere they are told as lost."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Title", "Am Fenster")
    info.add_itxt("Author", "Höfer", lang="de")
    Pillow.fromarray(noise(np.uint8)).save(tmp_path / "a.png", pnginfo=info, dpi=(300, 300))
    body = b"tIME" + struct.pack(">H5B", 1999, 12, 31, 23, 59, 58)
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(
        data[:33] + struct.pack(">I", 7) + body + struct.pack(">I", zlib.crc32(body)) + data[33:]
    )
    image = read_image(tmp_path / "a.png")
    write_image(tmp_path / "b.png", image)
    with Pillow.open(tmp_path / "b.png") as picture:
        picture.load()
        assert picture.info["Title"] == "Am Fenster"
        assert picture.info["Author"] == "Höfer"
        assert picture.info["dpi"] == pytest.approx((300, 300), rel=1e-3)
    assert body in (tmp_path / "b.png").read_bytes()
    assert "texts is not kept" in losses(tmp_path / "b.jpg", image)[0]


def test_captions_of_the_press_stay(tmp_path: Path) -> None:
    """Photoshop's block, in which archives keep IPTC: from JPEG to JPEG and TIFF, longer than a segment too."""
    for size in (40, 100_000):
        block = b"8BIM\x04\x04\0\0" + struct.pack(">I", size) + bytes(size)
        image = Image(noise(np.uint8), 8, metadata=Metadata(captions=block))
        for name in ("a.jpg", "b.tif"):
            write_image(tmp_path / name, image)
            assert read_image(tmp_path / name).metadata.captions == block
            assert losses(tmp_path / name, image) == []
    write_image(tmp_path / "a.jpg", replace(image, metadata=Metadata(captions=block[:52])))
    with Pillow.open(tmp_path / "a.jpg") as picture:
        assert 0x0404 in picture.info["photoshop"]


def test_exif_that_is_too_long_for_jpeg_is_told(tmp_path: Path) -> None:
    """A segment ends at 64 KB; the picture comes out all the same."""
    exif = Pillow.Exif()
    exif[ExifTags.Base.ImageDescription] = "x" * 70_000
    image = Image(noise(np.uint8), 8, metadata=Metadata(exif.tobytes().removeprefix(b"Exif\0\0")))
    assert "Exif is too long for JPEG" in losses(tmp_path / "a.jpg", image)[0]
    write_image(tmp_path / "a.jpg", image)
    assert read_image(tmp_path / "a.jpg").metadata.exif == b""


def test_what_a_format_does_not_hold_is_told(tmp_path: Path) -> None:
    """Depth, alpha and metadata, each with the formats that would keep it."""
    alpha = np.zeros((21, 34), np.uint16)
    image = Image(noise(np.uint16), 16, alpha, metadata=Metadata(camera_exif(), XMP, (300, 300)))
    told = losses(tmp_path / "a.jpg", image)
    assert [line.split(":")[0] for line in told] == [
        "JPEG keeps 8 of the picture's 16 bits a channel", "the picture's alpha is not kept",
    ]  # fmt: skip
    assert ".tif" in told[0]
    assert len(losses(tmp_path / "a.ppm", image)) == 4
    assert losses(tmp_path / "a.tif", image) == []
    assert losses(tmp_path / "a.jpg", replace(image, alpha=alpha + 65535, bits=16)) == told[:1]


@pytest.mark.parametrize("name", ["a.pgm", "a.gif", "a", "a.docx"])
def test_formats_without_colors_are_refused(tmp_path: Path, name: str) -> None:
    """Each with the names that would do."""
    with pytest.raises(OutputError, match=r"Use one of \.png"):
        write_image(tmp_path / name, Image(noise(np.uint8), 8))


def test_a_picture_too_large_for_its_format_is_refused_before_the_work(tmp_path: Path) -> None:
    """WebP ends at 16383 pixels."""
    with pytest.raises(OutputError, match="up to 16383 pixels"):
        losses(tmp_path / "a.webp", Image(np.zeros((1, 20000, 3), np.uint8), 8))


def test_a_grey_map_becomes_a_pixel_map() -> None:
    """A .pgm holds no colors; every other picture keeps its suffix, and its capitals."""
    assert [suffix_for(Path(name)) for name in ("a.pgm", "a.JPG", "a.dpx", "a.jfif")] == [
        ".ppm",
        ".JPG",
        ".dpx",
        ".jpg",
    ]


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_light_is_written_as_light(tmp_path: Path, kind: Any) -> None:
    """EXR in, EXR out: the same numbers, brighter than white too, with the header; codes become light."""
    light = (np.random.default_rng(0).random((9, 12, 3)) * 4).astype(kind)
    with OpenEXR.File({"owner": "archive", "framesPerSecond": Fraction(24)}, {"RGB": light}) as file:
        file.write(str(tmp_path / "a.exr"))
    image = read_image(tmp_path / "a.exr")
    write_image(tmp_path / "b.exr", image)
    with OpenEXR.File(str(tmp_path / "b.exr")) as file:
        assert file.header()["owner"] == "archive"
        assert np.array_equal(file.channels()["RGB"].pixels, light)
    write_image(tmp_path / "c.exr", Image(np.full((4, 4, 3), 128, np.uint8), 8))
    assert read_image(tmp_path / "c.exr").pixels[0, 0, 0] == pytest.approx(
        0.2159, abs=1e-3
    )  # sRGB of 128, IEC 61966-2-1
    assert "brighter than white" in losses(tmp_path / "d.png", Image(light, 16, transfer=LINEAR))[0]


def test_a_full_place_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder that fails half way leaves neither a part nor the loss of what was there."""
    (tmp_path / "a.png").write_bytes(b"old")

    def fails(*args: Any, **kwargs: Any) -> bytes:
        raise imagecodecs.PngError("png_encode", "no luck")

    monkeypatch.setattr(imagecodecs, "png_encode", fails)
    with pytest.raises(OutputError, match=r"cannot write .*a\.png"):
        write_image(tmp_path / "a.png", Image(noise(np.uint8), 8))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize("suffix", [".jp2", ".j2k"])
@pytest.mark.parametrize(("height", "width"), [(70, 2055), (2090, 40)])
def test_large_jpeg_2000_needs_memory_for_a_tile_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, height: int, width: int, suffix: str
) -> None:
    """Sixty megapixels took 2.8 GB. OpenJPEG reads what is joined from tiles, and FFmpeg's own decoder does, too."""
    calls = noted(monkeypatch, imagecodecs, "jpeg2k_encode")
    ramp = np.linspace(0, 65535, height * width * 3).reshape(height, width, 3).astype(np.uint16)
    path = tmp_path / f"large{suffix}"
    write_image(path, Image(ramp, 16))
    assert max(max(call.arguments[0].shape) for call in calls) == 2048
    assert np.array_equal(read_image(path).pixels, ramp)
    assert np.array_equal(imagecodecs.jpeg2k_decode(path.read_bytes()), ramp)
    start = path.read_bytes().index(b"\xff\x4f\xff\x51")
    bare = io.BytesIO(path.read_bytes()[start:])
    with av.open(bare, format="j2k_pipe") as stream:
        assert np.array_equal(next(stream.decode(video=0)).to_ndarray(), ramp)
