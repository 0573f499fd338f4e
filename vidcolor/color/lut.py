"""Look-up tables (LUT): the look of a film as a .cube file, from colors to colors.

The format is that of Adobe's "Cube LUT Specification 1.0" (2013), and what DaVinci Resolve writes: one table of one
dimension for each of R', G' and B', or one of three dimensions, or the first and then the second in one file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vidcolor.color.gamut import chroma_table
from vidcolor.color.spaces import rgb_to_lab, ycbcr_to_rgb
from vidcolor.color.weights import Matrix
from vidcolor.errors import InputError, reason

SIZES = {1: (2, 65536), 3: (2, 129)}  # points an axis, by the dimension of the table
_SIZE = {"LUT_1D_SIZE": 1, "LUT_3D_SIZE": 3}
_RANGES = {"LUT_1D_INPUT_RANGE": 1, "LUT_3D_INPUT_RANGE": 3}  # Resolve's: one lowest and one highest value
_DOMAINS = ("DOMAIN_MIN", "DOMAIN_MAX")  # Adobe's: one value for each of R', G' and B'


@dataclass(frozen=True, eq=False)
class Table:
    """Colors at the points of a grid.

    Attributes:
        values: ``(size, 3)`` for a table of one dimension, ``(size, size, size, 3)`` laid out as B', G', R' for three.
        low, high: The values of R', G' and B' at the first and the last point, ``(3,)``.
    """

    values: Tensor
    low: Tensor
    high: Tensor

    def __call__(self, rgb: Tensor) -> Tensor:
        """Return the colors ``(..., 3, H, W)`` that the table has for these, which are limited to its range."""
        size = len(self.values)
        place = (rgb.movedim(-3, -1) - self.low) / (self.high - self.low)
        place = place.clamp(0, 1) * (size - 1)
        whole = place.floor().clamp(max=size - 2)
        part = place - whole
        found = self._on_lines(whole.long(), part) if self.values.ndim == 2 else self._in_cubes(whole.long(), part)
        return found.movedim(-1, -3)

    def _on_lines(self, whole: Tensor, part: Tensor) -> Tensor:
        channels = torch.arange(3)
        before, after = self.values[whole, channels], self.values[whole + 1, channels]
        return before + (after - before) * part

    def _in_cubes(self, whole: Tensor, part: Tensor) -> Tensor:
        """Interpolate in tetrahedra (Kasson, Nin, Plouffe and Hafner 1995): greys are made of the table's greys alone.

        From the lowest corner of the cube to its highest, a step along each axis, the longest part first.
        """
        size = len(self.values)
        steps = torch.tensor([1, size, size * size])
        part, order = part.sort(dim=-1, descending=True)
        corners = torch.cat([(whole * steps).sum(dim=-1, keepdim=True), steps[order]], dim=-1).cumsum(dim=-1)
        edges = torch.cat([torch.ones_like(part[..., :1]), part, torch.zeros_like(part[..., :1])], dim=-1)
        weights = edges[..., :-1] - edges[..., 1:]
        flat = self.values.reshape(-1, 3)
        found: Tensor = sum(
            (flat[corners[..., place]] * weights[..., place, None] for place in range(4)), torch.zeros(3)
        )
        return found


@dataclass(frozen=True)
class Lut:
    """A look: its tables, used one after the other."""

    tables: tuple[Table, ...]

    def __call__(self, rgb: Tensor) -> Tensor:
        """Return R'G'B' ``(..., 3, H, W)`` for R'G'B' in 0..1."""
        for table in self.tables:
            rgb = table(rgb)
        return rgb

    def on_ab(self, luma: Tensor, ab: Tensor, matrix: Matrix) -> Tensor:
        """Return ab ``(N, 2, H, W)`` as the look changes it, for Y' ``(N, 1, H, W)`` in 0..1 that stays.

        The difference that the table makes is added to ab, so that a table which changes nothing changes nothing, in
        colors outside the gamut either.
        """
        rgb = ycbcr_to_rgb(torch.cat([luma, chroma_table(matrix)(luma, ab)], dim=-3), matrix).clamp(0, 1)
        return ab + (rgb_to_lab(self(rgb)) - rgb_to_lab(rgb))[..., 1:, :, :]


def read_lut(path: Path | str) -> Lut:
    """Read a .cube file.

    Raises:
        InputError: it cannot be read, or is no .cube file; the line that is wrong is named.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"cannot read the LUT {path}", reason(error), "Name a .cube file") from error
    return _Cube(path).read(text)


