"""Still pictures: a photograph in, the same photograph out in color, at its own depth."""

from __future__ import annotations

import time
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vidcolor.color.spaces import LUMA_WEIGHTS, ycbcr_to_rgb
from vidcolor.errors import InputError, OutputError, reason
from vidcolor.files import PHOTOS, is_photo, replaced
from vidcolor.film.frame import ColorTags, Frame, VideoInfo
from vidcolor.network.checkpoint import Model, load_model
from vidcolor.network.device import choose_device, choose_precision
from vidcolor.pipeline.chroma import chroma_planes
from vidcolor.pipeline.film import Result, check_target
from vidcolor.pipeline.view import Colorizer
from vidcolor.settings import RunSettings, ShotSettings

# What can be read and written, with what keeps it as it is: no loss, or hardly any and full chroma.
FORMATS: dict[str, tuple[int, ...]] = {
    ".png": (),
    ".jpg": (cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    ".jpeg": (cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    ".tif": (),
    ".tiff": (),
    ".webp": (cv2.IMWRITE_WEBP_QUALITY, 101),  # above 100: lossless
    ".bmp": (),
    ".ppm": (),
}
_DEEP = (".png", ".ppm", ".tif", ".tiff")
_OPACITY = (".png", ".tif", ".tiff", ".webp")
_TAGS = ColorTags("bt709", full_range=True)
_TOP = 65535


def colorize_photograph(
    source: Path,
    output: Path,
    *,
    overwrite: bool = False,
    settings: RunSettings | None = None,
    shot: ShotSettings | None = None,
    model: Model | None = None,
) -> Result:
    """Colorize a photograph: its luma stays, to the rounding of the file's own depth.

    A picture is turned as its Exif tag says; Exif data and color profiles are not copied.

    Args:
        model: A loaded one, when several pictures are colored in a row.

    Raises:
        VidcolorError: not a picture, or it cannot be written.
    """
    settings, shot = settings or RunSettings(), shot or ShotSettings()
    began = time.monotonic()
    check_target(source, output, overwrite)
    if not is_photo(output):
        why = f"a picture is not written as {output.suffix or 'a file without suffix'}"
        raise OutputError(f"cannot write {output}", why, f"Use one of {' '.join(sorted(PHOTOS))}")
    rgb, alpha = read_photograph(source)
    warnings = _losses(source, output, alpha)
    if settings.strict and warnings:
        raise InputError(f"cannot colorize {source}", "; ".join(warnings), "Leave out --strict to accept it")
    deep = rgb.dtype == np.uint16
    kr, kb = LUMA_WEIGHTS[_TAGS.matrix]
    luma = rgb.astype(np.float32) @ np.array([kr, 1 - kr - kb, kb], np.float32) / np.float32(_TOP if deep else 255)
    frame = Frame(np.rint(luma * _TOP).astype(np.uint16), 16, 0, Fraction(1), _TAGS)
    device = choose_device(settings.device)
    model = model or load_model(settings.model)
    precision = choose_precision(settings.precision, device)
    height, width = luma.shape
    colorizer = Colorizer(
        model, VideoInfo.of_still(width, height, _TAGS, 16, source), device=device, precision=precision,
        size=settings.size, saturation=shot.saturation,
    )  # fmt: skip
    small = colorizer.small(frame)
    chroma = chroma_planes(frame, small, colorizer.ab([small])[0], width, height)
    cb, cr = ((plane.astype(np.float32) - (_TOP + 1) // 2) / _TOP for plane in chroma)
    colored = ycbcr_to_rgb(torch.from_numpy(np.stack([luma, cb, cr])), _TAGS.matrix).clamp(0, 1)
    deep = deep and output.suffix.lower() in _DEEP
    codes = (colored.permute(1, 2, 0) * (_TOP if deep else 255)).round().numpy()
    _write(output, codes.astype(np.uint16 if deep else np.uint8), alpha)
    seconds = time.monotonic() - began
    return Result(
        output=output, frames=1, seconds=round(seconds, 3), fps=round(1 / seconds, 2), model=model.name,
        device=str(device), warnings=tuple(warnings),
    )  # fmt: skip


def read_photograph(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """R'G'B' ``(H, W, 3)``, upright, of uint8 or uint16, and alpha ``(H, W)`` if there is one.

    Raises:
        InputError: it is no picture, or a damaged one.
    """
    what = f"cannot open {path}"
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise InputError(what, reason(error), "Check the path") from error
    if path.suffix.lower() == ".png" and b"IEND" not in data[-64:].tobytes():
        raise InputError(what, "the picture is cut short", "Copy it again")  # libpng would talk on stderr
    try:
        whole = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
        upright = cv2.imdecode(data, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH) if whole is not None else None
    except (cv2.error, MemoryError) as error:
        raise InputError(what, "it does not decode", "It is no picture, or too large") from error
    if whole is None or upright is None:
        raise InputError(what, "the data are invalid", "It is no picture, or a damaged one")
    if upright.dtype not in (np.uint8, np.uint16):
        raise InputError(what, f"its values are {upright.dtype} numbers", "Convert it to 8 or 16 bit")
    if upright.ndim == 2:
        upright = np.repeat(upright[..., None], 3, axis=2)
    rgb = np.ascontiguousarray(upright[..., ::-1])
    if whole.ndim < 3 or whole.shape[2] < 4:
        return rgb, None
    return rgb, _turned_like(upright, whole)[..., 3]


def _turned_like(upright: NDArray[Any], whole: NDArray[Any]) -> NDArray[Any]:
    """A picture with alpha in the orientation of the same without: OpenCV follows the Exif tag in one of them only."""
    for turns, mirror in product(range(4), (False, True)):
        turned = np.rot90(whole[:, ::-1] if mirror else whole, turns)
        if turned.shape[:2] == upright.shape[:2] and np.array_equal(turned[..., :3], upright):
            return np.ascontiguousarray(turned)
    return whole


def _losses(source: Path, output: Path, alpha: NDArray[Any] | None) -> list[str]:
    """What the output does not hold, a line each."""
    lines = []
    if (pages := cv2.imcount(str(source))) > 1:
        lines.append(f"only the first of {pages} pictures in it is colored")
    if alpha is not None and output.suffix.lower() not in _OPACITY and (alpha < np.iinfo(alpha.dtype).max).any():
        lines.append(f"the picture's alpha is not kept: {' '.join(_OPACITY)} keep it")
    return lines


def _write(path: Path, rgb: NDArray[Any], alpha: NDArray[Any] | None) -> None:
    what = f"cannot write {path}"
    planes = rgb[..., ::-1]
    if alpha is not None and path.suffix.lower() in _OPACITY:
        if alpha.dtype != rgb.dtype:
            alpha = (alpha >> 8).astype(np.uint8)
        planes = np.dstack([planes, alpha])
    suffix = path.suffix.lower()
    try:
        encoded, data = cv2.imencode(suffix, np.ascontiguousarray(planes), FORMATS[suffix])
    except cv2.error as error:
        raise OutputError(what, reason(error), "Choose another format with -o") from error
    if not encoded:
        raise OutputError(what, "the picture cannot be encoded", "Choose another format with -o")
    with replaced(path) as part:
        part.write_bytes(data.tobytes())


cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # its messages would stand between ours
