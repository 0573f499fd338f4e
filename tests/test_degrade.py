"""What old film does to grey: blind to red, repeatable, and never touching the color target."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor

from vidcolor.color.spaces import linear_to_srgb, luma_to_lightness, rgb_to_lab, srgb_to_linear
from vidcolor.data import degrade
from vidcolor.data.degrade import (
    BLUE_SENSITIVE,
    ORTHOCHROMATIC,
    PANCHROMATIC,
    blank_frames,
    maybe_old_film,
    maybe_sharper,
    maybe_smaller,
    neutral_borders,
    old_film,
    old_film_frame,
    spectral_response,
)

STEPS = (degrade.tone_and_fading, degrade.uneven_light, degrade.blur, degrade.grain, degrade.scratches_and_dust)
Step = Callable[[Tensor, Generator], Tensor]


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def photos(n: int = 8, size: int = 32) -> Tensor:
    return torch.rand(n, 3, size, size, generator=generator(99))


def flat(r: float, g: float, b: float, n: int = 1) -> Tensor:
    return torch.tensor([r, g, b]).view(1, 3, 1, 1).expand(n, 3, 32, 32)


def only(film: tuple[float, float, float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every emulsion the given one."""
    for name in ("PANCHROMATIC", "ORTHOCHROMATIC", "BLUE_SENSITIVE"):
        monkeypatch.setattr(degrade, name, film)


def exposure(rgb: Tensor) -> float:
    return spectral_response(srgb_to_linear(rgb), generator()).mean().item()


def test_orthochromatic_film_sees_no_red(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bright red dress comes out darker than a dark green one; to the eye it is the other way round."""
    red, green = flat(1, 0.05, 0.05), flat(0.05, 0.35, 0.05)
    assert rgb_to_lab(red)[:, 0].mean() > rgb_to_lab(green)[:, 0].mean()
    only(ORTHOCHROMATIC, monkeypatch)
    assert exposure(red) < exposure(green)
    only(PANCHROMATIC, monkeypatch)
    assert exposure(red) > exposure(green)


def test_early_film_bleaches_the_sky(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blue sky is as bright as white paper in shade on blue-sensitive plates, and darker on panchromatic film."""
    sky, paper = flat(0.4, 0.6, 0.95), flat(0.85, 0.85, 0.85)
    only(BLUE_SENSITIVE, monkeypatch)
    assert exposure(sky) > exposure(paper)
    only(PANCHROMATIC, monkeypatch)
    assert exposure(sky) < exposure(paper)


def test_every_film_shows_grey_as_it_is() -> None:
    """Shares of each film sum to one: a grey scene keeps its light under any mix."""
    for film in (PANCHROMATIC, ORTHOCHROMATIC, BLUE_SENSITIVE):
        assert sum(film) == pytest.approx(1)
    grey = flat(0.5, 0.5, 0.5, n=16)
    assert torch.allclose(spectral_response(grey, generator()), grey[:, :1], atol=1e-6)


def test_films_differ_within_a_batch() -> None:
    """Each picture gets an emulsion of its own."""
    seen = spectral_response(flat(1.0, 0.0, 0.0, n=16), generator())[:, 0, 0, 0]
    assert len(torch.unique(seen)) == 16
    assert seen.max() > 2 * seen.min()


@pytest.mark.parametrize("step", [*STEPS, old_film], ids=lambda f: f.__name__)
def test_generator_decides_everything(step: Step) -> None:
    """The same seed gives the same film to the bit, whatever torch's global generator; another seed another."""
    batch = photos() if step is old_film else photos()[:, :1]
    first = step(batch, generator(1))
    torch.manual_seed(1234)
    assert torch.equal(step(batch, generator(1)), first)
    assert not torch.equal(step(batch, generator(2)), first)


@pytest.mark.parametrize("step", [*STEPS, old_film], ids=lambda f: f.__name__)
def test_input_is_left_alone(step: Step) -> None:
    """No step writes into the picture it was given: the color target stays clean."""
    batch = photos() if step is old_film else photos()[:, :1]
    before = batch.clone()
    out = step(batch, generator())
    assert torch.equal(batch, before)
    assert out.shape == (8, 1, 32, 32)
    assert out.isfinite().all()


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (33, 31)])
def test_small_and_odd_pictures(size: tuple[int, int]) -> None:
    """Any size is aged, and L* stays in 0..100."""
    aged = old_film(torch.rand(2, 3, *size, generator=generator()), generator())
    assert aged.shape == (2, 1, *size)
    assert aged.min() >= 0
    assert aged.max() <= 100


