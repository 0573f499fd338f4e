"""What old film did to a scene before anybody scanned it: color in, the grey of an old film out.

Used on training photos (the color target stays clean) and to measure models on "old" material whose
true colors are known. Every function takes and gives batches ``(N, C, H, W)``; all randomness comes from
the generators that are passed in: one for what a reel is, and where frames of the same reel differ, ``moving`` for
what changes from frame to frame. Without it a picture is a reel of one frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from vidcolor.color.spaces import linear_to_srgb, luma_to_lightness, rgb_to_lab, srgb_to_linear

# Shares of linear R, G, B in the exposure. Panchromatic film of the 1930s and later comes near the eye's
# luminance; orthochromatic film (most film before about 1927) is blind to red; the earliest emulsions saw
# blue and little else. A random mix of the three covers the filters and papers in between.
PANCHROMATIC = (0.30, 0.50, 0.20)
ORTHOCHROMATIC = (0.03, 0.52, 0.45)
BLUE_SENSITIVE = (0.01, 0.19, 0.80)

SMALLER = 5 / 6


class PartGenerator(Generator):
    """The generator of a process that has every ``ranks``-th picture of a batch, beginning with number ``rank``.

    The functions here then draw for the whole batch and keep the part's numbers: however many processes share
    a batch, its pictures are aged alike. They are drawn on the generator's own device, where they are needed: so
    pictures are aged alike on all CPUs, and in another way on a GPU.
    """

    rank = 0
    ranks = 1
    host: Generator
    """Decides for whole batches. It is on the CPU, which need not wait for a GPU to know what to do next."""

    @classmethod
    def of(cls, rank: int, ranks: int, seed: int, device: torch.device | str = "cpu") -> PartGenerator:
        """Return the generator of a process with a seed that all processes of the run share."""
        generator = cls(device)
        generator.rank, generator.ranks = rank, ranks
        generator.manual_seed(seed)
        generator.host = generator if generator.device.type == "cpu" else Generator().manual_seed(seed)
        return generator


@lru_cache(maxsize=64)
def _constant(values: tuple[float | tuple[float, ...], ...], device: torch.device) -> Tensor:
    """Return constants on a device; copying them there each time would make a GPU wait."""
    with torch.inference_mode(False):  # whoever asks first, training may use it too
        return torch.tensor(values, device=device)


def drawn(kind: Callable[..., Tensor], shape: Sequence[int], like: Tensor, generator: Generator) -> Tensor:
    """Return random numbers of the given shape, whose first dimension is the picture's place in the batch."""
    rank, ranks = (generator.rank, generator.ranks) if isinstance(generator, PartGenerator) else (0, 1)
    whole = kind(shape[0] * ranks, *shape[1:], generator=generator, device=generator.device)
    return whole[rank::ranks].to(like.device)


def _uniform(n: int, low: float, high: float, like: Tensor, generator: Generator) -> Tensor:
    """Return random numbers in [low, high), ``(n, 1, 1, 1)``."""
    return low + (high - low) * drawn(torch.rand, (n, 1, 1, 1), like, generator)


def _normal(shape: tuple[int, ...], like: Tensor, generator: Generator) -> Tensor:
    return drawn(torch.randn, shape, like, generator)


def spectral_response(linear: Tensor, generator: Generator) -> Tensor:
    """Return the exposure of a random emulsion ``(N, 1, H, W)`` to linear RGB."""
    films = _constant((PANCHROMATIC, ORTHOCHROMATIC, BLUE_SENSITIVE), linear.device)
    # Squaring uniform numbers makes one film dominate most mixes.
    shares = drawn(torch.rand, (len(linear), 3), linear, generator) ** 2
    shares = shares / shares.sum(dim=1, keepdim=True).clamp(min=1e-3)
    return torch.einsum("nf,fc,nchw->nhw", shares, films, linear)[:, None]


def tone_and_fading(grey: Tensor, generator: Generator) -> Tensor:
    """Return exposures under a random contrast curve; blacks are lifted and whites lost as prints fade."""
    n = len(grey)
    grey = grey.clamp(1e-4, 1) ** torch.exp2(_uniform(n, -0.5, 0.5, grey, generator))
    black = _uniform(n, 0, 1, grey, generator) ** 3 * 0.15
    white = 1 - _uniform(n, 0, 1, grey, generator) ** 3 * 0.20
    return black + (white - black) * grey


