"""A look at the photos and the network before a run spends hours on them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch

from vidcolor.color.arrays import RgbImage
from vidcolor.data.photos import Photo
from vidcolor.errors import CheckpointError, DataError
from vidcolor.network.build import Network

LOOK_AT = 64  # photos, enough to tell a few per cent from most
GREY_SPREAD = 4.0  # codes of 255: mean distance of the highest from the lowest of R, G, B; JPEG alone makes 1 to 2
MOST = 0.9
TOO_MANY = 0.05
MOST_ENLARGED = 1.25  # of the photos' own size: beyond, a crop shows nothing but interpolation


def is_grey(image: RgbImage) -> bool:
    """Return whether a photo ``(H, W, 3)`` has no color to learn from."""
    return float((image.max(axis=2) - image.min(axis=2)).mean()) < GREY_SPREAD


def look_over(photos: Sequence[Photo], size: int, seed: int, purpose: str = "learn color from") -> list[str]:
    """Look at some photos: warnings about what is amiss with a few of them.

    Args:
        size: The largest crop in pixels.
        purpose: What they are for, as an error says it.

    Raises:
        DataError: most of them are grey, most are far smaller than the crop, or none decodes.
    """
    chosen = np.random.default_rng((seed, 3)).permutation(len(photos))[:LOOK_AT]
    grey, small, tiny, broken = [], [], [], []
    for index in chosen:
        photo = photos[index]
        try:
            image = photo.load()
        except DataError:
            broken.append(photo.name)
            continue
        if is_grey(image):
            grey.append(photo.name)
        if min(image.shape[:2]) < size:
            small.append(photo.name)
        if min(image.shape[:2]) * MOST_ENLARGED < size:
            tiny.append(photo.name)
    seen = len(chosen) - len(broken)
    if not seen:
        raise DataError("cannot read the photos", f"none of {len(chosen)} decodes, first: {broken[0]}", "Check them")
    if len(grey) >= MOST * seen:
        raise DataError(
            f"cannot {purpose} these photos", f"{len(grey)} of {seen} are grey, first: {grey[0]}", "Name others"
        )
    if len(tiny) > seen / 2:
        raise DataError(
            "the photos are far smaller than the crop",
            f"{len(tiny)} of {seen} have a short side below {size / MOST_ENLARGED:.0f} pixels, first: {tiny[0]}",
            "Lower --sizes or name larger photos",
        )
    return [
        f"about {len(names) / seen:.0%} of the photos are {what}, first: {names[0]}"
        for names, what in ((grey, "grey"), (small, f"smaller than {size} pixels and get enlarged"))
        if len(names) > TOO_MANY * seen
    ]


def listing(photos: Sequence[Photo]) -> str:
    """Return what tells one list of photos from another, wherever they lie: their number, a digest of their names."""
    names = [(p.source, p.path.name, p.member, p.length) for p in photos]
    return f"{len(photos)} ({hashlib.sha256(repr(names).encode()).hexdigest()[:12]})"


@torch.no_grad()
def try_out(network: Network, size: int, device: torch.device) -> None:
    """Predict once at a crop size.

    Raises:
        CheckpointError: the network's parts do not fit together, or not this size.
    """
    network.eval()
    try:
        network(torch.zeros(1, 1, size, size, device=device))
    except (AssertionError, RuntimeError, ValueError) as error:  # timm's backbones raise any of them
        name = network.config.encoder or network.config.extractor
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CheckpointError(
            f"cannot train with {name} at {size} pixels", reason, "Choose another backbone"
        ) from error
