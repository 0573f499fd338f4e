"""Losses: how far predicted colors are from the truth, each in its own measure."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

from vidcolor.color.spaces import lab_to_rgb, rgb_to_lab
from vidcolor.network.features import PictureFeatures, distribution_distance
from vidcolor.network.heads import AB_SCALE, Prediction, ab_bins

SOFT_NEIGHBOURS = 5  # Zhang et al. 2016, section 2.1
SOFT_SIGMA = 5.0  # ab units, the same place
UNIFORM_SHARE = 0.5  # lambda of equation 4: how much of a uniform distribution is mixed into the prior
HUBER_BETA = 10.0  # ab units: errors below it count squared, above it linearly
ERROR_FLOOR = 20.0  # RGB code values squared: about what chroma at half size and JPEG cost even a perfect prediction
CHROMA_FLOOR = 2.0  # ab units: below it a picture counts as grey, whose colors need not agree
DIFFERENCE_FLOOR = 1.0  # of a color difference: what an eye just sees; keeps the logarithm off minus infinity
GRADIENT_BETA = 2.0  # ab units between neighbours: below it counts squared, above it linearly, as edges do
DIFFERENCE_SHARE = 0.5  # of the color difference in the perceptual loss, beside the error of RGB


def target_at(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return the truth ``(N, C, H, W)`` averaged down to the size of a prediction."""
    return F.interpolate(truth, size=prediction.shape[-2:], mode="area")


def regression_loss(prediction: Prediction, truth: Tensor) -> Tensor:
    """Return smooth L1 in ab units (Huber, divided by beta), for the true Lab ``(N, 3, H, W)`` as all losses here."""
    return F.smooth_l1_loss(prediction.ab, target_at(prediction.ab, truth[:, 1:]), beta=HUBER_BETA)


def mean_squared_loss(prediction: Prediction, truth: Tensor) -> Tensor:
    """Return the paper's loss: mean squared error of ab scaled to -1..1 (arXiv 1712.03400, equation 1)."""
    return F.mse_loss(prediction.ab / AB_SCALE, target_at(prediction.ab, truth[:, 1:]) / AB_SCALE)


def log_error_loss(prediction: Prediction, truth: Tensor) -> Tensor:
    """Return the mean over photos of ln(mean squared error of sRGB + floor), which falls as the mean PSNR rises.

    The error and the floor are in code values.

    Against the plain mean, photos of little color count as much as vivid ones. The predicted ab is judged on the
    true L*, however old the grey copy looked that it was predicted from.
    """
    lab = target_at(prediction.ab, truth)
    colored = lab_to_rgb(torch.cat([lab[:, :1], prediction.ab], dim=1))
    squared = (255 * (colored - lab_to_rgb(lab))).square()
    return torch.log(squared.mean(dim=(1, 2, 3)) + ERROR_FLOOR).mean()


def color_difference(ab: Tensor, other: Tensor) -> Tensor:
    """Return CIE94 ``(N, h, w)`` of ab planes ``(N, 2, h, w)`` of equal L*: differences of strong colors count less.

    CIE 116-1995 with kC = kH = 1, and the mean chroma as the reference, as CIEDE2000 has it. That has a kink at each
    change of hue sector; this is smooth, and is what CIEDE2000 is of.
    """
    tiny = 1e-2  # the root of zero has no gradient
    chroma, other_chroma = ((x.square().sum(dim=1) + tiny).sqrt() for x in (ab, other))
    mean, across = (chroma + other_chroma) / 2, chroma - other_chroma
    around = ((ab - other).square().sum(dim=1) - across.square()).clamp(min=0)
    return ((across / (1 + 0.045 * mean)).square() + around / (1 + 0.015 * mean).square() + tiny).sqrt()


def perceptual_loss(prediction: Prediction, truth: Tensor) -> Tensor:
    """Return :func:`log_error_loss` plus the logarithm of the mean color difference (squared: both weigh alike)."""
    difference = color_difference(prediction.ab, target_at(prediction.ab, truth[:, 1:])).mean(dim=(1, 2))
    return log_error_loss(prediction, truth) + DIFFERENCE_SHARE * 2 * torch.log(difference + DIFFERENCE_FLOOR).mean()


def gradient_loss(prediction: Prediction, truth: Tensor) -> Tensor:
    """Return how much the differences of ab between neighbours differ from the truth's (Huber, divided by beta).

    It tells colors that bleed over an edge from colors that are off everywhere, which it does not mind.
    """
    target = target_at(prediction.ab, truth[:, 1:])
    down, across = (
        F.smooth_l1_loss(prediction.ab.diff(dim=dim), target.diff(dim=dim), beta=GRADIENT_BETA) for dim in (2, 3)
    )
    return down + across