def uneven_light(grey: Tensor, generator: Generator, moving: Generator | None = None) -> Tensor:
    """Return pictures with flicker that differs over them, and dark corners."""
    n, _, h, w = grey.shape
    field = _normal((n, 1, 4, 4), grey, moving or generator)
    if moving:
        field = field + _normal((n, 1, 1, 1), grey, moving)  # of the whole exposure; tone_and_fading's, on one picture
    field = F.interpolate(field, size=(h, w), mode="bicubic", align_corners=False)
    y = torch.linspace(-1, 1, h, device=grey.device)[:, None]
    x = torch.linspace(-1, 1, w, device=grey.device)
    vignette = (x**2 + y**2) / 2 * _uniform(n, 0, 1, grey, generator) ** 3 * 0.7
    return grey * (1 + field * _uniform(n, 0, 0.06, grey, generator)) * (1 - vignette)


def blur(grey: Tensor, generator: Generator) -> Tensor:
    """Return pictures as old lenses and generations of copies leave them: a Gaussian of up to 1.5 pixels."""
    taps = torch.exp(-(torch.arange(-4, 5, device=grey.device) ** 2) / (2 * 1.5**2))
    taps = taps / taps.sum()
    padded = F.pad(grey, (4, 4, 4, 4), mode="replicate")
    soft = F.conv2d(F.conv2d(padded, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))
    return torch.lerp(grey, soft, _uniform(len(grey), 0, 1, grey, generator))


