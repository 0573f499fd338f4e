"""The losses against values worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import skimage.color
import torch
from safetensors.torch import save_file
from torch import Tensor, autograd
from torch.nn import functional as F

from vidcolor.color.spaces import lab_to_rgb, rgb_to_lab
from vidcolor.network.backbone import create_backbone
from vidcolor.network.features import BLOCK, PictureFeatures, distribution_distance
from vidcolor.network.heads import Prediction, ab_bins
from vidcolor.training.hints import moved
from vidcolor.training.loss import (
    classification_loss,
    color_difference,
    color_prior,
    colorized,
    decode_ab,
    encode_ab,
    feature_distance,
    gradient_loss,
    log_error_loss,
    mean_squared_loss,
    perceptual_loss,
    rebalancing_weights,
    regression_loss,
    smooth_prior,
    steadiness_loss,
)


def constant(*color: float, size: int = 2, n: int = 1) -> Tensor:
    """ab, or Lab, of one color everywhere."""
    return torch.tensor(color, dtype=torch.float32).view(1, -1, 1, 1).expand(n, -1, size, size).contiguous()


def number(a: float, b: float) -> int:
    """The bin with this centre."""
    return int((ab_bins() == torch.tensor([a, b])).all(dim=1).nonzero())


def test_regression_losses_by_hand() -> None:
    """Off by (4, 0) and (30, 0): below the bend squared, above it linear; squared and scaled."""
    truth = constant(50, 0, 0)
    near, far = Prediction(constant(4, 0)), Prediction(constant(30, 0))
    assert regression_loss(near, truth).item() == pytest.approx(0.5 * 4**2 / 10 / 2)
    assert regression_loss(far, truth).item() == pytest.approx((30 - 10 / 2) / 2)
    assert mean_squared_loss(far, truth).item() == pytest.approx((30 / 110) ** 2 / 2)


def test_log_error_is_that_of_the_picture_on_the_screen() -> None:
    """scikit-image's sRGB of the predicted and of the true color, each photo by itself, as the mean of PSNRs is one."""
    truth, prediction = constant(60, 5, 10, n=2), torch.cat([constant(5, 13), constant(-20, 30)])
    wanted = skimage.color.lab2rgb([60.0, 5.0, 10.0])
    errors = [
        float(np.mean((255 * (skimage.color.lab2rgb([60.0, a, b]) - wanted)) ** 2)) for a, b in ((5, 13), (-20, 30))
    ]
    expected = sum(math.log(error + 20) for error in errors) / 2
    assert log_error_loss(Prediction(prediction), truth).item() == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    ("ab", "other"), [((30.0, 10.0), (24.0, 14.0)), ((0.0, 0.0), (7.0, 0.0)), ((60, -40), (50, -45))]
)
def test_color_difference_is_cie94_about_the_mean_chroma(ab: tuple[float, float], other: tuple[float, float]) -> None:
    """scikit-image's CIE94 taken from either side lies around it; far apart at strong chroma, not much further."""
    found = color_difference(constant(*ab), constant(*other))[0, 0, 0].item()
    one, two = np.array([50.0, *ab]), np.array([50.0, *other])
    sides = sorted([skimage.color.deltaE_ciede94(one, two), skimage.color.deltaE_ciede94(two, one)])
    assert sides[0] - 0.02 <= found <= sides[1] + 0.02


def test_perceptual_loss_adds_the_mean_color_difference() -> None:
    """Neutral against a color of chroma 10: half of it about ab (CIE94 at chroma 5), half about the screen."""
    truth, grey = constant(50, 6, 8), Prediction(constant(0, 0))
    difference = 10 / (1 + 0.045 * 5)
    expected = log_error_loss(grey, truth).item() + 0.5 * 2 * math.log(difference + 1)
    assert perceptual_loss(grey, truth).item() == pytest.approx(expected, abs=5e-3)


