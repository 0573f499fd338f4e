"""TIFF: every photometric interpretation, 1 to 32 bits, tiles, BigTIFF; written with Exif and profile."""

from __future__ import annotations

import io
import logging
import math
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as PillowImage
from tifffile import PHOTOMETRIC, TiffFile, TiffPage

from vidcolor.errors import InputError
from vidcolor.film.images.metadata import ORIENTATION, Metadata, dpi_of
from vidcolor.film.images.samples import Samples, check_size, hushed, to_depth, unreadable

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # else its messages would stand between ours

_XMP, _CAPTIONS, _PROFILE, _DNG_VERSION = 700, 34377, 34675, 50706
_UINT, _FLOAT = 1, 3  # TIFF 6.0, SampleFormat
_ASSOCIATED, _UNASSOCIATED = 1, 2  # TIFF 6.0, ExtraSamples
# Tags of a first directory that tell of the picture, and not of how its pixels lie in the file.
_TELLING = frozenset(
    {269, 270, 271, 272, 274, 282, 283, 285, 296, 297, 305, 306, 315, 316, 18246, 18249, 33432, 34665, 34853}
    | set(range(40091, 40096))
)
_BY_LIBTIFF = (2, 3, 4, 6)  # Compression: of fax machines, and JPEG as TIFF 6.0 first had it
_NAMES = {10: "ITU Lab", 32844: "LogL", 32845: "LogLuv", 51177: "depth", 4: "mask"}


def read(path: Path, file: BinaryIO) -> Samples:
    """Return the first picture of a TIFF file.

    Raises:
        InputError: it is damaged, a camera's raw picture, or of a kind that has no sure meaning.
    """
    with _failures(path), tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        check_size(path, page.imagewidth, page.imagelength)
        _refuse_raw(path, tiff, page)
        samples = _samples(path, page, file)
        if (count := _pictures(tiff)) > 1:
            samples.losses.append(f"only the first of {count} pictures in it is colored")
        samples.metadata = _metadata(page, file, samples.losses)
        samples.profile = _bytes(page, _PROFILE)
    return samples


def size(path: Path, file: BinaryIO) -> tuple[int, int, int]:
    """Return width and height of a TIFF file's first picture as it stands upright, and its bits: 8 or 16.

    Raises:
        InputError: its header is damaged.
    """
    with _failures(path), tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        sides = (page.imagewidth, page.imagelength)
        turned = page.tags.valueof(ORIENTATION, 1) in (5, 6, 7, 8)
        bits = max(page.bitspersample) if isinstance(page.bitspersample, tuple) else page.bitspersample
        check_size(path, *sides)
    return (*(sides[::-1] if turned else sides), 8 if bits <= 8 else 16)


@contextmanager
def _failures(path: Path) -> Iterator[None]:
    """Turn what tifffile raises into one error about the file."""
    try:
        yield
    except InputError:
        raise
    except (MemoryError, OverflowError) as error:
        raise unreadable(path, "it does not decode", "It is damaged, or too large") from error
    except Exception as error:  # damaged files make tifffile and its codecs raise almost anything
        why = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise unreadable(path, f"it does not decode ({why})", "It is damaged, or packed in a rare way") from error


def _refuse_raw(path: Path, tiff: TiffFile, page: TiffPage) -> None:
    cfa = {PHOTOMETRIC.CFA, PHOTOMETRIC.LINEAR_RAW}
    inner = [sub for index, sub in enumerate(page.pages or ()) if index < 16] if page.subifds else []
    if _DNG_VERSION in page.tags or any(getattr(one, "photometric", None) in cfa for one in (page, *inner)):
        raise unreadable(path, "it is a camera's raw picture", "Develop it to a 16-bit TIFF first")


def _pictures(tiff: TiffFile) -> int:
    """Return the pictures of full size: neither previews nor masks."""
    return sum(1 for page in tiff.pages if not (getattr(page, "subfiletype", 0) or 0) & 5)


