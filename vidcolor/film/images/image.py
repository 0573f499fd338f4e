"""A still picture as a value: its code values, what they mean, and what its file said beside them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcolor.color.arrays import Luma
from vidcolor.film.frame import ColorTags, Frame
from vidcolor.film.images.metadata import Metadata
from vidcolor.film.transfer import VIDEO, Transfer

_BAND = 1 << 20  # samples that are computed at a time
TAGS = ColorTags("bt709", full_range=True)  # of every picture in a file of its own


@dataclass(frozen=True, eq=False)
class Image:
    """A picture out of a file, upright.

    Attributes:
        pixels: Code values, ``(H, W)`` of a grey picture, ``(H, W, 3)`` of R'G'B'. uint8 or uint16, float16 or float32
            of light. As a screen shows them (sRGB), if ``transfer`` does not say otherwise.
        bits: Significant bits of a code value; 16 or 32 for floating-point numbers.
        alpha: Opacity, ``(H, W)`` of the same type and depth; None when there is none.
        transfer: What the code values mean.
        losses: What the file holds and this does not, a line each.
    """

    pixels: NDArray[Any]
    bits: int
    alpha: NDArray[Any] | None = None
    transfer: Transfer = VIDEO
    metadata: Metadata = field(default_factory=Metadata)
    losses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pixels.ndim not in (2, 3) or self.pixels.dtype not in (np.uint8, np.uint16, np.float16, np.float32):
            shape, kind = self.pixels.shape, self.pixels.dtype
            raise ValueError(
                f"pixels must be (H, W) or (H, W, 3) of whole or floating-point numbers, not {shape} of {kind}"
            )

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        kind = "grey" if self.pixels.ndim == 2 else "RGB"
        return f"Image({width}x{height}, {kind}, {self.bits} bit, {self.transfer.name})"

    def luma(self) -> NDArray[Any]:
        """Return the luma ``(H, W)`` as the file holds it: of a grey picture the codes themselves."""
        return self.pixels if self.pixels.ndim == 2 else self.transfer.luma(self.pixels)

    def frame(self, luma: NDArray[Any], pts: int = 0, time_base: Fraction = Fraction(1)) -> Frame:
        """Return the picture as the pipeline takes it, as a screen shows it.

        Args:
            luma: From ``luma()``. What is shown of it are the codes themselves, unless they are log or linear.
        """
        if self.transfer is VIDEO:
            return Frame(luma, self.bits, pts, time_base, TAGS)
        return Frame(self._shown(luma, 16), 16, pts, time_base, TAGS)

    @property
    def opaque(self) -> float:
        """Return the alpha value at which nothing shines through."""
        return 1.0 if self.pixels.dtype.kind == "f" else (1 << self.bits) - 1

    def as_shown(self, bits: int) -> Image:
        """Return the picture as a screen shows it, with 8 or 16 bits."""
        if self.transfer is VIDEO and self.bits == bits:
            return self
        pixels = self._shown(self.pixels, bits)
        alpha = None
        if self.alpha is not None:
            share = self.alpha.astype(np.float32) / np.float32(self.opaque)
            alpha = _codes(np.clip(np.nan_to_num(share), 0, 1), bits)
        return replace(self, pixels=pixels, bits=bits, alpha=alpha, transfer=VIDEO)

    def _shown(self, codes: NDArray[Any], bits: int) -> Luma:
        """Return code values as a screen shows them, worked a band of rows at a time: memory stays small."""
        whole = np.empty(codes.shape, np.uint8 if bits == 8 else np.uint16)
        rows = max(1, _BAND // codes[0].size)
        for top in range(0, len(whole), rows):
            band = slice(top, top + rows)
            whole[band] = _codes(self.transfer.shown(codes[band], self.bits), bits)
        return whole


def _codes(shown: NDArray[np.float32], bits: int) -> Luma:
    shown *= np.float32((1 << bits) - 1)
    return np.rint(shown, out=shown).astype(np.uint8 if bits == 8 else np.uint16)
