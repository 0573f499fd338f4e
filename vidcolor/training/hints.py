"""Hints as people, reference pictures and frames before give them, drawn from the truth for training.

A weight says how sure a hint is: one of weight w has a wrong color with probability 1 - w. So the network learns to
believe hints as far as they deserve it.

Everything is drawn for the whole batch at once, and always the same amount, as in :mod:`vidcolor.data.degrade`: several
processes draw for their pictures what one would.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from vidcolor.data.degrade import drawn

# Shares of the kinds of hints among the pictures that have any.
POINTS, STROKES, REGIONS = 0.35, 0.2, 0.25  # the rest has a mixture of them

MOST_POINTS = 120
MEAN_POINTS = 12
LARGEST_POINT = 7  # pixels
MOST_STROKES = 6
STROKE_WIDTHS = (2.0, 5.0)  # pixels
LONGEST_STROKE = 1 / 3  # of the picture's width
SAME_THING = 12.0  # ab units: a stroke ends where the color is another one
FIRM = 0.75  # share of points and strokes of weight 1
FIRM_REGIONS = 0.2  # share of pictures whose regions have weight 1, as the frame before has
SOFT_WEIGHTS = (0.05, 0.9)
MOVED = 4  # pixels at most that regions lie beside their place
NOISE = 2.0  # ab units, of soft hints and of regions
WRONG_SHIFT = 25.0  # ab units, standard deviation of a wrong color that is no color of the picture


def draw_hints(truth: Tensor, share: float, generator: Generator) -> Tensor:
    """Return random hints ``(N, 3, H, W)``: a and b in ab units, and weights in 0..1.

    Args:
        truth: Lab of the pictures, ``(N, 3, H, W)``.
        share: Of the pictures that get any.
        generator: See :class:`vidcolor.data.degrade.PartGenerator`.
    """
    n = len(truth)
    ab = truth[:, 1:]
    kind = _uniform((n, 4), ab, generator)[:, :, None, None]
    mixed = kind[:, :1] >= POINTS + STROKES + REGIONS
    ends = (0.0, POINTS, POINTS + STROKES, POINTS + STROKES + REGIONS)
    # Each part of a mixture is there in two of three pictures.
    with_points, with_strokes, with_regions = (
        (mixed & (kind[:, i + 1 : i + 2] < 2 / 3)) | ((kind[:, :1] >= ends[i]) & (kind[:, :1] < ends[i + 1]))
        for i in range(3)
    )
    hints = _regions(ab, generator) * with_regions
    for more, chosen in ((_strokes(ab, generator), with_strokes), (_points(ab, generator), with_points)):
        hints = torch.where(chosen & (more[:, 2:] > 0), more, hints)
    return hints * (_uniform((n, 1, 1, 1), ab, generator) < share)


def _uniform(shape: tuple[int, ...], like: Tensor, generator: Generator) -> Tensor:
    return drawn(torch.rand, shape, like, generator)


def _normal(shape: tuple[int, ...], like: Tensor, generator: Generator) -> Tensor:
    return drawn(torch.randn, shape, like, generator)


def _weights(shape: tuple[int, ...], like: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Return weights of separate hints, most of them 1, and which of the hints are wrong."""
    low, high = SOFT_WEIGHTS
    firm, soft, luck = (_uniform(shape, like, generator) for _ in range(3))
    weight = torch.where(firm < FIRM, torch.ones_like(soft), low + (high - low) * soft)
    return weight, luck >= weight


