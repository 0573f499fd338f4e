"""Sheets of pictures: rows and columns of them, with captions. Pictures are sRGB ``(H, W, 3)``, uint8."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from vidcolor.color.arrays import Luma, RgbImage

WHITE, DARK, LETTERS = 255, 24, (220, 220, 220)  # code values
TILE = (160, 108)  # pixels, width and height of a picture on a contact sheet
COLUMNS = 8
GAP = 4  # pixels between tiles
WIDEST = 16  # times its height, of a scaled picture


def joined(images: Sequence[RgbImage], axis: int, gap: int = 0, ground: int = WHITE) -> RgbImage:
    """Return pictures joined downwards (axis 0) or to the right (1).

    Args:
        gap: Pixels between them.
        ground: Code value of gaps, and of what smaller pictures leave open.
    """
    side = max(image.shape[1 - axis] for image in images)
    parts = []
    for number, image in enumerate(images):
        open_, before = [(0, 0)] * 3, gap if number else 0
        open_[axis], open_[1 - axis] = (before, 0), (0, side - image.shape[1 - axis])
        parts.append(np.pad(image, open_, constant_values=ground))
    return np.concatenate(parts, axis=axis)


def scaled(image: RgbImage, height: int) -> RgbImage:
    """Return a picture at another height; made smaller it is averaged over areas. A mere line is squeezed."""
    width = min(max(1, round(image.shape[1] * height / image.shape[0])), WIDEST * height)
    how = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_CUBIC
    resized: RgbImage = cv2.resize(image, (width, height), interpolation=how)
    return resized


def tile(image: RgbImage) -> RgbImage:
    """Return a picture fitted into a tile of a contact sheet, on dark grey."""
    width, height = TILE
    scale = min(width / image.shape[1], height / image.shape[0])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    fitted = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    out = np.full((height, width, 3), DARK, np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    out[top : top + size[1], left : left + size[0]] = fitted
    return out


def contact_sheet(sections: Sequence[tuple[str, Sequence[tuple[RgbImage, str]]]]) -> RgbImage:
    """Return sections one below the other: a title, and tiles with a line below each."""
    width = COLUMNS * (TILE[0] + GAP) + GAP
    bands = []
    for title, tiles in sections:
        bands.append(_text(title, width, 22, 0.5))
        cells = [joined([picture, _text(line[-26:], TILE[0], 16, 0.32)], 0, 2, DARK) for picture, line in tiles]
        for start in range(0, len(cells), COLUMNS):
            row = joined(cells[start : start + COLUMNS], 1, GAP, DARK)
            bands.append(np.pad(row, ((0, 0), (GAP, 0), (0, 0)), constant_values=DARK))
    return joined(bands, 0, 0, DARK)


def jpeg(image: RgbImage | Luma, quality: int = 95) -> bytes:
    """Return a picture in color ``(H, W, 3)``, or a grey one ``(H, W)``, as JPEG.

    Args:
        quality: 0..100.
    """
    codes = image[..., ::-1] if image.ndim == 3 else image
    done, data = cv2.imencode(".jpg", codes, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    encoded: bytes = data.tobytes()
    return encoded


def _text(line: str, width: int, height: int, scale: float) -> RgbImage:
    band = np.full((height, width, 3), DARK, np.uint8)
    plain = line.encode("ascii", "replace").decode()  # OpenCV's letters
    cv2.putText(band, plain, (2, height - 6), cv2.FONT_HERSHEY_SIMPLEX, scale, LETTERS, 1, cv2.LINE_AA)
    return band
