"""JPEG, WebP, BMP, TGA, HEIC and AVIF: the pictures that Pillow and pillow-heif read and write."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import AvifImagePlugin, BmpImagePlugin, JpegImagePlugin, TgaImagePlugin, WebPImagePlugin
from PIL import Image as PillowImage

from vidcolor.film.images.metadata import Metadata, dpi_of_exif
from vidcolor.film.images.samples import Samples, check_size, from_channels, to_depth, unreadable

# The plugins are called by name: Pillow's open() would refuse large scans, and change its mind with what is installed.
_PLUGINS: dict[str, Any] = {
    "JPEG": JpegImagePlugin.jpeg_factory,  # a JPEG file, or several in one
    "WebP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TGA": TgaImagePlugin.TgaImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}
_MODES = {"1": "L", "P": "RGBA", "PA": "RGBA", "La": "LA", "RGBa": "RGBA", "YCbCr": "RGB", "RGBX": "RGB"}
_PHOTOSHOP = b"Photoshop 3.0\0"
JPEG_SEGMENT = 65_500  # bytes that Exif, XMP and the like may have each in a JPEG file, names and lengths deducted
_PQ, _HLG = 16, 18  # H.273, transfer characteristics
_LOSSLESS_HEVC = {"quality": -1, "chroma": 444, "matrix_coefficients": 0}  # 0: R'G'B' as they are, no Y'CbCr


def read(path: Path, data: bytes, form: str) -> Samples:
    """Return the picture of a JPEG, WebP, BMP, TGA or AVIF file.

    Args:
        form: "JPEG", "WebP", "BMP", "TGA" or "AVIF".

    Raises:
        InputError: it is damaged, or of a kind that has no sure meaning.
    """
    if form == "JPEG":
        if b"\xff\xd9" not in data[-(1 << 16) :]:  # phones and cameras may write more behind the end
            raise unreadable(path, "the picture is cut short", "Copy it again")
        if _precision(data) != 8:
            return _deep_jpeg(path, data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = _PLUGINS[form](io.BytesIO(data))
            check_size(path, *picture.size)
            return _of_pillow(path, picture, data)
    except (OSError, ValueError, SyntaxError, KeyError, IndexError, TypeError, struct.error, EOFError) as error:
        raise unreadable(path, _why(error)) from error
    except PillowImage.DecompressionBombError as error:
        raise unreadable(path, "its header claims a size that no such picture has", "It is damaged") from error
    except (MemoryError, OverflowError, RuntimeError, AssertionError, AttributeError, ZeroDivisionError) as error:
        raise unreadable(path, "it does not decode", "It is damaged, or too large") from error


def _why(error: Exception) -> str:
    cut = any(
        word in str(error).lower() for word in ("truncated", "not enough", "short", "read past", "unexpected end")
    )
    return "the picture is cut short" if cut else "it does not decode"


def _of_pillow(path: Path, picture: PillowImage.Image, data: bytes) -> Samples:
    frames = getattr(picture, "n_frames", 1)
    if isinstance(picture, AvifImagePlugin.AvifImageFile):
        _refuse_hdr(path, data)
        if (bits := _bits_of_avif(data)) > 8:  # Pillow would give eight of them
            values = imagecodecs.avif_decode(data, index=0, numthreads=1)
            return _told(from_channels(to_depth(values, bits), bits), picture, frames)
    if picture.mode not in ("L", "LA", "RGB", "RGBA", "CMYK", "I;16"):
        picture = picture.convert(_MODES.get(picture.mode, "RGB"))
    values = np.asarray(picture)
    samples = Samples(values, "cmyk", 8) if picture.mode == "CMYK" else from_channels(values, values.itemsize * 8)
    return _told(samples, picture, frames)


def _told(samples: Samples, picture: PillowImage.Image, frames: int) -> Samples:
    """Return samples together with what Pillow knows of their file."""
    if frames > 1:
        samples.losses.append(f"only the first of {frames} pictures in it is colored")
    samples.profile = picture.info.get("icc_profile") or b""
    samples.metadata = _metadata(picture)
    return samples


def _refuse_hdr(path: Path, data: bytes) -> None:
    place = data.find(b"colrnclx")
    if place >= 0 and place + 12 <= len(data) and struct.unpack_from(">H", data, place + 10)[0] in (_PQ, _HLG):
        raise unreadable(path, "it is a high dynamic range picture", "Convert it to sRGB first")


def _bits_of_avif(data: bytes) -> int:
    """Return the bits that the AV1 configuration box tells (AV1-ISOBMFF 2.3.3)."""
    place = data.find(b"av1C")
    if place < 0 or place + 7 > len(data):
        return 8
    flags = data[place + 6]
    return (12 if flags & 0x20 else 10) if flags & 0x40 else 8


def _metadata(picture: PillowImage.Image) -> Metadata:
    info = picture.info
    exif = (info.get("exif") or b"").removeprefix(b"Exif\0\0")
    xmp = info.get("xmp") or b""
    dpi = info.get("dpi") or dpi_of_exif(exif)
    comment = info.get("comment") or b""
    return Metadata(
        exif=exif,
        xmp=xmp if isinstance(xmp, bytes) else str(xmp).encode(),
        dpi=(float(dpi[0]), float(dpi[1])) if dpi and min(dpi) > 1 else None,
        comment=comment if isinstance(comment, bytes) else str(comment).encode(),
        captions=_captions(picture),
    )


def _captions(picture: PillowImage.Image) -> bytes:
    """Return Photoshop's image resources, which lie in as many segments of a JPEG file as they need."""
    segments = [body for name, body in getattr(picture, "applist", []) if name == "APP13"]
    return b"".join(body.removeprefix(_PHOTOSHOP) for body in segments if body.startswith(_PHOTOSHOP))