def _points(ab: Tensor, generator: Generator) -> Tensor:
    """Return squares with the truth's mean color in them, ``(N, 3, H, W)``; one of a later number lies on top."""
    n, _, h, w = ab.shape
    # A geometric number from 1 on: the inverse of its distribution function.
    number = 1 + (_uniform((n, 1), ab, generator).clamp(min=1e-9).log() / math.log(1 - 1 / MEAN_POINTS)).floor()
    place = _uniform((n, MOST_POINTS, 3), ab, generator)
    side = (1 + place[..., 2] * LARGEST_POINT).floor()
    weight, wrong = _weights((n, MOST_POINTS), ab, generator)
    noise = _normal((n, MOST_POINTS, 2), ab, generator) * NOISE * (weight < 1)[..., None]

    step = torch.arange(LARGEST_POINT, device=ab.device)
    y = (place[..., 0] * h).floor().long()[..., None, None] + step[:, None]
    x = (place[..., 1] * w).floor().long()[..., None, None] + step
    inside = (y < h) & (x < w) & (step[:, None] < side[..., None, None]) & (step < side[..., None, None])
    pixel = (y.clamp(max=h - 1) * w + x.clamp(max=w - 1)).flatten(2)  # (N, points, 49)
    inside = inside.flatten(2)
    colors = ab.flatten(2)[:, :, None].expand(-1, -1, MOST_POINTS, -1)
    colors = colors.gather(3, pixel[:, None].expand(-1, 2, -1, -1)) * inside[:, None]
    mean = (colors.sum(dim=3) / inside.sum(dim=2)[:, None]).transpose(1, 2)  # (N, points, 2)
    mean = torch.where(wrong[..., None], _wrong_colors(ab, mean, generator), mean) + noise

    order = torch.arange(1, MOST_POINTS + 1, device=ab.device)
    drawn_ones = torch.where(inside & (order <= number)[..., None], order[:, None], torch.zeros_like(pixel))
    top = torch.zeros(n, h * w, dtype=torch.long, device=ab.device)
    top = top.scatter_reduce(1, pixel.flatten(1), drawn_ones.flatten(1), "amax")  # the number on top; 0 is none
    table = F.pad(torch.cat([mean, weight[..., None]], dim=2), (0, 0, 1, 0))
    return table.gather(1, top[..., None].expand(-1, -1, 3)).transpose(1, 2).reshape(n, 3, h, w)


def _strokes(ab: Tensor, generator: Generator) -> Tensor:
    """Return straight strokes ``(N, 3, H, W)``, each of one color, which stay on the thing that they begin on."""
    n, _, h, w = ab.shape
    number = (_uniform((n, 1), ab, generator) * MOST_STROKES).floor()
    place = _uniform((n, MOST_STROKES, 5), ab, generator)
    weight, wrong = _weights((n, MOST_STROKES), ab, generator)
    noise = _normal((n, MOST_STROKES, 2), ab, generator) * NOISE * (weight < 1)[..., None]
    row, column = (place[..., i] * (size - 1) for i, size in enumerate((h, w)))
    at = (row.round() * w + column.round()).long()
    colors = ab.flatten(2).gather(2, at[:, None].expand(-1, 2, -1)).transpose(1, 2)  # where each stroke begins
    shown = torch.where(wrong[..., None], _wrong_colors(ab, colors, generator), colors) + noise
    angle = 2 * math.pi * place[..., 2]
    length = LONGEST_STROKE * w * place[..., 3]
    half = (STROKE_WIDTHS[0] + (STROKE_WIDTHS[1] - STROKE_WIDTHS[0]) * place[..., 4]) / 2
    y = torch.arange(h, device=ab.device)[:, None]
    x = torch.arange(w, device=ab.device)
    out = torch.zeros(n, 3, h, w, device=ab.device)
    for i in range(MOST_STROKES):
        r, c, cosine, sine, reach, width = (
            value[:, i, None, None] for value in (row, column, angle.cos(), angle.sin(), length, half)
        )
        along = ((x - c) * cosine + (y - r) * sine).clamp(min=0).minimum(reach)  # the nearest place on the segment
        distance = (x - c - along * cosine).square() + (y - r - along * sine).square()
        same = (ab - colors[:, i, :, None, None]).square().sum(dim=1) < SAME_THING**2
        on = (distance <= width.square()) & same & (number[..., None] >= i)
        value = torch.cat([shown[:, i], weight[:, i : i + 1]], dim=1)[:, :, None, None]
        out = torch.where(on[:, None], value, out)
    return out