def test_fading_lifts_black_and_lowers_white_only() -> None:
    """The tone curve rises: what was darker stays darker."""
    ramp = torch.linspace(0, 1, 64).view(1, 1, 1, -1).expand(32, 1, 1, -1)
    toned = degrade.tone_and_fading(ramp, generator())
    assert (toned.diff(dim=-1) >= 0).all()
    assert toned.min() >= 0
    assert toned.max() <= 1
    assert toned[..., 0].max() > 0.05
    assert toned[..., -1].min() < 0.95


def test_grain_has_no_bias() -> None:
    """Grain averages out: the mean of a flat picture moves by less than four standard errors."""
    flat_grey = torch.full((16, 1, 128, 128), 0.5)
    grained = degrade.grain(flat_grey, generator())
    error = grained.std() / (16 * 128 * 128 / 4) ** 0.5  # coarse grain covers about four pixels
    assert abs(grained.mean() - 0.5) < 4 * error
    assert grained.std(dim=(1, 2, 3)).max() > 0.02


def test_a_third_of_the_pictures_is_scratched() -> None:
    """Marks fall on some pictures and leave the others untouched to the bit."""
    clean = torch.full((400, 1, 32, 32), 0.4)
    marked = (degrade.scratches_and_dust(clean, generator()) != clean).any(dim=(1, 2, 3))
    assert 0.2 < marked.float().mean() < 0.4  # a third, of which a few draw no mark


def test_blur_loses_detail_and_no_light() -> None:
    """A blurred picture has the same mean and less contrast, up to none at all lost."""
    sharp = photos(16, 64)[:, :1]
    soft = degrade.blur(sharp, generator())
    assert torch.allclose(soft.mean(dim=(2, 3)), sharp.mean(dim=(2, 3)), atol=0.01)
    assert (soft.std(dim=(2, 3)) <= sharp.std(dim=(2, 3)) + 1e-6).all()
    assert soft.std(dim=(2, 3)).min() < 0.7 * sharp.std(dim=(2, 3)).mean()


def test_share_of_zero_is_the_true_lightness() -> None:
    """Without old film the network sees exactly the photo's own L*."""
    batch = photos()
    assert torch.equal(maybe_old_film(batch, 0.0, generator()), rgb_to_lab(batch)[:, :1])


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_share_of_the_batch_is_aged(share: float) -> None:
    """About the share asked for differs from the true L*; the rest equals it to the bit."""
    batch = photos(400, 8)
    changed = (maybe_old_film(batch, share, generator()) != rgb_to_lab(batch)[:, :1]).any(dim=(1, 2, 3))
    assert abs(changed.float().mean() - share) < 0.1


def test_a_share_of_the_batches_is_smaller() -> None:
    """Five sixths of the size, the same picture; the other batches are left alone."""
    ramp = torch.linspace(0, 1, 36).expand(2, 3, 48, -1)
    random = generator()
    batches = [maybe_smaller(ramp, 0.3, random) for _ in range(200)]
    smaller = [batch for batch in batches if batch is not ramp]
    assert 0.2 < len(smaller) / len(batches) < 0.4
    for batch in smaller:
        assert batch.shape == (2, 3, 40, 30)
        assert torch.allclose(batch[0, 0, 0, 3:-3], torch.linspace(0, 1, 30)[3:-3], atol=0.01)


def test_sharpness_changes_edges_only() -> None:
    """An edge gets softer on some pictures and overshoots on others; flat places keep their L*."""
    edge = torch.full((64, 1, 16, 16), 30.0)
    edge[..., 8:] = 60.0
    changed = maybe_sharper(edge, 1.0, generator())
    assert torch.allclose(changed[..., :5], edge[..., :5], atol=1e-4)
    assert torch.allclose(changed[..., 11:], edge[..., 11:], atol=1e-4)
    steps = changed[:, 0, 8, 8] - changed[:, 0, 8, 7]
    assert steps.min() < 20
    assert steps.max() > 40


