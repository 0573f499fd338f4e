"""How a file's code values stand for light: as a screen shows them, as film density (log), or as light itself.

Every kind has its own luma, the weighted sum of its own code values, which for grey is the code itself; and that luma
is what coloring keeps. The network, though, is shown the picture as a screen shows it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcolor.color.codes import KB, KG, KR, Floats, luma_codes, rgb_at_luma

_BAND = 1 << 15  # pixels that are computed at a time
FINE = 1 << 16  # steps of tables from the screen back to codes: 0.02 of a 10-bit log code where it is widest


class Transfer(ABC):
    """What code values mean.

    Attributes:
        name: "video", "log" or "linear".
    """

    name: str

    @abstractmethod
    def shown(self, codes: NDArray[Any], bits: int) -> Floats:
        """Return the values 0..1 that a screen shows for code values of any shape."""

    @abstractmethod
    def painted(
        self, luma: NDArray[Any], bits: int, red: Floats, blue: Floats, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Return R'G'B' codes ``(H, W, 3)`` that have exactly the luma given.

        Args:
            luma: Code values of the file, ``(H, W)``.
            red, blue: R' - Y' and B' - Y' as a screen shows them, in 0..1.
            out: Where to put the result; of the type of ``luma``.
        """

    def light(self, codes: NDArray[Any], bits: int) -> Floats:
        """Return light of code values of any shape: 1 is the screen's white."""
        return _srgb_to_linear(self.shown(codes, bits))

    def luma(self, rgb: NDArray[Any]) -> NDArray[Any]:
        """Return the luma ``(H, W)`` of R'G'B' codes ``(H, W, 3)`` in the same type."""
        return luma_codes(rgb)