def test_perceptual_loss_has_a_gradient_at_no_difference() -> None:
    """The roots in it do not turn a perfect prediction into a gradient that is not a number."""
    ab = constant(0, 0).requires_grad_()
    autograd.backward(perceptual_loss(Prediction(ab), constant(50, 0, 0)))
    assert ab.grad is not None
    assert torch.isfinite(ab.grad).all()


def test_truth_is_averaged_to_the_size_of_the_prediction() -> None:
    """A prediction of half the size is compared with the mean of four pixels."""
    truth = torch.zeros(1, 3, 2, 2)
    truth[0, 1] = torch.tensor([[0.0, 8.0], [8.0, 16.0]])
    assert mean_squared_loss(Prediction(constant(8, 0, size=1)), truth).item() == 0


def test_soft_encoding_by_hand() -> None:
    """A color on a bin's centre: that bin and its four neighbours 10 away, weighted exp(-d^2 / 2 sigma^2)."""
    index, weight = encode_ab(constant(10, 20, size=1))
    side = math.exp(-(10**2) / (2 * 5**2))
    assert int(index[0, 0]) == number(10, 20)
    assert set(index.flatten().tolist()[1:]) == {number(*c) for c in ((0, 20), (20, 20), (10, 10), (10, 30))}
    expected = torch.tensor([1, side, side, side, side]) / (1 + 4 * side)
    torch.testing.assert_close(weight.flatten(), expected)


def test_soft_encoding_agrees_with_plain_loops() -> None:
    """Any color: the five nearest bins by sorting distances, in the shape of the picture."""
    ab = torch.rand(2, 2, 3, 4, generator=torch.Generator().manual_seed(0)) * 80 - 40
    index, weight = encode_ab(ab)
    for n, y, x in ((0, 0, 0), (0, 2, 3), (1, 1, 2)):
        a, b = ab[n, :, y, x].tolist()
        distances = sorted((math.hypot(a - p, b - q), i) for i, (p, q) in enumerate(ab_bins().tolist()))[:5]
        assert index[n, :, y, x].tolist() == [i for _, i in distances]
        raw = [math.exp(-(d**2) / 50) for d, _ in distances]
        torch.testing.assert_close(weight[n, :, y, x], torch.tensor([r / sum(raw) for r in raw]))


def test_decoding_returns_what_was_encoded() -> None:
    """Every color of sRGB, sampled as a cube, comes back to within half a bin."""
    axis = torch.linspace(0, 1, 17)
    rgb = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij")).reshape(1, 3, 17, -1)
    ab = rgb_to_lab(rgb)[:, 1:]
    distance = (decode_ab(*encode_ab(ab)) - ab).norm(dim=1)
    assert distance.max() < 5


def test_prior_is_a_distribution_that_keeps_its_mean() -> None:
    """Smoothing keeps a sum of one, spreads a single color evenly to both sides, and reaches a bin by exp(-2)."""
    counts = torch.zeros(len(ab_bins()))
    counts[number(0, 0)] = 123
    prior = smooth_prior(counts)
    assert prior.sum().item() == pytest.approx(1)
    assert (prior >= 0).all()
    torch.testing.assert_close(prior @ ab_bins(), torch.zeros(2), atol=1e-3, rtol=0)
    assert (prior[number(10, 0)] / prior[number(0, 0)]).item() == pytest.approx(math.exp(-2), rel=1e-3)


def test_prior_of_photos_is_where_their_colors_are() -> None:
    """Photos of one red: the prior peaks at the bin next to that red, and sums to one."""
    red = torch.tensor([200, 30, 30], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 8, 8)
    prior = color_prior([red, red])
    ab = rgb_to_lab(red / 255)[0, 1:, 0, 0]
    assert int(prior.argmax()) == int((ab_bins() - ab).norm(dim=1).argmin())
    assert prior.sum().item() == pytest.approx(1)