def _samples(path: Path, page: TiffPage, file: BinaryIO) -> Samples:
    photometric = PHOTOMETRIC(page.photometric)
    bits = max(page.bitspersample) if isinstance(page.bitspersample, tuple) else page.bitspersample
    if page.sampleformat == _FLOAT:
        raise unreadable(path, f"its values are {bits}-bit floating-point numbers", "Convert it to 16 bit")
    if page.sampleformat != _UINT or bits > 32 or page.imagedepth > 1 or int(photometric) in _NAMES:
        kind = _NAMES.get(int(photometric), f"{bits}-bit numbers of format {int(page.sampleformat)}")
        raise unreadable(path, f"its values are {kind}", "Convert it to 8 or 16 bit grey or RGB")
    if photometric == PHOTOMETRIC.YCBCR or int(page.compression) in _BY_LIBTIFF:
        return _through_libtiff(path, page, file)
    _refuse_cut(path, page, file)
    values = page.asarray(maxworkers=1)
    if page.axes.startswith("S"):  # planes one after another
        values = np.moveaxis(values, 0, -1)
    values = np.ascontiguousarray(values if values.dtype != bool else values.astype(np.uint8))
    colors = {PHOTOMETRIC.RGB: 3, PHOTOMETRIC.SEPARATED: 4, PHOTOMETRIC.CIELAB: 3, PHOTOMETRIC.ICCLAB: 3}
    count = colors.get(photometric, 1)
    if values.ndim == 2 and count == 1:
        values = values[..., None]
    if values.ndim != 3 or values.shape[2] < count:
        raise unreadable(path, f"its {page.samplesperpixel} channels are no {photometric.name} picture")
    return _interpreted(path, page, values, count, bits)


def _interpreted(path: Path, page: TiffPage, values: NDArray[Any], count: int, bits: int) -> Samples:
    alpha, premultiplied, losses = _alpha(page, values, count)
    losses += [f"its {bits} bits a channel are kept as 16"] if bits > 16 else []
    alpha = to_depth(alpha, bits) if alpha is not None else None
    colors = values[..., 0] if count == 1 else values[..., :count]
    photometric = PHOTOMETRIC(page.photometric)
    kept: dict[str, Any] = {"alpha": alpha, "premultiplied": premultiplied, "losses": losses}
    if photometric == PHOTOMETRIC.PALETTE:
        return _of_palette(path, page, colors, kept)
    if photometric in (PHOTOMETRIC.CIELAB, PHOTOMETRIC.ICCLAB):
        return Samples(_lab(path, colors, bits, photometric), "lab", bits, **kept)
    deep = to_depth(colors, bits)
    if photometric == PHOTOMETRIC.MINISWHITE:
        deep = np.bitwise_not(deep)
    elif photometric == PHOTOMETRIC.SEPARATED:
        if page.tags.valueof(332, 1) != 1:  # TIFF 6.0, InkSet
            raise unreadable(path, "its inks are not cyan, magenta, yellow and black", "Convert it to RGB")
        return Samples(np.ascontiguousarray(deep), "cmyk", bits, **kept)
    elif photometric not in (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB):
        raise unreadable(path, f"its values are {photometric.name}", "Convert it to 8 or 16 bit grey or RGB")
    return Samples(np.ascontiguousarray(deep), "gray" if count == 1 else "rgb", bits, **kept)


def _alpha(page: TiffPage, values: NDArray[Any], count: int) -> tuple[NDArray[Any] | None, bool, list[str]]:
    extra = values.shape[2] - count
    kinds = tuple(int(kind) for kind in page.extrasamples)[:extra]
    place = next((n for n, kind in enumerate(kinds) if kind in (_ASSOCIATED, _UNASSOCIATED)), None)
    lost = extra - (place is not None)
    losses = [f"{lost} extra channel{'s' * (lost > 1)} of it (infrared, masks) not kept"] if lost else []
    if place is None:
        return None, False, losses
    return np.ascontiguousarray(values[..., count + place]), kinds[place] == _ASSOCIATED, losses


