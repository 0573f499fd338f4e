"""Color profiles: pictures in whatever colors their file declares, made sRGB."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

BAND = 1 << 20  # samples that are converted at a time: memory stays small, and the converter's caches warm
_RELATIVE, _BLACK_POINT = 1, 0x2000  # lcms2.h: INTENT_RELATIVE_COLORIMETRIC, cmsFLAGS_BLACKPOINTCOMPENSATION
_KINDS = {b"GRAY": "gray", b"RGB ": "rgb", b"CMYK": "cmyk", b"Lab ": "lab"}


class ProfileError(ValueError):
    """A color profile that cannot be read, or is for another kind of picture."""


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """Return an ICC profile of sRGB (IEC 61966-2-1), always the same bytes."""
    made = bytearray(imagecodecs.cms_profile("srgb"))
    made[24:36] = b"\x07\xea\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"  # the date that lcms would take from the clock
    return bytes(made)


def kind_of(profile: bytes) -> str:
    """Return the kind of picture that a profile is for: "gray", "rgb", "cmyk", "lab" or another's four letters."""
    if len(profile) < 132 or profile[36:40] != b"acsp":
        raise ProfileError("its color profile cannot be read")
    return _KINDS.get(profile[16:20], profile[16:20].decode("latin-1").strip())


def converted(pixels: NDArray[Any], profile: bytes, kind: str) -> NDArray[Any]:
    """Return a picture as sRGB, of the same type; a grey one stays grey.

    A grey picture may have a profile for RGB: programs leave it when they take the colors off. Its values are then
    taken as three equal channels.

    Args:
        pixels: ``(H, W)`` for "gray", else ``(H, W, C)``; uint8, uint16 or, for "lab", L*, a*, b* as float32.
        profile: An ICC profile.
        kind: What the picture is: "gray", "rgb", "cmyk" or "lab".

    Raises:
        ProfileError: the profile cannot be read, or is for another kind of picture.
    """
    meant = kind_of(profile)
    if meant != kind and (kind, meant) != ("gray", "rgb"):
        raise ProfileError(f"its color profile is for {meant} pictures, and it is none")
    if kind == "gray":
        shown: NDArray[Any] = grey_curve(profile, pixels.dtype)[pixels]
        return shown
    if kind == "rgb" and _is_srgb(profile):
        return pixels
    dtype = np.dtype(np.uint16) if kind == "lab" else pixels.dtype
    result = np.empty((*pixels.shape[:2], 3), dtype)
    rows = max(1, BAND // pixels.shape[1])
    for top in range(0, len(pixels), rows):
        result[top : top + rows] = _transform(pixels[top : top + rows], profile, kind, dtype)
    return result


@lru_cache(maxsize=8)
def grey_curve(profile: bytes, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the sRGB code of every grey code under a profile for grey, or for RGB."""
    top = np.iinfo(dtype).max
    ramp = np.linspace(0, 1, top + 1, dtype=np.float32)[None]
    kind = kind_of(profile)
    greys = np.stack([ramp] * 3, axis=-1) if kind == "rgb" else ramp
    curve = _transform(greys, profile, kind, np.dtype(np.float32))[0, :, 1]
    codes: NDArray[Any] = np.rint(np.clip(curve, 0, 1) * top).astype(dtype)
    return codes


@lru_cache(maxsize=8)
def _is_srgb(profile: bytes) -> bool:
    """Return whether a profile means sRGB, to half of an 8-bit code: then nothing is converted, nor rounded again."""
    axis = np.linspace(0, 65535, 9).round().astype(np.uint16)
    colors = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(1, -1, 3)
    shown = _transform(colors, profile, "rgb", np.dtype(np.uint16))
    return bool(np.abs(shown.astype(np.int32) - colors).max() <= 128)


def _transform(pixels: NDArray[Any], profile: bytes, kind: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    flags = _BLACK_POINT if kind == "cmyk" else 0  # ink's black is no black: it would come out as dark grey
    try:
        return imagecodecs.cms_transform(
            np.ascontiguousarray(pixels), profile, srgb_profile(), colorspace=kind, outcolorspace="rgb",
            outdtype=dtype.str[1:], intent=_RELATIVE, flags=flags,
        )  # fmt: skip
    except (imagecodecs.CmsError, ValueError, TypeError, RuntimeError) as error:
        raise ProfileError("its color profile cannot be read") from error


def lab_to_srgb(lab: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return 16-bit sRGB of CIE L*, a*, b* under D50, ``(H, W, 3)``."""
    return converted(lab, imagecodecs.cms_profile("lab2"), "lab")