def steadiness_loss(prediction: Prediction, moves: Tensor, counted: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the mean distance in ab between what is predicted for two views, as a share of the pictures' mean chroma.

    A share, because weak colors are near each other whatever they are: the distance itself is least for grey.

    Args:
        prediction: Of the first views of all pictures, then of the second, ``(2 N, 2, h, w)``.
        moves: Pixels down and to the right by which each second view is moved, ``(N, 2)``.
        counted: Which of the pictures count, ``(N,)``.
        size: Height and width of the views in pixels.
    """
    first, second = prediction.ab.chunk(2)
    height, width = size
    # In affine_grid's coordinates the picture reaches from -1 to 1, whatever the size of the prediction.
    zero, one = torch.zeros_like(moves[:, 0]), torch.ones_like(moves[:, 0])
    turns = torch.stack([one, zero, 2 * moves[:, 1] / width, zero, one, 2 * moves[:, 0] / height], dim=1)
    grid = F.affine_grid(turns.reshape(-1, 2, 3).to(first), list(first.shape), align_corners=False)
    back = F.grid_sample(second, grid, mode="bilinear", padding_mode="border", align_corners=False)

    def length(ab: Tensor) -> Tensor:
        tiny = 1e-2  # the root of zero has no gradient
        return (ab.square().sum(dim=1) + tiny).sqrt()[:, 1:-1, 1:-1].mean(dim=(1, 2))  # edges moved out

    distance = length(first - back) / ((length(first) + length(back)) / 2 + CHROMA_FLOOR)
    return (distance * counted).sum() / counted.sum().clamp(min=1)


def encode_ab(ab: Tensor) -> tuple[Tensor, Tensor]:
    """Return a soft encoding: the five nearest bins of each color and their Gaussian weights.

    Args:
        ab: ``(N, 2, h, w)``.

    Returns:
        Bin numbers and weights, both ``(N, 5, h, w)``; the weights sum to one.
    """
    n, _, h, w = ab.shape
    colors = ab.permute(0, 2, 3, 1).reshape(-1, 2)
    distance = torch.cdist(colors, ab_bins().to(colors), compute_mode="donot_use_mm_for_euclid_dist")
    near, index = distance.topk(SOFT_NEIGHBOURS, dim=1, largest=False)
    weight = F.softmax(-(near**2) / (2 * SOFT_SIGMA**2), dim=1)

    def grid(values: Tensor) -> Tensor:
        return values.reshape(n, h, w, SOFT_NEIGHBOURS).permute(0, 3, 1, 2)

    return grid(index), grid(weight)


def decode_ab(index: Tensor, weight: Tensor) -> Tensor:
    """Return the expectation of a soft encoding, ``(N, 2, h, w)``: ab again, to within half a bin."""
    return torch.einsum("nkhw,nkhwc->nchw", weight, ab_bins().to(weight)[index])


def smooth_prior(counts: Tensor) -> Tensor:
    """Return the empirical distribution over the bins, smoothed by a Gaussian of sigma 5 in ab; sums to one."""
    bins = ab_bins().to(counts)
    kernel = torch.exp(-(torch.cdist(bins, bins) ** 2) / (2 * SOFT_SIGMA**2))
    kernel = kernel / kernel.sum(dim=0, keepdim=True)  # each bin spreads a mass of one
    smoothed = kernel @ counts
    return smoothed / smoothed.sum()


def color_prior(batches: Iterable[Tensor]) -> Tensor:
    """Return the smoothed distribution over the bins of photos, given as batches ``(N, 3, H, W)`` of uint8 sRGB."""
    counts = torch.zeros(len(ab_bins()), dtype=torch.float64)
    for rgb in batches:
        index, weight = encode_ab(rgb_to_lab(rgb / 255)[:, 1:])
        counts += torch.bincount(index.flatten(), weight.flatten().double(), minlength=len(counts))
    return smooth_prior(counts.float())


def rebalancing_weights(prior: Tensor) -> Tensor:
    """Return weights by which rare colors count more (Zhang et al. 2016, equation 4), of mean 1 under the prior."""
    weight = 1 / ((1 - UNIFORM_SHARE) * prior + UNIFORM_SHARE / len(prior))
    return weight / (prior * weight).sum()


def classification_loss(prediction: Prediction, truth: Tensor, weights: Tensor) -> Tensor:
    """Return the cross entropy against the soft encoding, weighted by the rarity of each pixel's nearest bin.

    Source: Zhang et al. 2016, equation 2.
    """
    assert prediction.logits is not None, "the network has no classification head"
    index, soft = encode_ab(target_at(prediction.logits, truth[:, 1:]))
    log_probability = F.log_softmax(prediction.logits, dim=1)
    entropy = -(log_probability.gather(1, index) * soft).sum(dim=1)
    return (entropy * weights.to(entropy)[index[:, 0]]).mean()


def colorized(prediction: Prediction, truth: Tensor) -> Tensor:
    """Return sRGB ``(N, 3, H, W)`` in 0..1 of predicted ab on the true L*, for the true Lab ``(N, 3, H, W)``."""
    ab = F.interpolate(prediction.ab, size=truth.shape[-2:], mode="bilinear", align_corners=False)
    return lab_to_rgb(torch.cat([truth[:, :1], ab], dim=1)).clamp(0, 1)


def feature_distance(encoder: PictureFeatures, prediction: Prediction, truth: Tensor) -> Tensor:
    """Return :func:`distribution_distance` between the colorized and the true pictures of a batch.

    A loss by pictures answers with the mean of what is likely, which no true picture looks like. This one asks only
    that colorized pictures, all together, cannot be told from true ones.
    """
    with torch.no_grad():
        wanted = encoder(lab_to_rgb(truth).clamp(0, 1))
    return distribution_distance(encoder(colorized(prediction, truth)), wanted)