class Video(Transfer):
    """Code values as a screen shows them: sRGB, BT.709 and their like."""

    name = "video"

    def shown(self, codes: NDArray[Any], bits: int) -> Floats:
        """Return the code values over the largest."""
        shares: Floats = codes.astype(np.float32) * np.float32(1 / ((1 << bits) - 1))
        return shares

    def painted(
        self, luma: NDArray[Any], bits: int, red: Floats, blue: Floats, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Return codes of which luma and differences are on one scale."""
        top = (1 << bits) - 1
        return rgb_at_luma(luma, red * np.float32(top), blue * np.float32(top), top, out)


def _srgb_to_linear(x: Floats) -> Floats:
    import torch  # not on top: it takes a second, and most films need none of this

    from vidcolor.color import spaces

    return spaces.srgb_to_linear(torch.from_numpy(x)).numpy()


def _linear_to_srgb(x: Floats) -> Floats:
    import torch

    from vidcolor.color import spaces

    return spaces.linear_to_srgb(torch.from_numpy(x)).numpy()


def _bands(plane: NDArray[Any]) -> Iterator[slice]:
    rows = max(1, _BAND // max(1, plane.shape[1]))
    return (slice(top, top + rows) for top in range(0, len(plane), rows))


def _looked_up(table: Floats, screen: Floats) -> Floats:
    """Return what a table of FINE steps has for values on the screen, which are held within 0..1."""
    place = np.clip(screen * np.float32(FINE - 1) + np.float32(0.5), 0, FINE - 1)
    found: Floats = table[place.astype(np.uint16)]
    return found


def _of_ratios(luminance: NDArray[Any], red: Floats, blue: Floats, out: NDArray[Any]) -> None:
    """Put light of the luminance given, of its red and blue parts over it, into an array ``(H, W, 3)``."""
    out[..., 0], out[..., 2] = luminance * red, luminance * blue
    out[..., 1] = (luminance - out[..., 0] * KR - out[..., 2] * KB) / KG


class Log(Transfer):
    """Printing density, by Cineon's curve.

    Source: Kodak, "Conversion of 10-bit Log Film Data to 8-bit Linear or Video Data", 1995. A code is 0.002 of density
    at 10 bits; the film's contrast is 0.6; codes 95 and 685 are black and white. What is brighter than white runs into
    a shoulder, as it does on a print, so that no code is shown like another.
    """

    name = "log"
    BLACK, WHITE, TOP = 95, 685, 1023
    STEP = 0.002 / 0.6
    KNEE = 0.8  # of the screen's white, where the shoulder begins

    def __init__(self) -> None:
        self._floor = np.float32(10 ** ((self.BLACK - self.WHITE) * self.STEP))
        self._tables: dict[int, Floats] = {}

    def shown(self, codes: NDArray[Any], bits: int) -> Floats:
        """Return what a screen shows of printing density."""
        if bits not in self._tables:
            scale = np.float32(self.TOP / ((1 << bits) - 1))
            self._tables[bits] = self._shown(np.arange(1 << bits, dtype=np.float32) * scale)
        screen: Floats = self._tables[bits][codes]
        return screen

    def _shown(self, codes: Floats) -> Floats:
        light = (10 ** ((codes - self.WHITE) * np.float32(self.STEP)) - self._floor) / (1 - self._floor)
        screen = _linear_to_srgb(np.maximum(light, 0))
        room = np.float32(1 - self.KNEE)
        over = np.maximum(screen - np.float32(self.KNEE), 0)
        return np.where(over > 0, self.KNEE + room * (1 - np.exp(-over / room)), screen).astype(np.float32)

    def _stored(self, screen: Floats) -> Floats:
        """Return the inverse of ``_shown`` between black and the last code but a few."""
        room = np.float32(1 - self.KNEE)
        share = np.clip((screen - np.float32(self.KNEE)) / room, 0, np.float32(0.9999))
        screen = np.where(share > 0, self.KNEE - room * np.log1p(-share), np.maximum(screen, 0)).astype(np.float32)
        light = _srgb_to_linear(screen) * (1 - self._floor) + self._floor
        codes: Floats = self.WHITE + np.log10(light) * np.float32(1 / self.STEP)
        return codes

    @cached_property
    def _back(self) -> Floats:
        return self._stored(np.linspace(0, 1, FINE, dtype=np.float32))

    def painted(
        self, luma: NDArray[Any], bits: int, red: Floats, blue: Floats, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Return codes of density; the differences become those of density first."""
        rgb = np.empty((*luma.shape, 3), luma.dtype) if out is None else out
        top = (1 << bits) - 1
        for band in _bands(luma):
            parts = self._in_codes(self.shown(luma[band], bits), red[band], blue[band], np.float32(top / self.TOP))
            rgb_at_luma(luma[band], *parts, top, rgb[band])
        return rgb

    def _in_codes(self, grey: Floats, red: Floats, blue: Floats, unit: np.float32) -> tuple[Floats, Floats]:
        """Return R' - Y' and B' - Y' in codes of density, of those on the screen."""
        green = (red * KR + blue * KB) * np.float32(-1 / KG)
        at_grey = _looked_up(self._back, grey)
        r, g, b = (_looked_up(self._back, grey + part) - at_grey for part in (red, green, blue))
        # The same step on all three channels is a change of exposure: hue and saturation stay, the luma comes right.
        step = r * KR + g * KG + b * KB
        return (r - step) * unit, (b - step) * unit


class Linear(Transfer):
    """Light itself: whole numbers up to white, or floating-point numbers in which white is 1, and more is brighter."""

    name = "linear"

    def shown(self, codes: NDArray[Any], bits: int) -> Floats:
        """Return what a screen shows of light; above white there is nothing more."""
        light = codes.astype(np.float32)
        if codes.dtype.kind != "f":
            light *= np.float32(1 / ((1 << bits) - 1))
        return _linear_to_srgb(np.clip(np.nan_to_num(light), 0, 1))

    @cached_property
    def _back(self) -> Floats:
        return _srgb_to_linear(np.linspace(0, 1, FINE, dtype=np.float32))

    def painted(
        self, luma: NDArray[Any], bits: int, red: Floats, blue: Floats, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Return light of the luminance given; the differences become ratios of light first."""
        rgb = np.empty((*luma.shape, 3), luma.dtype) if out is None else out
        for band in _bands(luma):
            grey = self.shown(luma[band], bits)
            parts = self._in_light(grey, red[band], blue[band])
            if luma.dtype.kind == "f":
                _of_ratios(luma[band], *parts, rgb[band])
            else:
                r, b = (luma[band] * (part - 1) for part in parts)
                rgb_at_luma(luma[band], r, b, (1 << bits) - 1, rgb[band])
        return rgb

    def _in_light(self, grey: Floats, red: Floats, blue: Floats) -> tuple[Floats, Floats]:
        """Return red and blue light over the luminance, of R' - Y' and B' - Y' on the screen."""
        green = (red * KR + blue * KB) * np.float32(-1 / KG)
        r, g, b = (_looked_up(self._back, grey + part) for part in (red, green, blue))
        light = r * KR + g * KG + b * KB
        known = light > 1e-6
        light[~known] = 1
        return np.where(known, r / light, 1), np.where(known, b / light, 1)

    def luma(self, rgb: NDArray[Any]) -> NDArray[Any]:
        """Return the luminance, which is the luma of light."""
        if rgb.dtype.kind != "f":
            return luma_codes(rgb)
        grey: NDArray[Any] = rgb[..., 0] * KR + rgb[..., 1] * KG + rgb[..., 2] * KB
        return grey.astype(rgb.dtype)


VIDEO, LOG, LINEAR = Video(), Log(), Linear()
TRANSFERS: dict[str, Transfer] = {kind.name: kind for kind in (VIDEO, LOG, LINEAR)}