def _of_palette(path: Path, page: TiffPage, numbers: NDArray[Any], kept: dict[str, Any]) -> Samples:
    palette = page.colormap
    if palette is None or palette.shape[1] <= int(numbers.max(initial=0)):
        raise unreadable(path, "its palette is missing or too short")
    palette = np.ascontiguousarray(palette.T)
    if palette.max(initial=0) < 256:  # some writers forget that a palette has 16 bits
        palette = palette * np.uint16(257)
    deep = bool((palette % 257).any() and (palette % 256).any())  # else every entry has 8 bits
    colors = palette if deep else (palette >> 8).astype(np.uint8)
    if kept["alpha"] is not None and deep:
        kept["alpha"] = to_depth(kept["alpha"].astype(np.uint16) * 257, 16)
    return Samples(colors[numbers], "rgb", 16 if deep else 8, **kept)


def _lab(path: Path, values: NDArray[Any], bits: int, photometric: PHOTOMETRIC) -> NDArray[np.float32]:
    """Return L*, a* and b* of stored values (TIFF 6.0, section 23, and the ICC encoding of TIFF technote 4)."""
    if bits not in (8, 16):
        raise unreadable(path, f"its values are Lab of {bits} bits", "Convert it to 8 or 16 bit")
    lab = values.astype(np.float32)
    unit = 1 if bits == 8 else 256
    if photometric == PHOTOMETRIC.ICCLAB:
        lab[..., 0] *= 100 / (255 if bits == 8 else 65280)
        lab[..., 1:] = lab[..., 1:] / unit - 128
    else:
        lab[..., 0] *= 100 / ((1 << bits) - 1)
        lab[..., 1:] = values[..., 1:].view(np.int8 if bits == 8 else np.int16).astype(np.float32) / unit
    return lab


def _through_libtiff(path: Path, page: TiffPage, file: BinaryIO) -> Samples:
    """Return what libtiff turns into RGB of 8 bits: Y'CbCr of any subsampling, old JPEG, pages of fax machines."""
    _refuse_cut(path, page, file)
    file.seek(0)
    with hushed():
        values = imagecodecs.tiff_decode(file.read(), index=0, asrgb=True)
    if page.samplesperpixel == 1:
        return Samples(np.ascontiguousarray(values[..., 1]), "gray", 8)
    return Samples(np.ascontiguousarray(values[..., :3]), "rgb", 8)


def _refuse_cut(path: Path, page: TiffPage, file: BinaryIO) -> None:
    """Refuse a file whose strips or tiles lie behind its end, or nowhere: tifffile would fill in black."""
    size = file.seek(0, io.SEEK_END)
    pairs = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    if len(pairs) < math.prod(page.chunked) or any(offset + count > size or not count for offset, count in pairs):
        raise unreadable(path, "the picture is cut short", "Copy it again")


def _bytes(page: TiffPage, code: int) -> bytes:
    value = page.tags.valueof(code, b"")
    return bytes(value) if isinstance(value, (bytes, tuple)) else value.encode() if isinstance(value, str) else b""


def _metadata(page: TiffPage, file: BinaryIO, losses: list[str]) -> Metadata:
    across, down = (_fraction(page.tags.valueof(code, (0, 1))) for code in (282, 283))
    exif = b""
    try:
        found = PillowImage.Exif()
        file.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # tags that lie outside of the file
            found.load_from_fp(file)
            for tag in set(found) - _TELLING:
                del found[tag]
            exif = found.tobytes().removeprefix(b"Exif\0\0") if len(found) else b""
    except Exception:  # damaged tags: Pillow raises what it meets
        losses.append("its Exif data cannot be read and are not kept")
    return Metadata(
        exif=exif, xmp=_bytes(page, _XMP), captions=_bytes(page, _CAPTIONS),
        dpi=dpi_of(across, down, int(page.tags.valueof(296, 2))),
    )  # fmt: skip