def _regions(ab: Tensor, generator: Generator) -> Tensor:
    """Return smooth regions ``(N, 3, H, W)`` with soft colors a little beside their place, as matched pictures give."""
    n, _, h, w = ab.shape
    draw = _uniform((n, 7), ab, generator)[:, :, None, None]
    coarse, fine, sure, wrong_shape = (_smooth(ab, cells, generator) for cells in (4, 8, 6, 4))
    mask = _share_below(0.8 * coarse + 0.6 * fine) < 0.1 + 0.8 * draw[:, :1]  # of variance 1 again

    low, high = SOFT_WEIGHTS
    weight = (low + (high - low) * draw[:, 1:2] + 0.15 * sure).clamp(low, high)
    firm = draw[:, 2:3] < FIRM_REGIONS
    weight = torch.where(firm, torch.ones_like(weight), weight)
    wrong = _share_below(wrong_shape) >= weight  # whole pieces are wrong, each place with probability 1 - weight

    moves = ((2 * MOVED + 1) * _uniform((n, 2), ab, generator)).floor() - MOVED
    blurred = F.avg_pool2d(F.pad(ab, (2, 2, 2, 2), mode="replicate"), 5, 1)
    color = moved(torch.lerp(ab, blurred, draw[:, 3:4]), moves)
    # A wrong color is that of another place, or another tint.
    far = torch.cat([draw[:, 4, :, 0] * h, draw[:, 5, :, 0] * w], dim=1).floor()
    tint = WRONG_SHIFT * _normal((n, 2, 1, 1), ab, generator)
    other = torch.where(draw[:, 6:7] < 0.5, moved(color, far, around=True), color + tint)
    noise = NOISE * torch.cat([_smooth(ab, 8, generator), _smooth(ab, 8, generator)], dim=1)
    return torch.cat([torch.where(wrong, other, color) + noise, weight], dim=1) * mask


def _wrong_colors(ab: Tensor, right: Tensor, generator: Generator) -> Tensor:
    """Return wrong colors ``(N, K, 2)`` in place of the right ones: those of other places, or shifted ones."""
    n, k, _ = right.shape
    draw = _uniform((n, k, 2), ab, generator)
    at = (draw[..., 0] * ab[0, 0].numel()).long()
    elsewhere = ab.flatten(2).gather(2, at[:, None].expand(-1, 2, -1)).transpose(1, 2)
    shifted = right + WRONG_SHIFT * _normal((n, k, 2), ab, generator)
    return torch.where(draw[..., 1:] < 0.5, elsewhere, shifted)


def _smooth(like: Tensor, cells: int, generator: Generator) -> Tensor:
    """Return smooth noise ``(N, 1, H, W)`` of mean 0 and variance 1 in each picture."""
    field = _normal((len(like), 1, cells, cells), like, generator)
    field = F.interpolate(field, size=like.shape[-2:], mode="bicubic", align_corners=False)
    field = field - field.mean(dim=(2, 3), keepdim=True)
    return field / field.square().mean(dim=(2, 3), keepdim=True).sqrt().clamp(min=1e-3)


def _share_below(field: Tensor) -> Tensor:
    """Return about which share of a smooth field lies below each value, in 0..1: the normal distribution's."""
    return (1 + torch.erf(field / math.sqrt(2))) / 2


def moved(x: Tensor, by: Tensor, *, around: bool = False) -> Tensor:
    """Return pictures ``(N, C, H, W)``, each moved by its own whole rows and columns, ``(N, 2)``.

    Args:
        around: What leaves on one side comes in on the other; else the edge is repeated.
    """
    n, _, h, w = x.shape
    rows, columns = (torch.arange(size, device=x.device) - by[:, i, None].long() for i, size in enumerate((h, w)))
    rows, columns = (rows % h, columns % w) if around else (rows.clamp(0, h - 1), columns.clamp(0, w - 1))
    picture = torch.arange(n, device=x.device)[:, None, None]
    return x.permute(0, 2, 3, 1)[picture, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
