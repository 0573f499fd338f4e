"""Grades: the colors of a shot made stronger, weaker, warmer or cooler, as a colorist does it. The luma stays.

ab -> times the saturation -> under a light of another color (temperature, tint) -> towards grey (strength)

Temperature and tint move the white of the picture, and all its other colors with it:

    white(temperature, tint) = the daylight whose reciprocal temperature is that of D65 plus ``temperature`` mired
                               (CIE 15:2004, 3.1), moved by tint / 3000 across the line of daylights in the CIE 1960
                               diagram, away from green (Adobe's DNG SDK counts tint in these units)
    X, Y, Z                  -> X kx, Y, Z kz;  kx, kz: X and Z of that white over those of D65, at Y = 1

Since Y is not touched, L* is not, and what changes are a* and b* alone. White changes most and black not at all, as
under a colored lamp. A mired is a millionth of a reciprocal kelvin; the eye takes equal steps of it for equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from vidcolor.color.spaces import lab_to_xyz, xyz_to_lab

D65_KELVIN = 6504.0  # CIE 15:2004, table 11.1
TINTS_PER_DUV = 3000.0  # kTintScale of dng_temperature.cpp, Adobe DNG SDK
_NEIGHBOR = 0.5  # mired, to either side, between which the line of daylights is taken as straight


@dataclass(frozen=True)
class Grade:
    """What is done to the colors of a shot.

    Attributes:
        saturation: Factor on the colors as they are predicted.
        temperature: Mired by which white becomes warmer; below 0, cooler.
        tint: Units by which it becomes more magenta; below 0, greener.
        strength: How far the result is from grey: 0 is grey, 1 all of it.
    """

    saturation: float = 1.0
    temperature: float = 0.0
    tint: float = 0.0
    strength: float = 1.0

    def mixed(self, other: Grade, share: float) -> Grade:
        """Return the grade between this one and another, of which there is a share of 0..1."""

        def between(mine: float, its: float) -> float:
            return mine + (its - mine) * share

        return Grade(
            between(self.saturation, other.saturation),
            between(self.temperature, other.temperature),
            between(self.tint, other.tint),
            between(self.strength, other.strength),
        )


def apply_grade(lightness: Tensor, ab: Tensor, grade: Grade) -> Tensor:
    """Return graded ab ``(..., 2, H, W)`` for L* ``(..., 1, H, W)`` and ab of this shape."""
    ab = ab * grade.saturation
    if grade.temperature or grade.tint:
        kx, kz = white_factors(grade.temperature, grade.tint)
        factors = torch.tensor([kx, 1.0, kz], dtype=ab.dtype, device=ab.device)[:, None, None]
        xyz = lab_to_xyz(torch.cat([lightness.to(ab), ab], dim=-3))
        ab = xyz_to_lab(xyz * factors)[..., 1:, :, :]
    return ab * grade.strength


@cache
def white_factors(temperature: float, tint: float) -> tuple[float, float]:
    """Return the factors of X and Z that move the white of a picture.

    Args:
        temperature: In mired, tint: in units, as of :class:`Grade`.
    """
    x, _, z = _white(temperature, tint)
    x0, _, z0 = _white(0.0, 0.0)
    return x / x0, z / z0


def _white(temperature: float, tint: float) -> tuple[float, float, float]:
    """Return XYZ, Y = 1, of the white that a temperature and a tint make."""
    mired = 1e6 / D65_KELVIN + temperature
    u, v = _daylight_uv(mired)
    (u1, v1), (u2, v2) = _daylight_uv(mired - _NEIGHBOR), _daylight_uv(mired + _NEIGHBOR)
    along = (u2 - u1, v2 - v1)  # towards warmer; a quarter turn clockwise from it, v falls: away from green
    length = (along[0] ** 2 + along[1] ** 2) ** 0.5
    distance = tint / TINTS_PER_DUV / length
    u, v = u + along[1] * distance, v - along[0] * distance
    scale = 2 * u - 8 * v + 4
    x, y = 3 * u / scale, 2 * v / scale
    return x / y, 1.0, (1 - x - y) / y


def _daylight_uv(mired: float) -> tuple[float, float]:
    """Return CIE 1960 u and v of a phase of daylight."""
    x, y = daylight_xy(1e6 / mired)
    scale = -2 * x + 12 * y + 3
    return 4 * x / scale, 6 * y / scale


def daylight_xy(kelvin: float) -> tuple[float, float]:
    """Return the chromaticity of a phase of daylight (CIE 15:2004, 3.1, for 4000 to 25 000 K)."""
    t = 1000 / kelvin
    if kelvin <= 7000:
        x = ((-4.6070 * t + 2.9678) * t + 0.09911) * t + 0.244063
    else:
        x = ((-2.0064 * t + 1.9018) * t + 0.24748) * t + 0.237040
    return x, (-3.000 * x + 2.870) * x - 0.275


def incoming_share(frame: int, start: int, length: int) -> float:
    """Return how much of a frame is the new shot's, in a dissolve that is even: 0 before it, 1 after it.

    Args:
        frame: The frame's number.
        start: The first frame in which the new shot makes at least half of the picture.
        length: Frames that show both shots; 0 is a cut.
    """
    shown = frame - start + length // 2 + 1  # 1 in the first frame of the dissolve
    return min(1.0, max(0.0, shown / (length + 1)))
