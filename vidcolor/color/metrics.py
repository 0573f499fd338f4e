"""Measures of color. Pictures are sRGB tensors ``(N, 3, H, W)`` in 0..1 unless said otherwise; results are ``(N,)``.

A film is measured between pairs of frames: :class:`CDC` for the drift of its colors, :func:`warp_error` for their
flicker along motion. Grey frames score best in both, so read them as a ratio to the original's own and with
:func:`colorfulness` beside them.
"""

from __future__ import annotations

import math
from collections import deque

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vidcolor.color.spaces import rgb_to_luma

# Pictures are shown in 8 bits, whose rounding alone gives 10 log10(12 * 255^2) = 58.9 dB. More says nothing, and one
# photo that happens to be grey would drown a mean.
PSNR_LIMIT = 10 * math.log10(12 * 255**2)
SSIM_WINDOW = 11  # pixels a side
SMALLEST_FLOW = 12  # pixels a side, that the search for motion needs


def psnr(picture: Tensor, truth: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio in dB, over all channels of each picture; infinite when they are equal."""
    return -10 * torch.log10(((picture - truth) ** 2).mean(dim=(1, 2, 3)))


def ssim(picture: Tensor, truth: Tensor) -> Tensor:
    """Return the structural similarity, -1..1, as the mean over pixels and channels.

    Sides are :data:`SSIM_WINDOW` pixels at least.

    Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity", equation 13:
    Gaussian windows of 11x11 with sigma 1.5 that lie wholly inside, K1 = 0.01, K2 = 0.03, population (co)variances.
    """
    n, c, h, w = picture.shape
    reach = SSIM_WINDOW // 2
    taps = torch.exp(-(torch.arange(-reach, reach + 1).to(picture) ** 2) / (2 * 1.5**2))
    taps = taps / taps.sum()

    def local_mean(x: Tensor) -> Tensor:
        x = x.reshape(n * c, 1, h, w)
        return F.conv2d(F.conv2d(x, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))

    x, y = local_mean(picture), local_mean(truth)
    variances = local_mean(picture**2) - x**2 + local_mean(truth**2) - y**2
    covariance = local_mean(picture * truth) - x * y
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * x * y + c1) * (2 * covariance + c2) / ((x**2 + y**2 + c1) * (variances + c2))
    return similarity.reshape(n, -1).mean(dim=1)


def delta_e_2000(lab: Tensor, other: Tensor) -> Tensor:
    """Return CIEDE2000 between two Lab tensors ``(..., 3, H, W)``, pixel by pixel: ``(..., H, W)``.

    Sharma, Wu and Dalal 2005, "The CIEDE2000 color-difference formula: implementation notes, supplementary test
    data, and mathematical observations", equations 2 to 22, with kL = kC = kH = 1.
    """
    (l1, a1, b1), (l2, a2, b2) = lab.unbind(-3), other.unbind(-3)
    c7 = ((torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * (c7 / (c7 + 25.0**7)).sqrt()  # 1 + G
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = torch.hypot(a1, b1), torch.hypot(a2, b2)
    h1, h2 = torch.atan2(b1, a1).rad2deg() % 360, torch.atan2(b2, a2).rad2deg() % 360

    # A neutral color has no hue; whatever atan2 says of it is multiplied by its zero chroma in d_h.
    turn = h2 - h1
    far = turn.abs() > 180
    turn = torch.where(far, turn - 360 * turn.sign(), turn)
    total = h1 + h2
    hue = torch.where(far, torch.where(total < 360, total + 360, total - 360), total) / 2

    d_l, d_c = l2 - l1, c2 - c1
    d_h = 2 * (c1 * c2).sqrt() * torch.sin(torch.deg2rad(turn / 2))
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2

    def cosine(degrees: Tensor) -> Tensor:
        return torch.cos(torch.deg2rad(degrees))

    t = 1 - 0.17 * cosine(hue - 30) + 0.24 * cosine(2 * hue) + 0.32 * cosine(3 * hue + 6) - 0.20 * cosine(4 * hue - 63)
    c7 = chroma**7
    rotation = -2 * (c7 / (c7 + 25.0**7)).sqrt() * torch.sin(torch.deg2rad(60 * torch.exp(-(((hue - 275) / 25) ** 2))))
    l50 = (lightness - 50) ** 2
    d_l = d_l / (1 + 0.015 * l50 / (20 + l50).sqrt())
    d_c = d_c / (1 + 0.045 * chroma)
    d_h = d_h / (1 + 0.015 * chroma * t)
    return (d_l**2 + d_c**2 + d_h**2 + rotation * d_c * d_h).clamp(min=0).sqrt()


def ciede2000(lab: Tensor, truth: Tensor) -> Tensor:
    """Return the mean CIEDE2000 color difference of each picture, both in Lab; about 1 is the smallest that is seen."""
    return delta_e_2000(lab, truth).mean(dim=(1, 2))


def ab_error(lab: Tensor, truth: Tensor) -> Tensor:
    """Return the mean Euclidean distance in the ab plane, both in Lab: the error of color alone, without lightness."""
    difference = (lab - truth)[:, 1:]
    return torch.hypot(difference[:, 0], difference[:, 1]).mean(dim=(1, 2))


def colorfulness(rgb: Tensor, *, absolute: bool = False) -> Tensor:
    """Return how colorful each picture is, on the scale of 8-bit code values.

    Source: Hasler and Suesstrunk 2003, "Measuring colorfulness in natural images", equation 3.

    Args:
        absolute: Take |rg| and |yb| first, as many colorization papers do; it gives other numbers.
    """
    r, g, b = (rgb * 255).unbind(1)
    rg, yb = r - g, (r + g) / 2 - b
    if absolute:
        rg, yb = rg.abs(), yb.abs()
    opponent = torch.stack([rg, yb], dim=1).flatten(2)
    deviation = opponent.std(dim=2, correction=0).square().sum(dim=1).sqrt()
    mean = opponent.mean(dim=2).square().sum(dim=1).sqrt()
    return deviation + 0.3 * mean


class CDC:
    """Color distribution consistency over a film, frame by frame; lower is steadier, grey and stills give 0.

    Liu et al. 2021, "Temporally consistent video colorization with deep feature propagation and self-regularization
    learning": the Jensen-Shannon divergence (natural logarithm, so at most ln 2) of the 256-bin
    histograms of frames i and i + t, the mean over R, G, B and all i, then the mean over t in {1, 2, 4}.
    """

    INTERVALS = (1, 2, 4)

    def __init__(self) -> None:
        self._recent: deque[Tensor] = deque(maxlen=max(self.INTERVALS))
        self._totals = dict.fromkeys(self.INTERVALS, 0.0)
        self._pairs = dict.fromkeys(self.INTERVALS, 0)

    def push(self, frame: Tensor) -> None:
        """Take the next frame, ``(3, H, W)``."""
        codes = (frame.clamp(0, 1) * 255).round().long().flatten(1)
        offsets = 256 * torch.arange(3, device=codes.device)[:, None]
        counts = torch.bincount((codes + offsets).flatten(), minlength=3 * 256).reshape(3, 256)
        histogram = counts.double().cpu() / codes.shape[1]
        for interval in self.INTERVALS:
            if len(self._recent) >= interval:
                self._totals[interval] += float(_jensen_shannon(self._recent[-interval], histogram).mean())
                self._pairs[interval] += 1
        self._recent.append(histogram)

    def cut(self) -> None:
        """Begin a new shot with the next frame: no pair reaches across the cut."""
        self._recent.clear()

    def result(self) -> float:
        """Return the consistency so far; nan unless every interval had a pair, which takes a shot of five frames."""
        if not all(self._pairs.values()):
            return float("nan")
        return sum(self._totals[t] / self._pairs[t] for t in self.INTERVALS) / len(self.INTERVALS)


def _jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence, in nats, of distributions along the last dimension."""
    middle = (p + q) / 2
    return (torch.xlogy(p, p) + torch.xlogy(q, q) - 2 * torch.xlogy(middle, middle)).sum(dim=-1) / 2


def flow(origin: Tensor, target: Tensor) -> Tensor:
    """Return optical flow ``(N, 2, H, W)`` in pixels (x, y), which leads from points of ``origin`` to ``target``.

    Kroeger et al. 2016, "Fast optical flow using dense inverse search", as OpenCV has it with its medium preset, on
    8-bit luma, on the CPU. Compute it on the original frames, never on colorized ones. Both sides must have
    :data:`SMALLEST_FLOW` pixels at least.
    """
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    starts, ends = _luma_codes(origin), _luma_codes(target)
    fields = [search.calc(start, end, None) for start, end in zip(starts, ends, strict=True)]
    return torch.from_numpy(np.stack(fields)).permute(0, 3, 1, 2).to(origin)


def _luma_codes(rgb: Tensor) -> np.ndarray:
    return (rgb_to_luma(rgb)[:, 0].clamp(0, 1) * 255).round().byte().cpu().numpy()


def _warp(picture: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``picture(p + motion(p))``, bilinear, and where that lies inside the picture, ``(N, 1, H, W)``."""
    h, w = picture.shape[-2:]
    y, x = torch.meshgrid(torch.arange(h).to(motion), torch.arange(w).to(motion), indexing="ij")
    x, y = x + motion[:, 0], y + motion[:, 1]
    inside = (x >= 0) & (x <= w - 1) & (y >= 0) & (y <= h - 1)
    grid = torch.stack([2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1], dim=-1)  # grid_sample counts in -1..1
    return F.grid_sample(picture, grid, padding_mode="border", align_corners=True), inside[:, None]


def occlusion(motion: Tensor, reverse: Tensor) -> Tensor:
    """Return where the target of a flow does not show the origin's point: boolean ``(N, 1, H, W)`` on its grid.

    Lai et al. 2018, "Learning blind video temporal consistency", after Ruder et al. 2016: there and
    back misses the start, |w + w'|^2 > 0.01 (|w|^2 + |w'|^2) + 0.5; or the flow breaks,
    |grad w|^2 > 0.01 |w|^2 + 0.002. Here points that leave the picture are occluded too.

    Args:
        motion: The flow w from origin to target, ``(N, 2, H, W)``.
        reverse: The flow from target to origin; w' is its value where ``motion`` leads.
    """
    back, inside = _warp(reverse, motion)

    def squared(v: Tensor) -> Tensor:
        return (v**2).sum(dim=1, keepdim=True)

    speed = squared(motion)
    missed = squared(motion + back) > 0.01 * (speed + squared(back)) + 0.5
    along_x = F.pad(squared(motion.diff(dim=3)), (0, 1, 0, 0))
    along_y = F.pad(squared(motion.diff(dim=2)), (0, 0, 0, 1))
    return missed | (along_x + along_y > 0.01 * speed + 0.002) | ~inside


def warp_error(previous: Tensor, current: Tensor, motion: Tensor, occluded: Tensor) -> Tensor:
    """Return E_warp of Lai et al. 2018 for pairs of frames; nan where all is occluded.

    The mean squared RGB difference, on 0..1, between ``previous`` and ``current`` warped to it, over the visible.

    Args:
        previous: Frames t - 1 of the film that is judged, ``(N, 3, H, W)``.
        current: Frames t.
        motion: ``flow(original t - 1, original t)``.
        occluded: ``occlusion(motion, flow(original t, original t - 1))``.
    """
    visible = (~occluded).to(previous)
    error = ((_warp(current, motion)[0] - previous) ** 2).mean(dim=1, keepdim=True) * visible
    return error.sum(dim=(1, 2, 3)) / visible.sum(dim=(1, 2, 3))
