"""The measures against published tables, hand-worked numbers and scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab
from torch import Tensor
from torch.nn import functional as F

from vidcolor.color.metrics import (
    CDC,
    ab_error,
    ciede2000,
    colorfulness,
    delta_e_2000,
    flow,
    occlusion,
    psnr,
    ssim,
    warp_error,
)
from vidcolor.color.spaces import rgb_to_lab as lab_of

# Sharma, Wu and Dalal 2005, table 1: L1, a1, b1, L2, a2, b2, CIEDE2000, rounded there to four decimals.
SHARMA = """
50.0000   2.6772 -79.7751  50.0000   0.0000 -82.7485  2.0425
50.0000   3.1571 -77.2803  50.0000   0.0000 -82.7485  2.8615
50.0000   2.8361 -74.0200  50.0000   0.0000 -82.7485  3.4412
50.0000  -1.3802 -84.2814  50.0000   0.0000 -82.7485  1.0000
50.0000  -1.1848 -84.8006  50.0000   0.0000 -82.7485  1.0000
50.0000  -0.9009 -85.5211  50.0000   0.0000 -82.7485  1.0000
50.0000   0.0000   0.0000  50.0000  -1.0000   2.0000  2.3669
50.0000  -1.0000   2.0000  50.0000   0.0000   0.0000  2.3669
50.0000   2.4900  -0.0010  50.0000  -2.4900   0.0009  7.1792
50.0000   2.4900  -0.0010  50.0000  -2.4900   0.0010  7.1792
50.0000   2.4900  -0.0010  50.0000  -2.4900   0.0011  7.2195
50.0000   2.4900  -0.0010  50.0000  -2.4900   0.0012  7.2195
50.0000  -0.0010   2.4900  50.0000   0.0009  -2.4900  4.8045
50.0000  -0.0010   2.4900  50.0000   0.0010  -2.4900  4.8045
50.0000  -0.0010   2.4900  50.0000   0.0011  -2.4900  4.7461
50.0000   2.5000   0.0000  50.0000   0.0000  -2.5000  4.3065
50.0000   2.5000   0.0000  73.0000  25.0000 -18.0000 27.1492
50.0000   2.5000   0.0000  61.0000  -5.0000  29.0000 22.8977
50.0000   2.5000   0.0000  56.0000 -27.0000  -3.0000 31.9030
50.0000   2.5000   0.0000  58.0000  24.0000  15.0000 19.4535
50.0000   2.5000   0.0000  50.0000   3.1736   0.5854  1.0000
50.0000   2.5000   0.0000  50.0000   3.2972   0.0000  1.0000
50.0000   2.5000   0.0000  50.0000   1.8634   0.5757  1.0000
50.0000   2.5000   0.0000  50.0000   3.2592   0.3350  1.0000
60.2574 -34.0099  36.2677  60.4626 -34.1751  39.4387  1.2644
63.0109 -31.0961  -5.8663  62.8187 -29.7946  -4.0864  1.2630
61.2901   3.7196  -5.3901  61.4292   2.2480  -4.9620  1.8731
35.0831 -44.1164   3.7933  35.0232 -40.0716   1.5901  1.8645
22.7233  20.0904 -46.6940  23.0331  14.9730 -42.5619  2.0373
36.4612  47.8580  18.3852  36.2715  50.5065  21.2231  1.4146
90.8027  -2.0831   1.4410  91.1528  -1.6435   0.0447  1.4441
90.9257  -0.5406  -0.9208  88.6381  -0.8985  -0.7239  1.5381
 6.7747  -0.2908  -2.4247   5.8714  -0.0985  -2.2286  0.6377
 2.0776   0.0795  -1.1350   0.9033  -0.0636  -0.5514  0.9082