def _fraction(value: Any) -> float:
    return value[0] / value[1] if isinstance(value, tuple) and len(value) == 2 and value[1] else 0.0


def write(path: Path, values: NDArray[Any], alpha: NDArray[Any] | None, profile: bytes, metadata: Metadata) -> None:
    """Write a TIFF file of RGB, with opacity where there is some, packed without loss.

    Raises:
        OSError: the place cannot be written.
    """
    order: Literal[">", "<"] = ">" if metadata.exif[:2] == b"MM" else "<"
    extra = {_XMP: metadata.xmp, _CAPTIONS: metadata.captions}
    options: dict[str, Any] = {"resolution": metadata.dpi, "resolutionunit": 2} if metadata.dpi else {}
    pixels = values if alpha is None else np.dstack([values, alpha])
    large = pixels.nbytes > 0xE000_0000  # deflate may enlarge noise a little; offsets of TIFF have 32 bits
    tifffile.imwrite(
        path, pixels, byteorder=order, bigtiff=large, photometric="rgb", planarconfig="contig",
        extrasamples=None if alpha is None else ["unassalpha"], compression="adobe_deflate", predictor=True,
        compressionargs={"level": 6}, rowsperstrip=max(1, (1 << 20) // (pixels[0].nbytes or 1)), maxworkers=1,
        metadata=None, software=False, iccprofile=profile,
        extratags=[(code, "B", len(data), data, True) for code, data in extra.items() if data], **options,
    )  # fmt: skip
    if metadata.exif and not large:
        _graft(path, metadata.exif, order)


_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}  # bytes of TIFF's types
_POINTERS = (0x8769, 0x8825, 0xA005)  # directories of the camera, the place, and what may be exchanged


def _graft(path: Path, exif: bytes, order: str) -> None:
    """Give a finished TIFF file the tags of Exif: its bytes go to the end, and a new first directory refers to them."""
    with open(path, "r+b") as file:
        base = file.seek(0, io.SEEK_END)
        base += base % 2
        grafted = bytearray(exif)
        added = _moved(grafted, order, struct.unpack_from(order + "I", exif, 4)[0], base, set())
        file.seek(4)
        (first,) = struct.unpack(order + "I", file.read(4))
        file.seek(first)
        (count,) = struct.unpack(order + "H", file.read(2))
        own = file.read(12 * count)
        entries = {struct.unpack_from(order + "H", own, n)[0]: own[n : n + 12] for n in range(0, len(own), 12)}
        entries = {tag: entry for tag, entry in added.items() if tag in _TELLING} | entries
        entries[274] = struct.pack(order + "HHIHH", 274, 3, 1, 1, 0)  # upright
        grafted += b"\0" * (len(grafted) % 2)
        directory = (
            struct.pack(order + "H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries)) + b"\0" * 4
        )
        file.seek(base)
        file.write(grafted + directory)
        file.seek(4)
        file.write(struct.pack(order + "I", base + len(grafted)))


def _moved(exif: bytearray, order: str, directory: int, base: int, seen: set[int]) -> dict[int, bytes]:
    """Return a directory's entries, after what they point to has been given its place in a file from ``base`` on."""
    entries: dict[int, bytes] = {}
    if directory in seen or directory + 2 > len(exif):
        return entries
    seen.add(directory)
    (count,) = struct.unpack_from(order + "H", exif, directory)
    for place in range(directory + 2, min(directory + 2 + 12 * count, len(exif) - 11), 12):
        tag, kind, number, value = struct.unpack_from(order + "HHII", exif, place)
        if tag in _POINTERS:
            _moved(exif, order, value, base, seen)
        elif kind not in _SIZES or (_SIZES[kind] * number > 4 and value + _SIZES[kind] * number > len(exif)):
            continue  # damaged
        if tag in _POINTERS or _SIZES[kind] * number > 4:
            struct.pack_into(order + "I", exif, place + 8, base + value)
        entries[tag] = bytes(exif[place : place + 12])
    return entries
