"""A look at the photos before a run spends hours on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vidcolor.dataset import Photo, RgbImage
from vidcolor.errors import DataError

LOOK_AT = 64  # photos, enough to tell a few per cent from most
GREY_SPREAD = 4.0  # codes of 255: mean distance of the highest from the lowest of R, G, B; JPEG alone makes 1 to 2
MOST = 0.9
TOO_MANY = 0.05


def is_grey(image: RgbImage) -> bool:
    """Whether a photo ``(H, W, 3)`` has no color to learn from."""
    return float((image.max(axis=2) - image.min(axis=2)).mean()) < GREY_SPREAD


def look_over(photos: Sequence[Photo], size: int, seed: int) -> list[str]:
    """Look at some photos: warnings about what is amiss with a few of them.

    Args:
        size: The largest crop in pixels.

    Raises:
        DataError: most of them are grey, most are smaller than the crop, or none decodes.
    """
    chosen = np.random.default_rng((seed, 3)).permutation(len(photos))[:LOOK_AT]
    grey, small, broken = [], [], []
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
    seen = len(chosen) - len(broken)
    if not seen:
        raise DataError("cannot read the photos", f"none of {len(chosen)} decodes, first: {broken[0]}", "Check them")
    if len(grey) >= MOST * seen:
        raise DataError(
            "cannot learn color from these photos", f"{len(grey)} of {seen} are grey, first: {grey[0]}", "Name others"
        )
    if len(small) > seen / 2:
        raise DataError(
            "the photos are smaller than the crop",
            f"{len(small)} of {seen} have a short side below {size} pixels, first: {small[0]}",
            "Lower --sizes or name larger photos",
        )
    return [
        f"about {len(names) / seen:.0%} of the photos are {what}, first: {names[0]}"
        for names, what in ((grey, "grey"), (small, f"smaller than {size} pixels and get enlarged"))
        if len(names) > TOO_MANY * seen
    ]
