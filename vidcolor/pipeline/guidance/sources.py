"""What a person says about a film's colors, read from texts and files: references and hints."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from vidcolor.color.arrays import Plane
from vidcolor.color.spaces import rgb_to_lab
from vidcolor.errors import InputError, VidcolorError, reading
from vidcolor.film.images.image import Image
from vidcolor.film.images.names import parse_color
from vidcolor.film.images.reading import read_image
from vidcolor.film.timecode import TimecodeClock

LEAST_COLOR = 3.0  # ab units: a picture whose colors are all nearer to grey is taken to have none
OPAQUE = 0.5  # opacity from which a place of a picture counts
COLUMNS = ("time", "x", "y", "color", "radius")
_SECONDS = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?)")


@dataclass(frozen=True)
class Source:
    """A file that tells colors.

    Attributes:
        text: As it was written.
        time: Of the film's frame that it is of, in seconds from the film's beginning; None: it is of no frame.
        path: Of the file.
    """

    text: str
    time: float | None
    path: Path

    @property
    def digest(self) -> str:
        """Return the hash of the file, hexadecimal.

        Raises:
            InputError: it cannot be read.
        """
        with reading(self.path):
            return hashlib.sha256(self.path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class Painting:
    """A picture that tells colors, at the size of the network.

    Attributes:
        luma: Y' ``(h, w)`` in 0..1.
        known: a and b in ab units, and 1 where there are any, else 0, ``(3, h, w)``.
    """

    luma: Plane
    known: Plane


@dataclass(frozen=True)
class Point:
    """A point with a color.

    Attributes:
        line: Of the file.
        time: Of the frame, in seconds from the film's beginning.
        x, y: Of the point, in pixels of the film's picture, upright, from the left and from the top.
        rgb: The color as it was written, 0..255.
        ab: The same, in ab units.
        radius: In the same pixels; None: the usual one.
    """

    line: int
    time: float
    x: float
    y: float
    rgb: tuple[int, int, int]
    ab: tuple[float, float]
    radius: float | None


def parse_source(text: str, clock: TimecodeClock, folder: Path) -> Source:
    """Return the source that a text names: FILE, or TIME=FILE for a frame of the film, as in 00:01:02:03=frame.png.

    Args:
        clock: What the frames of the film are called.
        folder: That a path without a folder of its own is in.

    Raises:
        VidcolorError: the time cannot be read.
    """
    time, equals, file = text.partition("=")
    if equals and ":" in time:
        return Source(text, parse_moment(time, clock), folder / file.strip())
    return Source(text, None, folder / text.strip())


def parse_moment(text: str, clock: TimecodeClock) -> float:
    """Return seconds of 12.5, 1:02, 00:01:02.500, or of a frame's timecode 00:01:02:03.

    Raises:
        VidcolorError: it is no time.
    """
    text = text.strip()
    found = _SECONDS.fullmatch(text)
    if found is None:
        return float(clock.frame(text) / clock.rate)
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    if (found[1] and minutes >= 60) or (found[2] and seconds >= 60):
        raise VidcolorError(f"cannot read the time {text!r}", "minutes and seconds go up to 59", "Correct it")
    return 3600 * hours + 60 * minutes + seconds


def read_picture(path: Path) -> Image:
    """Return a picture in color.

    Raises:
        InputError: the file cannot be read, or holds no color.
    """
    image = read_image(path).as_shown(8)
    if image.pixels.ndim == 2:
        raise InputError(f"cannot take colors from {path}", "the picture is grey", "Name a picture in color")
    return image


def painting(path: Path, image: Image, width: int, height: int) -> Painting:
    """Return a picture in color at the size of the network.

    Args:
        path: Of its file, for what is told.
        image: From :func:`read_picture`.

    Raises:
        InputError: it has no color.
    """
    what, size = f"cannot take colors from {path}", (width, height)
    full = np.full(image.pixels.shape[:2], 255, np.uint8) if image.alpha is None else image.alpha
    weight = full.astype(np.float32) / 255
    share = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    # Colors count as far as they are opaque: what is hidden below them must not shine through.
    colors = cv2.resize(image.pixels * weight[..., None], size, interpolation=cv2.INTER_AREA)
    rgb = np.clip(colors / np.maximum(share[..., None], 1e-3) / 255, 0, 1).astype(np.float32)
    ab = rgb_to_lab(torch.from_numpy(rgb).permute(2, 0, 1)[None])[0, 1:].numpy()
    opaque = share > OPAQUE
    if not opaque.any():
        raise InputError(what, "all of it is transparent", "Paint with an opacity of more than a half")
    if image.alpha is None and float(np.hypot(*ab).max()) < LEAST_COLOR:
        raise InputError(what, "the picture is grey", "Name a picture in color")
    luma = cv2.resize(image.luma(), size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return Painting(luma, np.concatenate([ab, opaque[None].astype(np.float32)]))


def read_points(path: Path, clock: TimecodeClock) -> list[Point]:
    """Return the points of a table (CSV) with the columns time, x, y, color and, if wanted, radius.

    Raises:
        InputError: the file cannot be read, or something is wrong in it; the first line with a fault is told.
    """
    what = f"cannot use {path}"
    with reading(path):
        data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(what, "it is no text in UTF-8", "Save it as CSV in UTF-8") from error
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = [cell.strip().lower() for cell in next(rows, [])]
    if not {*COLUMNS[:4]} <= {*names}:
        why = f"its first line does not name the columns {', '.join(COLUMNS[:4])}"
        raise InputError(what, why, f"Write {','.join(COLUMNS)} there")
    found = []
    for row in rows:
        if any(cell.strip() for cell in row):
            cells = dict(zip(names, (cell.strip() for cell in row), strict=False))
            found.append(_point(what, rows.line_num, cells, clock, delimiter != ","))
    if not found:
        raise InputError(what, "it holds no hint", "Write a line for each point, with its time, place and color")
    return found


def _point(what: str, line: int, cells: dict[str, str], clock: TimecodeClock, has_decimal_commas: bool) -> Point:
    def wrong(column: str, why: str) -> InputError:
        return InputError(what, f"line {line}, column {column}: {why}", "Correct it")

    def number(column: str) -> float:
        text = cells.get(column, "")
        try:
            value = float(text.replace(",", ".") if has_decimal_commas else text)
        except ValueError:
            raise wrong(column, f"{text!r} is no number") from None
        if not math.isfinite(value) or value < 0:
            raise wrong(column, f"{text} is no number from 0 on")
        return value

    try:
        time = parse_moment(cells.get("time", ""), clock)
    except VidcolorError as error:
        raise wrong("time", error.why) from error
    x, y = number("x"), number("y")
    try:
        rgb = parse_color(cells.get("color", ""))
    except VidcolorError as error:
        raise wrong("color", f"{cells.get('color', '')!r}: {error.why}") from error
    radius = number("radius") if cells.get("radius") else None
    if radius == 0:
        raise wrong("radius", "it is 0")
    lab = rgb_to_lab(torch.tensor(rgb, dtype=torch.float32).reshape(1, 3, 1, 1) / 255)
    return Point(line, time, x, y, rgb, (float(lab[0, 1]), float(lab[0, 2])), radius)


def grouped(points: list[Point]) -> Iterator[tuple[float, list[Point]]]:
    """Yield the points of each frame, in the order of time."""
    for time in sorted({point.time for point in points}):
        yield time, [point for point in points if point.time == time]


def draw_points(points: list[Point], shown: tuple[int, int], size: tuple[int, int], usual: float) -> Plane:
    """Return points as hints ``(3, h, w)``, upright: discs of their colors with weight 1.

    Args:
        shown: Width and height of the film's picture, upright, in which the points lie.
        size: Width and height of the network's.
        usual: The radius of a point without one, as a share of the short side.
    """
    width, height = size
    known = np.zeros((3, height, width), np.float32)
    scale = width / shown[0], height / shown[1]
    y, x = np.mgrid[:height, :width].astype(np.float32) + np.float32(0.5)
    for point in points:
        radius = usual * min(shown) if point.radius is None else point.radius
        reach = max(1.5, radius * min(scale))  # a smaller disc may lie between the pixels
        on = (x - point.x * scale[0]) ** 2 + (y - point.y * scale[1]) ** 2 <= reach**2
        known[:, on] = np.array([*point.ab, 1], np.float32)[:, None]
    return known
