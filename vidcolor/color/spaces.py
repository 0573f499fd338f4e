"""Conversions between color spaces. Torch only.

Tensors carry their three (or two) channels in dimension -3: ``(..., 3, H, W)``. Ranges:

========  =======================================  ==============================
space     channels                                 range
========  =======================================  ==============================
sRGB      R'G'B', gamma-encoded                    0..1
linear    RGB, proportional to light               0..1
XYZ       relative to a white of Y = 1             0..1.09
Lab       CIE 1976 L*, a*, b* under D65            L* 0..100, ab about -110..110
Y'CbCr    luma and color differences               Y' 0..1, Cb and Cr -0.5..0.5
========  =======================================  ==============================

Video transfer: luma is read as if encoded with the sRGB curve. BT.709 material is graded on a display
whose gamma (BT.1886, 2.4) is close to it, and players show it unchanged on sRGB screens.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from vidcolor.color.weights import LUMA_WEIGHTS, Matrix

# CIE 15:2004, 8.2.1: the cube root gives way to a straight line below (6/29)^3.
_LAB_EPSILON = (6 / 29) ** 3
_LAB_SLOPE = (29 / 6) ** 2 / 3


# Chromaticities x, y of red, green and blue, and of their common white D65: IEC 61966-2-1, BT.2020-2 table 3.
_SRGB_PRIMARIES = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_BT2020_PRIMARIES = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
_D65 = (0.3127, 0.3290)

REFERENCE_WHITE = 203.0  # cd/m2 of diffuse white in high dynamic range, ITU-R BT.2408-7, table 1


def _linear_to_xyz_matrix(xy: tuple[tuple[float, float], ...]) -> Tensor:
    """Return the 3x3 matrix from linear RGB of the given primaries to XYZ."""
    primaries = torch.tensor(xy, dtype=torch.float64)
    white = torch.tensor(_D65, dtype=torch.float64)

    def xy_to_xyz(xy: Tensor) -> Tensor:
        """Return XYZ of luminance 1 for chromaticities (x, y) along the last dimension."""
        x, y = xy[..., 0], xy[..., 1]
        return torch.stack([x / y, torch.ones_like(x), (1 - x - y) / y], dim=-1)

    columns = xy_to_xyz(primaries).T
    share: Tensor = torch.linalg.solve(columns, xy_to_xyz(white))
    return columns * share


_LINEAR_TO_XYZ = _linear_to_xyz_matrix(_SRGB_PRIMARIES)
_XYZ_TO_LINEAR = torch.linalg.inv(_LINEAR_TO_XYZ)
_BT2020_TO_SRGB = _XYZ_TO_LINEAR @ _linear_to_xyz_matrix(_BT2020_PRIMARIES)
_WHITE = _LINEAR_TO_XYZ.sum(dim=1)


@lru_cache(maxsize=256)
def _placed(constant: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return a constant on a device; copying it there each time would make a GPU wait."""
    with torch.inference_mode(False):  # whoever asks first, training may use it too
        return constant.to(device, dtype)


def _like(constant: Tensor, x: Tensor) -> Tensor:
    return _placed(constant, x.device, x.dtype)


def _mix(matrix: Tensor, x: Tensor) -> Tensor:
    """Apply a 3x3 matrix to the channel dimension of ``(..., 3, H, W)``."""
    return torch.einsum("ij,...jhw->...ihw", _like(matrix, x), x)


def srgb_to_linear(x: Tensor) -> Tensor:
    """Return linear values of sRGB's (IEC 61966-2-1); odd about zero: colors outside the gamut stay in order."""
    m = x.abs()
    return torch.where(m <= 0.04045, m / 12.92, ((m + 0.055) / 1.055) ** 2.4) * x.sign()


def linear_to_srgb(x: Tensor) -> Tensor:
    """Return sRGB's values of linear ones (IEC 61966-2-1): the inverse of :func:`srgb_to_linear`, odd too."""
    m = x.abs()
    return torch.where(m <= 0.0031308, m * 12.92, 1.055 * m.clamp(min=1e-9) ** (1 / 2.4) - 0.055) * x.sign()


def bt2020_to_srgb(linear: Tensor) -> Tensor:
    """Return linear RGB of sRGB's primaries for that of BT.2020's, not clipped: outside 0..1 is outside the gamut."""
    return _mix(_BT2020_TO_SRGB, linear)