def _precision(data: bytes) -> int:
    """Return the bits of a JPEG file's samples by its frame header (ITU-T T.81, B.2.2); -1 for one without loss."""
    place = 2
    while place + 9 < len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker in (0xC3, 0xC7, 0xCB, 0xCF):
            return -1
        if 0xC0 <= marker <= 0xCE and marker not in (0xC4, 0xC8, 0xCC):
            return data[place + 4]
        place += 1 if marker == 0xFF else 2 + struct.unpack_from(">H", data, place + 2)[0]
    return 8


def _deep_jpeg(path: Path, data: bytes) -> Samples:
    try:
        values = imagecodecs.jpeg_decode(data)
    except (RuntimeError, ValueError, TypeError, MemoryError) as error:
        raise unreadable(path, "it is no JPEG picture of 8 or 12 bits, or a damaged one") from error
    bits = 8 if values.dtype == np.uint8 else max(9, int(values.max(initial=0)).bit_length())
    bits = next(b for b in (8, 12, 16) if b >= bits)
    return from_channels(to_depth(np.ascontiguousarray(values), bits), bits)


def read_heic(path: Path, data: bytes) -> Samples:
    """Return the main picture of a HEIC file, all of its tiles joined and turned as the file says.

    Raises:
        InputError: it is damaged.
    """
    _refuse_hdr(path, data)
    try:
        opened = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
        picture = opened[opened.primary_index]
        check_size(path, *picture.size)
        values = np.array(picture)
        info: dict[str, Any] = picture.info
        bits = int(info.get("bit_depth", 8))
    except (OSError, ValueError, SyntaxError, KeyError, IndexError, RuntimeError, MemoryError, EOFError) as error:
        raise unreadable(path, _why(error)) from error
    if values.dtype != np.uint8:  # pillow-heif moves the bits to the top of the word
        values = to_depth(values >> (16 - bits), bits)
    samples = from_channels(values, bits)
    samples.premultiplied = bool(getattr(picture, "premultiplied_alpha", False))
    samples.profile = info.get("icc_profile") or b""
    exif = (info.get("exif") or b"").removeprefix(b"Exif\0\0")
    samples.metadata = Metadata(exif=exif, xmp=info.get("xmp") or b"", dpi=dpi_of_exif(exif))
    if len(opened) > 1:
        samples.losses.append(f"only the main one of {len(opened)} pictures in it is colored")
    return samples


def save(
    path: Path,
    form: str,
    values: NDArray[np.uint8],
    alpha: NDArray[np.uint8] | None,
    profile: bytes,
    metadata: Metadata,
) -> None:
    """Write RGB of 8 bits, with opacity where there is some, as "JPEG", "WebP", "BMP", "TGA", "HEIC" or "AVIF".

    Raises:
        OSError, ValueError: the place cannot be written, or the format does not take the picture.
    """
    pixels = values if alpha is None else np.dstack([values, alpha])
    exif, xmp = metadata.exif_with_dpi(), metadata.xmp
    named: dict[str, Any] = {"icc_profile": profile}
    named |= {"exif": b"Exif\0\0" + exif if form == "JPEG" else exif} if exif else {}
    named |= {"xmp": xmp} if xmp else {}
    if form == "HEIC":
        mode = "RGB" if alpha is None else "RGBA"
        height, width = values.shape[:2]
        made = pillow_heif.from_bytes(mode=mode, size=(width, height), data=np.ascontiguousarray(pixels).tobytes())
        made.save(path, format="HEIF", **_LOSSLESS_HEVC, **named)
        return
    dpi: dict[str, Any] = {"dpi": metadata.dpi} if metadata.dpi else {}
    if form == "JPEG":
        path.write_bytes(_jpeg(pixels, metadata, {**named, **dpi}))
        return
    options: dict[str, dict[str, Any]] = {
        "WebP": {"lossless": True, "exact": True, "method": 4, **named},
        "BMP": dpi,
        "TGA": {},
        "AVIF": {"quality": 100, "subsampling": "4:4:4", "speed": 6, **named},
    }
    PillowImage.fromarray(pixels).save(path, format=form.upper(), **options[form])


def _jpeg(pixels: NDArray[np.uint8], metadata: Metadata, named: dict[str, Any]) -> bytes:
    """Return a JPEG file of full chroma and hardly any loss; what is too long for a segment is left out."""
    named = dict(named)
    for name in ("exif", "xmp"):
        if len(named.get(name, b"")) > JPEG_SEGMENT:
            del named[name]
    if 0 < len(metadata.comment) <= JPEG_SEGMENT:
        named["comment"] = metadata.comment
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, format="JPEG", quality=95, subsampling=0, **named)
    data = file.getvalue()
    blocks = [metadata.captions[at : at + JPEG_SEGMENT] for at in range(0, len(metadata.captions), JPEG_SEGMENT)]
    bodies = [_PHOTOSHOP + block for block in blocks]
    segments = b"".join(struct.pack(">HH", 0xFFED, len(body) + 2) + body for body in bodies)
    first = 2 + 2 + struct.unpack_from(">H", data, 4)[0]  # behind the start and the first segment, which is JFIF's
    return data[:first] + segments + data[first:]