def grain(grey: Tensor, generator: Generator, moving: Generator | None = None) -> Tensor:
    """Return pictures with fine and coarse grain, strongest in the middle tones."""
    n, _, h, w = grey.shape
    noise = moving or generator
    fine = _normal((n, 1, h, w), grey, noise)
    coarse = F.interpolate(
        _normal((n, 1, (h + 1) // 2, (w + 1) // 2), grey, noise), size=(h, w), mode="bilinear", align_corners=False
    )
    mixed = torch.lerp(fine, coarse * 1.5, _uniform(n, 0, 1, grey, generator))
    strength = _uniform(n, 0, 1, grey, generator) ** 2 * 0.10
    tone = 0.3 + 0.7 * (4 * grey * (1 - grey)).clamp(0, 1)
    return grey + mixed * strength * tone


def scratches_and_dust(grey: Tensor, generator: Generator, moving: Generator | None = None) -> Tensor:
    """Return pictures with vertical scratches, which stay where they are, and specks; on a third of the reels."""
    n, _, h, w = grey.shape
    worn = (_uniform(n, 0, 1, grey, generator) < 0.33).float()
    columns = (drawn(torch.rand, (n, 1, 1, w), grey, generator) < 2.0 / w).float()
    specks = drawn(torch.rand, (n, 1, h, w), grey, moving or generator) < 4e-4
    specks = F.max_pool2d(specks.float(), 3, 1, 1)
    tone = (_uniform(n, 0, 1, grey, generator) < 0.5).float()
    marks = worn * torch.maximum(columns.expand(-1, -1, h, -1) * 0.5, specks)
    return torch.lerp(grey, tone.expand_as(grey), marks)


def old_film(rgb: Tensor, generator: Generator, moving: Generator | None = None) -> Tensor:
    """Return the L* ``(N, 1, H, W)`` that a scan of old film would show of sRGB ``(N, 3, H, W)`` in 0..1."""
    grey = linear_to_srgb(spectral_response(srgb_to_linear(rgb), generator))
    grey = tone_and_fading(grey, generator)
    grey = uneven_light(grey, generator, moving)
    grey = blur(grey, generator)
    grey = scratches_and_dust(grey, generator, moving)
    grey = grain(grey, generator, moving)
    return luma_to_lightness(grey.clamp(0, 1))


def old_film_frame(rgb: Tensor, reel: int, index: int) -> Tensor:
    """Return frame ``index`` of an old reel: L* ``(1, 1, H, W)`` of sRGB ``(1, 3, H, W)``.

    Emulsion, fading, sharpness, scratches and the strength of everything else belong to the reel; flicker, dust and
    the grains themselves to the frame.
    """
    # Drawn anew for each frame from the same seed, what belongs to the reel comes out the same.
    return old_film(rgb, Generator().manual_seed(reel), Generator().manual_seed((reel << 32) + index + 1))


def maybe_old_film(rgb: Tensor, share: float, generator: Generator, moving: Generator | None = None) -> Tensor:
    """Return L* of sRGB photos: of old film for the given share of them, the true L* for the rest."""
    true = rgb_to_lab(rgb)[:, :1]
    if not share:
        return true
    aged = _uniform(len(rgb), 0, 1, rgb, generator) < share
    return torch.where(aged, old_film(rgb, generator, moving), true)


def maybe_smaller(rgb: Tensor, share: float, generator: Generator) -> Tensor:
    """Return photos at :data:`SMALLER` of their size, for the given share of the batches; the others as they are.

    Aged at that size and enlarged again, they look as what is smaller than the network's picture does: softer than
    other pictures when it is clean, of coarser grain when it is old.
    """
    host = generator.host if isinstance(generator, PartGenerator) else generator
    if torch.rand(1, generator=host).item() >= share:
        return rgb
    size = [round(length * SMALLER) for length in rgb.shape[-2:]]
    return F.interpolate(rgb, size=size, mode="bilinear", align_corners=False, antialias=True)


def maybe_sharper(lightness: Tensor, share: float, generator: Generator) -> Tensor:
    """Return L* ``(N, 1, H, W)`` made softer or sharper for the given share of the pictures.

    Lenses, scanners, cameras that sharpen, and how far a picture was shrunk all differ in it. A network that knows one
    sharpness takes a crisp frame for a worse guess.
    """
    if not share:
        return lightness
    chosen = _uniform(len(lightness), 0, 1, lightness, generator) < share
    amount = _uniform(len(lightness), -0.8, 1.2, lightness, generator) * chosen
    taps = _constant((1.0, 4.0, 6.0, 4.0, 1.0), lightness.device) / 16  # about a Gaussian of one pixel
    padded = F.pad(lightness, (2, 2, 2, 2), mode="replicate")
    soft = F.conv2d(F.conv2d(padded, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))
    return (lightness + amount * (lightness - soft)).clamp(0, 100)


def neutral_borders(rgb: Tensor, share: float, generator: Generator) -> Tensor:
    """Put a grey border (mats, pillar boxes, gate edges) around the given share of the pictures.

    The border is neutral in the target too: a network that never saw one paints it.
    """
    n, _, h, w = rgb.shape
    draw = drawn(torch.rand, (n, 6), rgb, generator)[:, :, None, None]
    y = torch.linspace(0, 1, h, device=rgb.device)[:, None]
    x = torch.linspace(0, 1, w, device=rgb.device)
    margin = draw[:, :4] ** 2 * 0.25
    outside = (y < margin[:, 0:1]) | (y > 1 - margin[:, 1:2]) | (x < margin[:, 2:3]) | (x > 1 - margin[:, 3:4])
    tone = (draw[:, 4:5] * 3 - 1).clamp(0, 1)  # a third black, a third white, a third in between
    return torch.where(outside & (draw[:, 5:6] < share), tone, rgb)


def blank_frames(rgb: Tensor, share: float, generator: Generator) -> Tensor:
    """Put frames that show nothing in place of the given share of the pictures: leader, fades, title cards.

    Every film has them, and no photo does: a network that never saw one takes a fade for the evening sky.
    """
    n, _, h, w = rgb.shape
    draw = drawn(torch.rand, (n, 6), rgb, generator)[:, :, None, None]
    tone, tilt, written, rows, chosen = draw[:, :1] ** 2, draw[:, 1:3] - 0.5, draw[:, 3:4], draw[:, 4:5], draw[:, 5:6]
    y = torch.linspace(0, 1, h, device=rgb.device)[:, None]
    x = torch.linspace(0, 1, w, device=rgb.device)
    cloud = F.interpolate(_normal((n, 1, 3, 3), rgb, generator), size=(h, w), mode="bicubic", align_corners=False)
    paper = (tone + tilt[:, :1] * (x - 0.5) * 0.6 + tilt[:, 1:] * (y - 0.5) * 0.6 + 0.04 * cloud).clamp(0, 1)
    strokes = drawn(torch.rand, (n, 1, -(-h // 3), -(-w // 3)), rgb, generator) < 0.5
    strokes = strokes.repeat_interleave(3, dim=2).repeat_interleave(3, dim=3)[..., :h, :w]
    lines = ((y * (3 + 6 * rows).floor()) % 1 < 0.4) & ((x - 0.5).abs() < 0.4) & ((y - 0.5).abs() < 0.35)
    card = torch.where(strokes & lines & (written < 0.5), (tone < 0.5) * 0.8 + 0.1, paper)
    return torch.where(chosen < share, card, rgb)
