"""Colors of a reference for the frames that show the same things: cells that look alike to the network's encoder.

Each cell of 8 pixels of a frame is compared with all cells of the reference, by the cosine between what the encoder
sees in both; the difference in L* counts against them. Within the best cells, small parts of about the same L* give the
colors, so that a color ends where the thing does. How sure a match is follows from the cosine and from how well the
parts agree; a picture that as a whole resembles the frame no more than any two pictures resemble each other says
nothing at all.

The cosine follows EpochColor's way of matching; features are centered, because those of every picture share a large
mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vidcolor.color.arrays import Plane
from vidcolor.color.spaces import luma_to_lightness

CELL = 8  # pixels a side
PART = 2  # pixels a side of the parts of a cell that give colors
BEST = 5  # cells of the reference whose colors count
PER_LIGHTNESS = 0.3  # what 100 of L* count against the cosine
TEMPERATURE = 0.03  # of the cosines: cells this much less alike count 1/e
CLOSE = 2.0  # L*: parts this much lighter or darker count 1/e
# Cosines of things that differ, and of those that are surely the same; in between a match is the surer the higher.
# Best cells of pictures that have nothing to do with each other have 0.3 to 0.5.
DIFFERENT, SAME = 0.2, 0.7
SUREST = 0.95
DISAGREE = 10.0  # ab units by which the parts differ: sureness has fallen to 1/e
# The mean over a picture's cells. Pictures that have nothing to do with each other reach 0.39 in 95 of 100 pairs, and
# 0.43 at most; frames 80 to 350 apart in one shot, 0.4 to 0.9.
UNRELATED, RELATED = 0.40, 0.52
# From this sureness on, matched colors are taken in part in place of the network's, and wholly at the second.
GUESSED, SURE = 0.2, 0.6


@dataclass(frozen=True, eq=False)
class Cells:
    """A picture as it is compared, in n cells.

    Attributes:
        rows, columns: Of cells.
        features: Of unit length, ``(channels, n)``.
        lightness: Mean L* of each cell, ``(n,)``.
        parts: L* of the parts of each cell, ``(n, parts)``.
    """

    rows: int
    columns: int
    features: Tensor
    lightness: Tensor
    parts: Tensor

    @classmethod
    def of(cls, luma: Plane, seen: Plane) -> Cells:
        """Return the cells of Y' ``(h, w)``, upright, from what the encoder sees in them ``(channels, h/8, w/8)``."""
        rows, columns = seen.shape[1:]
        features = torch.from_numpy(seen).flatten(1)
        features = F.normalize(features - features.mean(dim=1, keepdim=True), dim=0)
        parts = _parts(luma_to_lightness(torch.from_numpy(np.ascontiguousarray(luma)))[None])[0]
        return cls(rows, columns, features, parts.mean(dim=1), parts)


@dataclass(frozen=True, eq=False)
class Reference:
    """A picture in color that frames are compared with.

    Attributes:
        colors: ab of the parts of its cells, ``(2, n, parts)``.
        known: Which cells have colors, ``(n,)``.
    """

    cells: Cells
    colors: Tensor
    known: Tensor

    @classmethod
    def of(cls, cells: Cells, ab: Plane, weight: Plane) -> Reference:
        """Return the reference of a picture's cells, with its ab ``(2, h, w)`` and where it has any, ``(h, w)``.

        Args:
            weight: 1 where a color is known, else 0.
        """
        known = _parts(torch.from_numpy(np.ascontiguousarray(weight))[None])[0].amin(dim=1) > 0.5
        return cls(cells, _parts(torch.from_numpy(np.ascontiguousarray(ab))), known)


