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
SCREEN = 1912  # pixels, width of a sheet of strips
WIDE = 312  # pixels, width of a picture in a strip
STEEPEST = 1.5  # of its width, the height that it has at most
WIDEST = 16  # times its height, of a scaled picture


Strip = Sequence[tuple[RgbImage, str]]
"""Pictures side by side, each with a line."""


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


def tile(image: RgbImage, size: tuple[int, int] = TILE) -> RgbImage:
    """Return a picture fitted into a tile of a contact sheet, of some width and height, on dark grey."""
    width, height = size
    scale = min(width / image.shape[1], height / image.shape[0])
    columns, rows = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    out = np.full((height, width, 3), DARK, np.uint8)
    top, left = (height - rows) // 2, (width - columns) // 2
    out[top : top + rows, left : left + columns] = cv2.resize(image, (columns, rows), interpolation=how)
    return out


def contact_sheet(sections: Sequence[tuple[str, Sequence[tuple[RgbImage, str]]]]) -> RgbImage:
    """Return sections one below the other: a title, and tiles with a line below each."""
    width = COLUMNS * (TILE[0] + GAP) + GAP
    bands = []
    for title, tiles in sections:
        bands.append(_text(title, width, 22, 15))
        cells = [joined([picture, _text(line[-26:], TILE[0], 16, 11)], 0, 2, DARK) for picture, line in tiles]
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


def strips_sheet(sections: Sequence[tuple[str, Sequence[Strip]]]) -> RgbImage:
    """Return sections one below the other: a title, and strips of pictures that belong together, a line below each.

    The pictures of a section are of one size; as many strips stand side by side as are seen on one screen.
    """
    bands: list[tuple[str, list[RgbImage]]] = []
    for title, strips in sections:
        count = max(len(strip) for strip in strips)
        width = min(WIDE, (SCREEN - GAP) // count - GAP)
        side_by_side = max(1, SCREEN // (count * (width + 2) + 2 * GAP))
        rows = [_row(strips[n : n + side_by_side], width) for n in range(0, len(strips), side_by_side)]
        bands.append((title, rows))
    widest = max(row.shape[1] for _, rows in bands for row in rows)
    return joined([band for title, rows in bands for band in (_text(title, widest, 30, 17), *rows)], 0, 0, DARK)


def _row(strips: Sequence[Strip], width: int) -> RgbImage:
    """Return strips side by side, as high as the highest of their pictures."""
    steepest = max(picture.shape[0] / picture.shape[1] for strip in strips for picture, _ in strip)
    size = width, round(width * min(STEEPEST, steepest))
    cells = [
        joined([joined([tile(p, size), _text(line, width, 20, 13)], 0, 2, DARK) for p, line in strip], 1, 2, DARK)
        for strip in strips
    ]
    return np.pad(joined(cells, 1, 2 * GAP, DARK), ((0, GAP), (GAP, GAP), (0, 0)), constant_values=DARK)


def _text(line: str, width: int, height: int, size: int) -> RgbImage:
    """Return a band with a line in letters of a size in pixels; what does not fit is cut off at its end."""
    band = np.full((height, width, 3), DARK, np.uint8)
    cv2.putText(band, line, (3, (height + size) // 2 - size // 6), LETTERS, cv2.FontFace("sans"), size, 400)
    return band