def test_a_share_of_the_pictures_changes_its_sharpness() -> None:
    """The rest stays as it is, to the bit; L* stays in 0..100."""
    lightness = 100 * photos(400, 8)[:, :1]
    changed = maybe_sharper(lightness, 0.4, generator())
    assert abs((changed != lightness).any(dim=(1, 2, 3)).float().mean() - 0.4) < 0.1
    assert changed.min() >= 0
    assert changed.max() <= 100
    assert torch.equal(maybe_sharper(lightness, 0.0, generator()), lightness)


def test_aged_lightness_tells_of_the_scene() -> None:
    """Old film is damage, not noise: it follows the true L* of a grey scene closely in most pictures."""
    ramp = torch.linspace(0, 1, 64).expand(32, 3, 64, -1)
    true = luma_to_lightness(ramp[:, :1])
    aged = old_film(ramp, generator())
    correlation = [
        torch.corrcoef(torch.stack([a.flatten(), t.flatten()]))[0, 1].item() for a, t in zip(aged, true, strict=True)
    ]
    assert sorted(correlation)[3] > 0.9


def test_borders_are_neutral_and_at_the_edge() -> None:
    """What neutral_borders changes is grey, touches the picture's edge, and leaves its middle alone."""
    batch = photos(64)
    framed = neutral_borders(batch, 1.0, generator())
    changed = (framed != batch).any(dim=1)
    assert changed.any()
    assert not changed[:, 8:24, 8:24].any()  # a margin takes at most a quarter
    painted = framed.permute(0, 2, 3, 1)[changed]
    assert (painted == painted[:, :1]).all()
    assert rgb_to_lab(painted.T[:, None])[1:].abs().max() < 1e-3


def test_borders_come_by_the_share() -> None:
    """No border without a share; about the share of the pictures with one."""
    batch = photos(400, 16)
    assert torch.equal(neutral_borders(batch, 0.0, generator()), batch)
    framed = (neutral_borders(batch, 0.25, generator()) != batch).any(dim=(1, 2, 3))
    assert 0.15 < framed.float().mean() < 0.3  # a few margins are thinner than a pixel


def test_srgb_of_the_exposure() -> None:
    """Film answers to light: half the light of white is 188 of 255, before any damage."""
    half_light = linear_to_srgb(spectral_response(torch.full((1, 3, 2, 2), 0.5), generator()))
    assert torch.allclose(half_light * 255, torch.full_like(half_light, 187.5), atol=0.1)


def test_frames_of_a_reel_differ_in_what_moves_only() -> None:
    """On frames of one reel the means over time agree, grain and flicker do not; another reel is another film."""
    scene = photos(1, 64)
    reels = {reel: torch.cat([old_film_frame(scene, reel, i) for i in range(48)]) for reel in (3, 4)}
    first, second = reels[3][:24].mean(dim=0), reels[3][24:].mean(dim=0)
    deviation = reels[3].std(dim=0)
    assert deviation.min() > 0
    assert (first - second).abs().mean() < deviation.mean() / 2
    assert (first - reels[4].mean(dim=0)).abs().mean() > 4 * (first - second).abs().mean()
    assert torch.equal(old_film_frame(scene, 3, 7), reels[3][7:8])


def test_a_reel_flickers_as_a_whole() -> None:
    """The exposure of a still scene wanders from frame to frame, by some percent at most."""
    scene = torch.full((1, 3, 64, 64), 0.5)
    spread = [
        torch.cat([old_film_frame(scene, reel, i) for i in range(24)]).mean(dim=(1, 2, 3)).std().item()
        for reel in range(12)
    ]
    assert max(spread) > 1
    assert max(spread) < 5


def test_blank_frames_are_neutral_and_come_by_the_share() -> None:
    """What takes a picture's place has no color, any tone, and now and then something written on it."""
    batch = photos(200)
    assert torch.equal(blank_frames(batch, 0.0, generator()), batch)
    blanks = blank_frames(batch, 1.0, generator())
    assert (blanks.amax(dim=1) - blanks.amin(dim=1)).max() == 0
    assert blanks.min() >= 0
    assert blanks.max() <= 1
    tones = blanks.mean(dim=(1, 2, 3))
    assert tones.min() < 0.1
    assert tones.max() > 0.8
    busy = blanks.diff(dim=3).abs().mean(dim=(1, 2, 3)) > 0.02
    assert 0.3 < busy.float().mean() < 0.7
    some = (blank_frames(batch, 0.25, generator()) != batch).any(dim=(1, 2, 3))
    assert 0.15 < some.float().mean() < 0.35