def match(frame: Cells, reference: Reference, *, related: bool = False) -> Plane:
    """Return the colors of a reference in their places in a frame, ``(3, h, w)``: ab, and how sure they are, 0..1.

    Args:
        related: The reference is known to show the same place.
    """
    size = (frame.rows * CELL, frame.columns * CELL)
    places = torch.nonzero(reference.known)[:, 0]
    if len(places) < BEST:
        return np.zeros((3, *size), np.float32)
    theirs = reference.cells
    cosines = frame.features.T @ theirs.features[:, places]
    scores = cosines - PER_LIGHTNESS / 100 * (frame.lightness[:, None] - theirs.lightness[places]).abs()
    best, which = scores.topk(BEST, dim=1)
    share = (best / TEMPERATURE).softmax(dim=1)
    cosine = (cosines.gather(1, which) * share).sum(dim=1)
    which = places[which]

    n = len(which)
    light = theirs.parts[which].flatten(1)  # (n, 5 * parts)
    colors = reference.colors[:, which].flatten(2)  # (2, n, 5 * parts)
    apart = (frame.parts[:, :, None] - light[:, None]).abs()
    chances = share.clamp(min=1e-6).log().repeat_interleave(light.shape[1] // BEST, dim=1)
    weights = (chances[:, None] - apart / CLOSE).softmax(dim=2)  # (n, parts, 5 * parts)
    mean = torch.einsum("npc,dnc->dnp", weights, colors)
    squares = torch.einsum("npc,nc->np", weights, colors.square().sum(dim=0))
    spread = (squares - mean.square().sum(dim=0)).clamp(min=0)

    sure = ((cosine - DIFFERENT) / (SAME - DIFFERENT)).clamp(0, SUREST)
    if not related:
        sure = sure * ((cosine.mean() - UNRELATED) / (RELATED - UNRELATED)).clamp(0, 1)
    smooth = F.interpolate(
        sure.reshape(1, 1, frame.rows, frame.columns), size=size, mode="bilinear", align_corners=False
    )[0]
    agreed = torch.exp(-spread / DISAGREE**2)
    planes = _planes(torch.cat([mean, agreed[None]]).reshape(3, n, -1), frame.rows, frame.columns)
    planes[2] *= smooth[0]
    found: Plane = planes.numpy()
    return found


def chosen(matches: Sequence[Plane]) -> Plane:
    """Return for each place the colors ``(3, h, w)`` of the match that is surest around it.

    Mixed, two references that disagree would wash each other out to grey.
    """
    window = (2 * CELL + 1, 2 * CELL + 1)
    around = [cv2.blur(found[2], window, borderType=cv2.BORDER_REPLICATE) for found in matches]
    best = np.argmax(np.stack(around), axis=0)
    found: Plane = np.take_along_axis(np.stack(matches), best[None, None], axis=0)[0]
    return found


def painted_over(ab: Plane, known: Plane) -> Plane:
    """Return the network's ab ``(2, h, w)`` with the matched colors in their place where they are sure enough.

    Args:
        known: ``(3, h, w)``, from :func:`match`.
    """
    share = np.clip((known[2] - GUESSED) / (SURE - GUESSED), 0, 1)
    painted: Plane = ab + (known[:2] - ab) * share
    return painted


def _parts(planes: Tensor) -> Tensor:
    """Return the means ``(C, n, parts)`` over the parts of each cell of planes ``(C, h, w)``."""
    means = F.avg_pool2d(planes[None], PART)[0]
    c, h, w = means.shape
    side = CELL // PART
    cells = means.reshape(c, h // side, side, w // side, side).permute(0, 1, 3, 2, 4)
    return cells.reshape(c, -1, side * side)


def _planes(parts: Tensor, rows: int, columns: int) -> Tensor:
    """Return planes ``(C, h, w)`` of the parts of cells ``(C, n, parts)``."""
    side = CELL // PART
    cells = parts.reshape(-1, rows, columns, side, side).permute(0, 1, 3, 2, 4)
    small = cells.reshape(-1, rows * side, columns * side)
    return F.interpolate(small[None], scale_factor=PART, mode="nearest")[0]
