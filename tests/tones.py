"""Small pictures whose tones are known, and how screens show them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import OpenEXR
import pillow_heif
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pillow

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


def profile_of(exponent: float) -> bytes:
    return imagecodecs.cms_profile("gray", gamma=exponent)