def test_weights_favor_rare_colors_and_expect_one() -> None:
    """Equation 4: w is proportional to 1 / ((1 - 0.5) p + 0.5 / Q), and its expectation under p is one."""
    generator = torch.Generator().manual_seed(1)
    prior = smooth_prior(torch.rand(len(ab_bins()), generator=generator) ** 8)
    weights = rebalancing_weights(prior)
    assert (prior * weights).sum().item() == pytest.approx(1)
    common, rare = int(prior.argmax()), int(prior.argmin())
    mixed = 0.5 * prior + 0.5 / len(prior)
    assert (weights[rare] / weights[common]).item() == pytest.approx((mixed[common] / mixed[rare]).item())
    torch.testing.assert_close(rebalancing_weights(torch.full((4,), 0.25)), torch.ones(4))


def test_classification_loss_by_hand() -> None:
    """Equal logits cost ln(bins), each pixel by its nearest bin's weight; knowing the truth costs its entropy."""
    bins = len(ab_bins())
    weights = torch.ones(bins)
    weights[number(0, 0)] = 3.0
    flat = Prediction(constant(0, 0), torch.zeros(1, bins, 2, 2))
    truth = constant(50, 10, 20)
    assert classification_loss(flat, truth, weights).item() == pytest.approx(math.log(bins))
    truth[:, 1:, :, 0] = 0  # half of the pixels grey, which counts three times
    assert classification_loss(flat, truth, weights).item() == pytest.approx(math.log(bins) * (3 + 1) / 2)
    truth = constant(50, 10, 20)
    index, soft = encode_ab(truth[:, 1:])
    perfect = torch.full((1, bins, 2, 2), -30.0).scatter(1, index, soft.log())
    entropy = -(soft * soft.log()).sum(dim=1).mean().item()
    assert classification_loss(Prediction(truth[:, 1:], perfect), truth, weights).item() == pytest.approx(
        entropy, rel=1e-4
    )


def test_classification_gradient_is_softmax_minus_target() -> None:
    """The textbook gradient of cross entropy, here of a soft target, times weight over pixels."""
    bins = len(ab_bins())
    logits = torch.randn(1, bins, 2, 2, generator=torch.Generator().manual_seed(2)).requires_grad_()
    truth = constant(50, 33, -12)
    autograd.backward(classification_loss(Prediction(truth, logits), truth, torch.full((bins,), 2.0)))
    index, soft = encode_ab(truth[:, 1:])
    target = torch.zeros(1, bins, 2, 2).scatter(1, index, soft)
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, 2.0 * (F.softmax(logits.detach(), dim=1) - target) / 4)


def test_gradient_loss_minds_edges_only() -> None:
    """Colors off by a constant cost nothing; an edge of 10 that is missing costs what Huber makes of it, by hand."""
    truth = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 40
    off = Prediction(truth[:, 1:] + torch.tensor([7.0, -3.0])[:, None, None])
    assert gradient_loss(off, truth).item() == pytest.approx(0, abs=1e-6)
    edge = torch.zeros(1, 3, 4, 4)
    edge[:, 1, :, 2:] = 10.0  # one of three differences across, in one of two channels
    assert gradient_loss(Prediction(constant(0, 0, size=4)), edge).item() == pytest.approx((10 - 2 / 2) / 3 / 2)