def pq_to_linear(x: Tensor) -> Tensor:
    """Return the light of code values of SMPTE ST 2084 (BT.2100-2, table 4); 1 is the reference white."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = x.clamp(0, 1) ** (1 / m2)
    return ((power - c1).clamp(min=0) / (c2 - c3 * power)) ** (1 / m1) * (10_000 / REFERENCE_WHITE)


def hlg_to_linear(x: Tensor) -> Tensor:
    """Return light of hybrid log-gamma (BT.2100-2, table 5) on a display of 1000 cd/m2; 1 is the reference white."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    x = x.clamp(0, 1)
    scene = torch.where(x <= 0.5, x**2 / 3, (torch.exp((x - c) / a) + b) / 12)
    brightness = rgb_to_luma(scene, "bt2020").clamp(min=1e-6)
    return scene * brightness**0.2 * (1000 / REFERENCE_WHITE)


def xyz_to_lab(xyz: Tensor) -> Tensor:
    """Return Lab of XYZ ``(..., 3, H, W)`` against the D65 white of sRGB (CIE 15:2004, 8.2.1)."""
    ratio = xyz / _like(_WHITE, xyz)[:, None, None]
    f = torch.where(ratio > _LAB_EPSILON, ratio.clamp(min=_LAB_EPSILON) ** (1 / 3), ratio * _LAB_SLOPE + 4 / 29)
    fx, fy, fz = f.unbind(-3)
    return torch.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], dim=-3)


def lab_to_xyz(lab: Tensor) -> Tensor:
    """Return the inverse of :func:`xyz_to_lab`."""
    lightness, a, b = lab.unbind(-3)
    fy = (lightness + 16) / 116
    f = torch.stack([fy + a / 500, fy, fy - b / 200], dim=-3)
    ratio = torch.where(f > 6 / 29, f**3, (f - 4 / 29) / _LAB_SLOPE)
    return ratio * _like(_WHITE, lab)[:, None, None]


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """Return Lab of sRGB ``(..., 3, H, W)`` in 0..1."""
    return xyz_to_lab(_mix(_LINEAR_TO_XYZ, srgb_to_linear(rgb)))


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Return sRGB of Lab, not clipped: values outside 0..1 are colors outside the gamut."""
    return linear_to_srgb(_mix(_XYZ_TO_LINEAR, lab_to_xyz(lab)))


def luma_to_lightness(luma: Tensor) -> Tensor:
    """Return L* (0..100) of grey pixels with a luma Y' (0..1), any shape.

    A grey pixel has R' = G' = B' = Y' under every matrix, so none is asked for.
    """
    y = srgb_to_linear(luma)
    return torch.where(y > _LAB_EPSILON, 116 * y.clamp(min=_LAB_EPSILON) ** (1 / 3) - 16, y * (29 / 3) ** 3)


def rgb_to_luma(rgb: Tensor, matrix: Matrix = "bt601") -> Tensor:
    """Return the luma Y' ``(..., 1, H, W)`` of R'G'B' ``(..., 3, H, W)``."""
    kr, kb = LUMA_WEIGHTS[matrix]
    r, g, b = torch.split(rgb, 1, dim=-3)
    return kr * r + (1 - kr - kb) * g + kb * b


def rgb_to_ycbcr(rgb: Tensor, matrix: Matrix) -> Tensor:
    """Return Y'CbCr of R'G'B' (BT.601-7 2.5.3 and its successors), unquantized."""
    kr, kb = LUMA_WEIGHTS[matrix]
    y = rgb_to_luma(rgb, matrix)
    r, _, b = torch.split(rgb, 1, dim=-3)
    return torch.cat([y, (b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))], dim=-3)


def ycbcr_to_rgb(ycbcr: Tensor, matrix: Matrix) -> Tensor:
    """Return the inverse of :func:`rgb_to_ycbcr`. Not clipped."""
    kr, kb = LUMA_WEIGHTS[matrix]
    y, cb, cr = torch.split(ycbcr, 1, dim=-3)
    r = y + 2 * (1 - kr) * cr
    b = y + 2 * (1 - kb) * cb
    return torch.cat([r, (y - kr * r - kb * b) / (1 - kr - kb), b], dim=-3)
