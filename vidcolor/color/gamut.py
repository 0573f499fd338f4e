"""Color at a known luma: from ab to Cb and Cr without moving the luma, inside what R', G' and B' can show."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from vidcolor.color.arrays import Plane
from vidcolor.color.spaces import lab_to_rgb, rgb_to_luma, rgb_to_ycbcr
from vidcolor.color.weights import LUMA_WEIGHTS, Matrix

# What nodes() gives for each matrix, written by benchmarks/chroma_tables.py: computing one takes 0.3 s of every start.
STORED = Path(__file__).with_name("chroma.npz")


def lightness_at_luma(luma: Tensor, ab: Tensor, matrix: Matrix, steps: int = 16) -> Tensor:
    """Return the L* at which the color (L*, a, b) has exactly the luma given.

    Merging ab with the grey's own L* would change the luma by several code values once the color is
    strong. Y' rises with L* at constant ab, so bisection finds it: 16 steps leave 120 / 2^17 < 0.001 of L*.

    Args:
        luma: Y', ``(..., 1, H, W)`` in 0..1.
        ab: ``(..., 2, H, W)``.

    Returns:
        L*, ``(..., 1, H, W)``; it may leave 0..100 where the color is out of gamut.
    """
    low, high = torch.full_like(luma, -10.0), torch.full_like(luma, 110.0)
    for _ in range(steps):
        middle = (low + high) / 2
        bright = rgb_to_luma(lab_to_rgb(torch.cat([middle, ab], dim=-3)), matrix) > luma
        low, high = torch.where(bright, low, middle), torch.where(bright, middle, high)
    return (low + high) / 2


def ab_to_cbcr(luma: Tensor, ab: Tensor, matrix: Matrix, steps: int = 10, lightness_steps: int = 16) -> Tensor:
    """Return Cb and Cr of ab at a known luma, exactly: the luma and the hue stay, chroma gives way to the gamut.

    Where (Y', a, b) lies outside the sRGB gamut, ab is shrunk towards neutral at constant hue until it
    fits; RGB is never clipped, since that would turn the hue and move the luma.

    Args:
        luma: Y', ``(..., 1, H, W)`` in 0..1.
        ab: ``(..., 2, H, W)``.
        steps: Of the bisection for the chroma that fits; lightness_steps: as ``steps`` of :func:`lightness_at_luma`.

    Returns:
        ``(..., 2, H, W)``, Cb and Cr in -0.5..0.5.
    """

    def rgb_at(scale: Tensor) -> Tensor:
        scaled = ab * scale
        return lab_to_rgb(torch.cat([lightness_at_luma(luma, scaled, matrix, lightness_steps), scaled], dim=-3))

    tolerance = 1e-3  # a quarter of an 8-bit code: rounding noise of the solver, not color
    low, high = torch.zeros_like(luma), torch.ones_like(luma)
    rgb = rgb_at(high)
    if not bool(((rgb < -tolerance) | (rgb > 1 + tolerance)).any()):
        return rgb_to_ycbcr(rgb, matrix)[..., 1:, :, :]
    fits = ((rgb >= -tolerance) & (rgb <= 1 + tolerance)).all(dim=-3, keepdim=True)
    low = torch.where(fits, high, low)
    for _ in range(steps):
        middle = torch.where(fits, high, (low + high) / 2)
        rgb = rgb_at(middle)
        inside = ((rgb >= -tolerance) & (rgb <= 1 + tolerance)).all(dim=-3, keepdim=True)
        low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
    return rgb_to_ycbcr(rgb_at(low), matrix)[..., 1:, :, :]


class ChromaTable:
    """:func:`ab_to_cbcr` sampled on a grid over (Y', a, b), looked up trilinearly.

    The exact solver evaluates the Lab formulas some 170 times a pixel; the table costs eight reads. In 8-bit
    codes it is off by less than 0.2 on average and 2 in 99 of 100 for |a|, |b| up to 40 and luma of 0.1..0.9;
    over the whole of sRGB, whose corners lie between nodes, by less than 0.5 and 5.

    Args:
        nodes: Cb and Cr of the grid, as :meth:`nodes` gives them.
    """

    EXTENT = 110.0  # |a|, |b| of the sRGB gamut stay below (its corner, blue, has b = -108)
    NODES_LUMA = 33
    NODES_AB = 45

    def __init__(self, nodes: Plane) -> None:
        # One picture for OpenCV to read from: the (b, a) planes of all Y' but the last, one below the other, each
        # with the plane that follows it in two more channels.
        pairs = np.concatenate([nodes[:-1], nodes[1:]], axis=3)
        self._pairs: Plane = np.ascontiguousarray(pairs.reshape(-1, self.NODES_AB, 4))

    @classmethod
    def nodes(cls, matrix: Matrix) -> Plane:
        """Return Cb and Cr at each Y', b and a of the grid, computed: ``(33, 45, 45, 2)`` in fp32."""
        luma = torch.linspace(0, 1, cls.NODES_LUMA)
        axis = torch.linspace(-cls.EXTENT, cls.EXTENT, cls.NODES_AB)
        y, b, a = torch.meshgrid(luma, axis, axis, indexing="ij")
        shape = (len(luma), 1, len(axis), len(axis))
        # Steps of 0.03 in L* and of 1/256 of the chroma: a tenth of what interpolation between nodes loses.
        ab = torch.cat([a.reshape(shape), b.reshape(shape)], dim=1)
        cbcr = ab_to_cbcr(y.reshape(shape), ab, matrix, steps=8, lightness_steps=12)
        found: Plane = cbcr.permute(0, 2, 3, 1).contiguous().numpy()
        return found

    def __call__(self, luma: Tensor, ab: Tensor) -> Tensor:
        """Return Cb and Cr ``(N, 2, H, W)`` for luma ``(N, 1, H, W)`` in 0..1 and ab ``(N, 2, H, W)``."""
        n, _, height, width = ab.shape
        light = luma.numpy().reshape(n * height, width) * np.float32(self.NODES_LUMA - 1)
        planes: Plane = ab.transpose(0, 1).numpy().reshape(2, n * height, width)
        last = np.float32(self.NODES_AB - 1)
        x, y = np.clip(planes * np.float32(last / (2 * self.EXTENT)) + last / 2, 0, last)
        below = np.clip(np.floor(light), 0, self.NODES_LUMA - 2)
        y += below * np.float32(self.NODES_AB)
        found = cv2.remap(self._pairs, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        share = np.clip(light - below, 0, 1)
        low_cb, low_cr, high_cb, high_cr = cv2.split(found)
        cbcr = np.stack([low_cb + (high_cb - low_cb) * share, low_cr + (high_cr - low_cr) * share])
        return torch.from_numpy(cbcr.reshape(2, n, height, width)).transpose(0, 1)


@cache
def chroma_table(matrix: Matrix) -> ChromaTable:
    """Return the table of a Y'CbCr matrix, from the file that comes with vidcolor."""
    with np.load(STORED) as file:
        return ChromaTable(file[matrix])


def limit_to_gamut(luma: Plane, cbcr: Plane, matrix: Matrix) -> Plane:
    """Shrink Cb and Cr ``(2, H, W)`` towards neutral where R', G' or B' would leave 0..1 at a luma ``(H, W)``.

    The luma stays: each of R' - Y', G' - Y' and B' - Y' is linear in (Cb, Cr), so one factor a pixel does it.
    """
    kr, kb = LUMA_WEIGHTS[matrix]
    cb, cr = cbcr
    red = (2 * (1 - kr)) * cr
    blue = (2 * (1 - kb)) * cb
    green = kr * red
    green += kb * blue
    green *= -1 / (1 - kr - kb)
    highest = np.maximum(np.maximum(red, blue), green)
    lowest = np.minimum(np.minimum(red, blue, out=red), green, out=red)
    luma = np.clip(luma, 0, 1)
    tiny = np.float32(1e-6)
    if float(np.add(highest, luma, out=blue).max()) < 1 - tiny and float(np.add(lowest, luma, out=blue).min()) > tiny:
        return cbcr
    scale = np.minimum((1 - luma) / np.maximum(highest, tiny), luma / np.maximum(-lowest, tiny))
    limited: Plane = cbcr * np.minimum(scale, 1)
    return limited