def test_steadiness_is_the_distance_of_two_views() -> None:
    """None when the second view's colors moved along; a share of their chroma else; and only where it counts."""
    lab = torch.rand(3, 2, 4, 4, generator=torch.Generator().manual_seed(0)) * 50
    smooth = F.interpolate(lab, size=(32, 32), mode="bicubic")
    moves = torch.tensor([[2.0, -3.0], [0.0, 1.0], [-1.0, 0.0]])
    views = torch.cat([smooth, moved(smooth, moves)])
    everyone = torch.ones(3, dtype=torch.bool)
    still = Prediction(torch.cat([smooth[:, :, 4:-4, 4:-4], views[3:, :, 4:-4, 4:-4]]))
    assert steadiness_loss(still, moves, everyone, (24, 24)).item() < 0.03  # the edge's repeated column
    others = Prediction(torch.cat([smooth, moved(smooth, moves) + torch.tensor([3.0, 4.0])[:, None, None]]))
    assert steadiness_loss(others, 0 * moves, everyone, (32, 32)) > 0.07
    weaker = steadiness_loss(Prediction(others.ab * 0.5), 0 * moves, everyone, (32, 32))
    assert weaker > 0.95 * steadiness_loss(others, 0 * moves, everyone, (32, 32))  # paler colors are no steadier
    only = torch.tensor([False, False, True])
    changed = views.clone()
    changed[3:5] += 50
    found = steadiness_loss(Prediction(changed), moves, only, (32, 32))
    torch.testing.assert_close(found, steadiness_loss(Prediction(views), moves, only, (32, 32)))
    assert steadiness_loss(Prediction(changed), moves, ~everyone, (32, 32)) == 0


def test_distribution_distance_by_hand() -> None:
    """Two pairs of numbers: the mean over different ones of each set, less twice the mean across."""
    x, y = torch.tensor([[1.0], [2.0]]), torch.tensor([[0.0], [3.0]])

    def kernel(a: float, b: float) -> float:
        return (a * b + 1) ** 3

    across = (kernel(1, 0) + kernel(1, 3) + kernel(2, 0) + kernel(2, 3)) / 4
    assert distribution_distance(x, y).item() == pytest.approx(kernel(1, 2) + kernel(0, 3) - 2 * across)


def test_distribution_distance_tells_sets_apart() -> None:
    """About nothing between sets of one distribution; of another mean, or another spread, more."""
    generator = torch.Generator().manual_seed(0)
    same = [distribution_distance(*torch.randn(2, 64, 16, generator=generator)).item() for _ in range(40)]
    assert abs(np.mean(same)) < 0.01
    x, y = torch.randn(2, 64, 16, generator=generator)
    assert distribution_distance(x, y + 0.5) > 0.1
    assert distribution_distance(x, 2 * y) > 0.1


def test_distribution_distance_of_many() -> None:
    """Sets of more than a block are compared block by block: the same as all at once, written down plainly."""
    generator = torch.Generator().manual_seed(1)
    x, y = torch.randn(BLOCK + 50, 4, generator=generator).double(), torch.randn(60, 4, generator=generator).double()
    xx, yy, xy = ((a @ b.T / 4 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    m, n = len(x), len(y)
    by_hand = (xx.sum() - xx.trace()) / (m * (m - 1)) + (yy.sum() - yy.trace()) / (n * (n - 1)) - 2 * xy.mean()
    torch.testing.assert_close(distribution_distance(x, y), by_hand)


def test_features_judge_colors(tmp_path: Path) -> None:
    """Grey pictures differ from true ones, true ones hardly, and the gradient leads from one to the other's ab."""
    torch.manual_seed(0)
    backbone = create_backbone("mobilenetv2_100", pad_type="same")
    save_file({k: v.contiguous() for k, v in backbone.state_dict().items()}, tmp_path / "backbone.safetensors")
    encoder = PictureFeatures.of_mobilenet(tmp_path / "backbone.safetensors").train()
    assert not any(module.training for module in encoder.modules())
    truth = rgb_to_lab(torch.rand(6, 3, 32, 32))
    true = Prediction(truth[:, 1:])
    grey = Prediction(torch.zeros(6, 2, 8, 8, requires_grad=True))
    assert abs(colorized(true, truth) - lab_to_rgb(truth)).max() < 1e-4
    near, far = (feature_distance(encoder, prediction, truth) for prediction in (true, grey))
    assert near.abs() <= far.abs() + 1e-6
    autograd.backward(far)
    assert grey.ab.grad is not None
    assert grey.ab.grad.isfinite().all()
    assert grey.ab.grad.abs().sum() > 0
    assert all(p.grad is None for p in encoder.parameters())