"""


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def channels_last(batch: Tensor) -> np.ndarray:
    return batch.permute(0, 2, 3, 1).numpy()


def flat(r: float, g: float, b: float) -> Tensor:
    return torch.tensor([r, g, b]).view(1, 3, 1, 1).expand(1, 3, 16, 16)


def texture(height: int, width: int, seed: int = 1) -> Tensor:
    """Smooth blobs with enough structure everywhere for a flow to hold on to, ``(1, 3, H, W)``."""
    coarse = noise(1, 3, height // 6, width // 6, seed=seed)
    return F.interpolate(coarse, size=(height, width), mode="bicubic").clamp(0, 1).float()


def test_psnr_of_a_known_error_and_of_scikit_image() -> None:
    """An error of 0.1 everywhere is 20 dB; each picture of a batch is measured by itself."""
    assert psnr(flat(0.5, 0.5, 0.5), flat(0.4, 0.6, 0.5 + 0.1)).item() == pytest.approx(20, abs=1e-4)
    from skimage.metrics import peak_signal_noise_ratio

    a, b = noise(3, 3, 20, 24), noise(3, 3, 20, 24, seed=1)
    expected = [peak_signal_noise_ratio(x, y, data_range=1) for x, y in zip(b.numpy(), a.numpy(), strict=True)]
    assert psnr(a, b).tolist() == pytest.approx(expected)
    assert psnr(a, a).tolist() == [math.inf] * 3


def test_ssim_of_scikit_image() -> None:
    """The same number as scikit-image with Wang's settings, on noise and on a near copy."""
    from skimage.metrics import structural_similarity

    a = noise(2, 3, 33, 40)
    for b in (noise(2, 3, 33, 40, seed=1), (a + 0.05 * noise(2, 3, 33, 40, seed=2)).clamp(0, 1)):
        expected = [
            structural_similarity(
                x, y, channel_axis=2, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
            )
            for x, y in zip(channels_last(a), channels_last(b), strict=True)
        ]
        assert ssim(a, b).tolist() == pytest.approx(expected, abs=1e-9)
    assert ssim(a, a).tolist() == pytest.approx([1, 1])


def test_ciede2000_of_the_published_pairs() -> None:
    """All 34 pairs of Sharma's table, both ways round, to its four decimals."""
    pairs = torch.tensor([[float(x) for x in line.split()] for line in SHARMA.strip().splitlines()]).double()
    assert len(pairs) == 34
    lab, other = pairs[:, :3, None, None], pairs[:, 3:6, None, None]
    for found in (delta_e_2000(lab, other), delta_e_2000(other, lab)):
        assert found.flatten().tolist() == pytest.approx(pairs[:, 6].tolist(), abs=5.1e-5)


def test_ciede2000_of_scikit_image() -> None:
    """From sRGB to the mean difference, against an independent chain. The two differ in the digits of D65."""
    a, b = noise(2, 3, 20, 24), noise(2, 3, 20, 24, seed=1)
    expected = [
        deltaE_ciede2000(rgb2lab(x), rgb2lab(y)).mean() for x, y in zip(channels_last(a), channels_last(b), strict=True)
    ]
    assert ciede2000(lab_of(a), lab_of(b)).tolist() == pytest.approx(expected, rel=1e-3)
    assert ciede2000(lab_of(a), lab_of(a)).tolist() == [0, 0]


def test_ciede2000_in_single_precision() -> None:
    """Seventh powers of the chroma fit a float."""
    a, b = noise(2, 3, 20, 24), noise(2, 3, 20, 24, seed=1)
    single = ciede2000(lab_of(a.float()), lab_of(b.float()))
    assert single.tolist() == pytest.approx(ciede2000(lab_of(a), lab_of(b)).tolist(), rel=1e-5)


def test_ab_error_is_blind_to_lightness() -> None:
    """Two greys have the same color; pure red lies 104.55 from neutral (L*a*b* of sRGB red: 53.24, 80.09, 67.20)."""
    red, dark, grey, bright = map(
        lab_of, (flat(1, 0, 0), flat(0.2, 0.2, 0.2), flat(0.5, 0.5, 0.5), flat(0.9, 0.9, 0.9))
    )
    assert ab_error(dark, bright).item() == pytest.approx(0, abs=1e-3)
    assert ab_error(red, grey).item() == pytest.approx(math.hypot(80.09, 67.20), abs=0.05)


def test_colorfulness_worked_by_hand() -> None:
    """Half red, half green: rg = +-255, yb = 127.5; both conventions."""
    picture = flat(1, 0, 0).clone()
    picture[..., 8:] = flat(0, 1, 0)[..., 8:]
    assert colorfulness(picture).item() == pytest.approx(255 + 0.3 * 127.5)
    assert colorfulness(picture, absolute=True).item() == pytest.approx(0.3 * math.hypot(255, 127.5))
    assert colorfulness(flat(0.3, 0.3, 0.3)).item() == pytest.approx(0, abs=1e-4)


def divergences(histograms: list[list[np.ndarray]], interval: int) -> list[float]:
    from scipy.spatial.distance import jensenshannon

    pairs = zip(histograms[:-interval], histograms[interval:], strict=True)
    return [jensenshannon(p, q) ** 2 for one, other in pairs for p, q in zip(one, other, strict=True)]