class _Cube:
    """What has been read of a .cube file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sizes: dict[int, int] = {}  # by dimension
        self.ranges: dict[int, tuple[float, float]] = {}
        self.domain = {"DOMAIN_MIN": (0.0, 0.0, 0.0), "DOMAIN_MAX": (1.0, 1.0, 1.0)}
        self.rows: list[tuple[float, ...]] = []

    def read(self, text: str) -> Lut:
        lines = [line.split("#", 1)[0].split() if '"' not in line else line.split() for line in text.splitlines()]
        number = 0
        for number, words in enumerate(lines, 1):
            if words and not words[0].startswith("#"):
                self._line(number, words)
        if not self.sizes:
            raise self._error(max(1, number), "no LUT_1D_SIZE or LUT_3D_SIZE was found")
        if len(self.rows) < self._wanted:
            raise self._error(max(1, number), f"the file ends after {len(self.rows)} of {self._wanted} colors")
        return Lut(tuple(self._table(dimension) for dimension in sorted(self.sizes)))

    @property
    def _wanted(self) -> int:
        return sum(size**dimension for dimension, size in self.sizes.items())

    def _line(self, number: int, words: list[str]) -> None:
        keyword, *rest = words
        if keyword == "TITLE":
            return
        if keyword in _SIZE:
            self._size(number, keyword, rest)
        elif keyword in _DOMAINS:
            self.domain[keyword] = self._numbers(number, rest, 3)  # type: ignore[assignment]
            self._rising(number, self.domain["DOMAIN_MIN"], self.domain["DOMAIN_MAX"])
        elif keyword in _RANGES:
            low, high = self._numbers(number, rest, 2)
            self._rising(number, (low,), (high,))
            self.ranges[_RANGES[keyword]] = low, high
        elif keyword[0].isalpha() and keyword.lower() not in ("nan", "inf", "infinity"):
            raise self._error(number, f"there is no keyword {keyword!r}")
        else:
            row = self._numbers(number, words, 3)
            if not self.sizes:
                raise self._error(number, "colors come before LUT_1D_SIZE or LUT_3D_SIZE")
            if len(self.rows) == self._wanted:
                raise self._error(number, f"there are more colors than the {self._wanted} of the sizes")
            self.rows.append(row)

    def _size(self, number: int, keyword: str, rest: list[str]) -> None:
        dimension = _SIZE[keyword]
        low, high = SIZES[dimension]
        if len(rest) != 1 or not rest[0].isdecimal() or not low <= int(rest[0]) <= high:
            raise self._error(number, f"{keyword} must be a whole number in {low}..{high}, not {' '.join(rest)!r}")
        if self.rows:
            raise self._error(number, f"{keyword} comes after colors")
        self.sizes[dimension] = int(rest[0])

    def _numbers(self, number: int, words: list[str], count: int) -> tuple[float, ...]:
        try:
            values = tuple(map(float, words))
        except ValueError:
            values = ()
        if len(values) != count or not all(map(math.isfinite, values)):
            raise self._error(number, f"{count} numbers are expected, not {' '.join(words)!r}")
        return values

    def _rising(self, number: int, low: tuple[float, ...], high: tuple[float, ...]) -> None:
        if not all(a < b for a, b in zip(low, high, strict=True)):
            raise self._error(number, "the highest value of the range is not above the lowest")

    def _table(self, dimension: int) -> Table:
        """Return the table of a dimension; a file with both holds that of one dimension first."""
        size = self.sizes[dimension]
        first = self.sizes[1] if dimension == 3 and 1 in self.sizes else 0
        rows = torch.tensor(self.rows[first : first + size**dimension], dtype=torch.float32)
        low, high = self.ranges.get(dimension, (0.0, 0.0))
        ends = ((low,) * 3, (high,) * 3) if dimension in self.ranges else tuple(self.domain.values())
        # In the file red changes fastest, so that it is the last axis of the grid.
        values = rows if dimension == 1 else rows.reshape(size, size, size, 3)
        return Table(values, torch.tensor(ends[0]), torch.tensor(ends[1]))

    def _error(self, number: int, why: str) -> InputError:
        return InputError(f"cannot read the LUT {self.path}", f"line {number}: {why}", "Correct it, or export it anew")
