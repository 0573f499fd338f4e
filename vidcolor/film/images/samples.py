"""The values that a picture's file holds, before they are made sRGB and turned upright."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vidcolor.errors import InputError
from vidcolor.film.images.metadata import Metadata

Model = Literal["gray", "rgb", "cmyk", "lab"]
MOST_PIXELS = 1 << 30  # a damaged header may claim any size; the largest scans have some 600 million pixels


@dataclass
class Samples:
    """A picture as its file holds it.

    Attributes:
        values: ``(H, W)`` for "gray", else ``(H, W, C)``, uint8 or uint16; L*, a*, b* as float32 for "lab".
        bits: Significant bits of a value.
        alpha: Opacity ``(H, W)`` of the same depth, None when there is none.
        premultiplied: The values have been multiplied by the alpha.
        profile: The ICC profile, empty when there is none.
        gamma: The exponent that turns values into light where the file tells one and no profile, else 0.
        losses: What the file holds and these values do not, a line each.
    """

    values: NDArray[Any]
    model: Model
    bits: int
    alpha: NDArray[Any] | None = None
    premultiplied: bool = False
    profile: bytes = b""
    gamma: float = 0.0
    metadata: Metadata = field(default_factory=Metadata)
    losses: list[str] = field(default_factory=list)


def unreadable(path: Path, why: str, remedy: str = "It is no picture, or a damaged one") -> InputError:
    """Return the error of a picture that cannot be read."""
    return InputError(f"cannot open {path}", why, remedy)


def check_size(path: Path, width: int, height: int) -> None:
    """Refuse sizes that no picture has.

    Raises:
        InputError: the size is absurd.
    """
    if width < 1 or height < 1 or width * height > MOST_PIXELS:
        raise unreadable(
            path, f"its header claims {width}x{height} pixels", "It is damaged, or larger than can be held"
        )


def from_channels(values: NDArray[Any], bits: int, **rest: Any) -> Samples:
    """Return samples of decoded grey, grey and alpha, RGB, or RGB and alpha."""
    channels = 1 if values.ndim == 2 else values.shape[2]
    if channels == 1:
        return Samples(values.reshape(values.shape[:2]), "gray", bits, **rest)
    alpha = np.ascontiguousarray(values[..., -1]) if channels in (2, 4) else None
    colors = values[..., 0] if channels == 2 else values[..., :3]
    return Samples(np.ascontiguousarray(colors), "gray" if channels == 2 else "rgb", bits, alpha, **rest)


def to_depth(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return values of any depth with 8 bits when they have up to 8, else with 16; black and white stay the same."""
    wanted = 8 if bits <= 8 else 16
    if bits == wanted:
        return values.astype(np.uint8 if wanted == 8 else np.uint16, copy=False)
    if bits > 16:
        return (values >> (bits - 16)).astype(np.uint16)
    top, whole = (1 << bits) - 1, (1 << wanted) - 1
    table = (np.arange(top + 1, dtype=np.uint32) * whole + top // 2) // top
    scaled: NDArray[Any] = table.astype(np.uint8 if wanted == 8 else np.uint16)[values]
    return scaled


def turned(plane: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return rows and columns upright that lie as Exif's orientation 1 to 8 says (TIFF 6.0, Orientation)."""
    if orientation in (5, 6, 7, 8):
        plane = np.swapaxes(plane, 0, 1)
    if orientation in (3, 4, 7, 8):
        plane = plane[::-1]
    if orientation in (2, 3, 6, 7):
        plane = plane[:, ::-1]
    return np.ascontiguousarray(plane)


@contextmanager
def hushed() -> Iterator[None]:
    """Keep messages of libraries off the terminal: some write them past Python, whatever becomes of their errors."""
    sys.stderr.flush()
    before = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(before, 2)
        os.close(before)