def test_cdc_of_scipy() -> None:
    """Histograms by numpy and the divergence by scipy, over a short film of noise that brightens."""
    film = [(noise(3, 12, 16, seed=i) * (0.4 + 0.1 * i)).float() for i in range(7)]
    histograms = [
        [np.bincount(np.round(c.numpy() * 255).astype(int).ravel(), minlength=256) / c.numel() for c in f] for f in film
    ]
    expected = np.mean([np.mean(divergences(histograms, t)) for t in (1, 2, 4)])
    cdc = CDC()
    for frame in film:
        cdc.push(frame)
    assert cdc.result() == pytest.approx(expected)


def test_cdc_of_extremes() -> None:
    """Disjoint histograms at every interval give ln 2, a still gives 0, four frames give no answer."""
    changing, still = CDC(), CDC()
    for i in range(5):
        assert math.isnan(still.result())
        changing.push(torch.full((3, 8, 8), i / 10))
        still.push(torch.full((3, 8, 8), 0.5))
    assert changing.result() == pytest.approx(math.log(2))
    assert still.result() == 0


def test_cdc_does_not_reach_across_a_cut() -> None:
    """Two stills of different brightness with a cut between them are as steady as one."""
    cdc = CDC()
    for value in (0.2, 0.8):
        cdc.cut()
        for _ in range(6):
            cdc.push(torch.full((3, 8, 8), value))
    assert cdc.result() == 0


def test_flow_of_a_known_shift() -> None:
    """A picture moved by (3, -2) pixels: that is the flow, in the order x, y, for every picture of a batch."""
    scene = texture(120, 160)
    before, after = scene[..., 20:100, 20:140], scene[..., 22:102, 17:137]
    field = flow(torch.cat([before, after]), torch.cat([after, before]))
    assert field.shape == (2, 2, 80, 120)
    middle = field[..., 10:-10, 10:-10].mean(dim=(2, 3))
    assert middle.flatten().tolist() == pytest.approx([3, -2, -3, 2], abs=0.1)


def test_occlusion_rules() -> None:
    """Each rule by itself, on flows made by hand."""
    still = torch.zeros(1, 2, 10, 12)
    assert not occlusion(still, still).any()

    away = still.clone()
    away[:, 0, 5, 5] = 0.8  # 0.64 > 0.01 * 0.64 + 0.5: does not come back
    assert occlusion(still, away).nonzero().tolist() == [[0, 0, 5, 5]]
    near = still.clone()
    near[:, 0, 5, 5] = 0.7  # 0.49 < 0.01 * 0.49 + 0.5
    assert not occlusion(still, near).any()

    right = still.clone()
    right[:, 0] = 2
    leaves = occlusion(right, -right)  # the last two columns move out of the picture
    assert leaves[0, 0].any(dim=0).nonzero().flatten().tolist() == [10, 11]

    torn = still.clone()
    torn[:, 1, :5] = 0.3  # 0.09 > 0.01 * 0.09 + 0.002, where it jumps; missing the start by 0.3 is allowed
    assert occlusion(torn, still)[0, 0].any(dim=1).nonzero().flatten().tolist() == [4]


def test_warp_error_worked_by_hand() -> None:
    """Half a picture off by 0.2 in red: 0.04 / 3 over that half, and 0 over the other."""
    previous, still = flat(0.5, 0.5, 0.5), torch.zeros(1, 2, 16, 16)
    current = previous.clone()
    current[:, 0, :, 8:] += 0.2
    nothing = torch.zeros(1, 1, 16, 16, dtype=torch.bool)
    half = nothing.clone()
    half[..., :8] = True
    assert warp_error(previous, current, still, nothing).item() == pytest.approx(0.02 / 3, rel=1e-5)
    assert warp_error(previous, current, still, half).item() == pytest.approx(0.04 / 3, rel=1e-5)
    assert warp_error(previous, current, still, ~half).item() == 0
    assert warp_error(previous, current, still, ~nothing).isnan().item()


def test_warp_error_follows_motion_and_sees_flicker() -> None:
    """A pan costs almost nothing once warped; color that flickers by 0.1 in one channel costs 0.1^2 / 3."""
    scene = texture(120, 160) * 0.8
    before, after = scene[..., 20:100, 20:140], scene[..., 22:102, 17:137]
    there, back = flow(before, after), flow(after, before)
    hidden = occlusion(there, back)
    assert hidden.float().mean() < 0.2
    steady = warp_error(before, after, there, hidden).item()
    assert steady < 0.05 * ((after - before) ** 2).mean().item()
    flickering = after + torch.tensor([0.1, 0, 0]).view(3, 1, 1)
    assert warp_error(before, flickering, there, hidden).item() == pytest.approx(0.01 / 3, rel=0.1)
