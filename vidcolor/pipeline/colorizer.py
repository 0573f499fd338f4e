"""Pictures in memory: arrays of grey in, arrays of color out, by a network that is prepared once."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vidcolor.color.arrays import Plane
from vidcolor.color.codes import KB, KG, KR
from vidcolor.color.weights import LUMA_WEIGHTS
from vidcolor.errors import InputError
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.images.image import TAGS, Image
from vidcolor.network.predictor import BATCH, Predictor
from vidcolor.pipeline.chroma import chroma_bands
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.guidance.confining import hinted
from vidcolor.pipeline.guidance.picture import shrunk_hints
from vidcolor.pipeline.photos.photo import painted
from vidcolor.pipeline.segments.cutting import Start, Step, cut
from vidcolor.pipeline.stages import Stages
from vidcolor.pipeline.view import View
from vidcolor.settings import RunSettings, ShotSettings

Pixels = NDArray[Any]
"""A picture as a screen shows it, ``(H, W)`` or R'G'B' ``(H, W, 3)``: uint8, uint16 or floats in 0..1."""


class Colorizer:
    """Colors pictures that lie in memory; the network is loaded, folded and lowered once, when this is made.

    Args:
        model: A bundled model's name, or a checkpoint's path.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        precision: Number type of the network: "auto", "fp32", "bf16" or "fp16".
        size: Short side of the network's picture in pixels; 0: the model's own.
        batch_size: Pictures that the network takes at once; 0: as many as suit the device.

    Raises:
        VidcolorError: there is no such model, device or choice.
    """

    def __init__(
        self,
        model: str | Path = RunSettings.model,
        *,
        device: str = "auto",
        precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto",
        size: int = 0,
        batch_size: int = 0,
    ) -> None:
        self._settings = RunSettings(model=model, device=device, precision=precision, size=size, batch_size=batch_size)
        self._predictor = Predictor.load(self._settings)

    def __repr__(self) -> str:
        return f"Colorizer({self._predictor.model.name!r}, device={str(self._predictor.device)!r})"

    def picture(
        self,
        grey: Pixels,
        *,
        saturation: float = ShotSettings.saturation,
        hints: NDArray[np.floating] | None = None,
    ) -> Pixels:
        """Return a picture in color, R'G'B' ``(H, W, 3)`` of the same type; its luma stays, to rounding.

        Args:
            grey: In grey ``(H, W)``, or in any colors ``(H, W, 3)``, of which the BT.709 luma is taken.
            saturation: Factor on the colors; 1 is calibrated.
            hints: Colors that are known, ``(H, W, 3)``: a and b of CIELAB, and a weight from 0 (nothing is known) to 1
                (certain). The things that they lie on take these colors, and the rest stays as it is.

        Raises:
            VidcolorError: it is no picture, or a value is out of range; there are hints, and the model takes none.
        """
        shot = ShotSettings(saturation=saturation)
        source = _Grey.of(grey, 0, Fraction(1))
        small = self._view(source.frame, still=True).small(source.frame)
        if hints is None:
            (ab,) = self._predictor.predict([small])
        else:
            ab = hinted(self._predictor, small, shrunk_hints(hints, source.luma.shape, *small.shape[::-1]))
        return source.painted(small, Grading(shot).graded(0, small, ab, TAGS.matrix))

    def frames(
        self,
        greys: Iterable[Pixels],
        *,
        saturation: float = ShotSettings.saturation,
        smooth: float = ShotSettings.smooth,
        cuts: Literal["none", "detect"] = "none",
        fps: float | None = None,
    ) -> Iterator[Pixels]:
        """Return the frames of a film in color, in their order, each as :meth:`picture` returns a picture.

        Colors are averaged along the motion of the picture, so that each frame comes out when some more have been
        taken. Memory does not grow with the number of frames.

        Args:
            greys: Frames of one size, as for :meth:`picture`.
            saturation: Factor on the colors; 1 is calibrated.
            smooth: Averaging of the colors along motion, 0..1; 0 is off.
            cuts: "none": all are one shot. "detect": cuts, dissolves and fades are found, and no color crosses them.
            fps: Frames per second; given, the network sees some of them, as it does of films. None: it sees all.

        Raises:
            VidcolorError: a value is out of range; a frame is no picture, or of another size than the first.
        """
        shot = ShotSettings(saturation=saturation, smooth=smooth)
        if cuts not in ("none", "detect"):
            raise InputError(f"cannot use cuts={cuts!r}", "there is no such choice", "Choose one of none, detect")
        if fps is not None and not 0 < fps < float("inf"):
            raise InputError(f"cannot use fps={fps!r}", "it is no rate", "Choose a number above 0, or None")
        return self._frames(iter(greys), shot, cuts == "detect", None if fps is None else Fraction(fps))

    def _frames(
        self, greys: Iterator[Pixels], shot: ShotSettings, detect: bool, rate: Fraction | None
    ) -> Iterator[Pixels]:
        waiting: deque[_Grey] = deque()
        taken = _taken(greys, 1 / rate if rate else Fraction(1))
        first = next(taken, None)
        if first is None:
            return

        def stream() -> Iterator[Frame]:
            for grey in chain([first], taken):
                waiting.append(grey)
                yield grey.frame

        start = Start(0, 0, ())
        steps = (
            cut(stream(), shortest=sys.maxsize, longest=sys.maxsize, start=start)
            if detect
            else (Step(frame, frame.pts, frame.pts == 0, start) for frame in stream())
        )
        view = self._view(first.frame, still=False)
        batch = self._settings.batch_size or BATCH[self._predictor.device.type]
        stages = Stages(self._predictor, view, batch, Grading(shot), rate)
        for _, small, ab in stages.colored(steps):
            yield waiting.popleft().painted(small, ab)

    def _view(self, frame: Frame, still: bool) -> View:
        height, width = frame.luma.shape
        short_side = self._settings.size or self._predictor.model.config.short_side(still)
        return View(VideoInfo.of_still(width, height, TAGS), short_side, self._predictor.stride)


@dataclass(frozen=True, eq=False)
class _Grey:
    """A picture that is to be colored.

    Attributes:
        luma: ``(H, W)`` of the type that was given.
        frame: The same in whole codes of 16 bits.
    """

    luma: Pixels
    frame: Frame

    @classmethod
    def of(cls, pixels: Pixels, pts: int, time_base: Fraction) -> _Grey:
        what = "cannot color the picture"
        pixels = np.asarray(pixels)
        if not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)) or not pixels.size:
            why = f"its shape is {pixels.shape}"
            raise InputError(what, why, "Give (height, width), or (height, width, 3) without opacity")
        if pixels.dtype in (np.uint8, np.uint16):
            luma = Image(pixels, 8 * pixels.itemsize).luma()
            codes = luma.astype(np.uint16) * np.uint16(257 if luma.dtype == np.uint8 else 1)
            return cls(luma, Frame(codes, 16, pts, time_base, TAGS))
        if pixels.dtype.kind != "f":
            raise InputError(what, f"its values are {pixels.dtype} numbers", "Give uint8, uint16, or floats in 0..1")
        low, high = float(pixels.min()), float(pixels.max())
        if not 0 <= low <= high <= 1:
            raise InputError(what, f"its values reach from {low:g} to {high:g}", "Scale it to 0..1")
        luma = pixels if pixels.ndim == 2 else (pixels @ np.array([KR, KG, KB], np.float64)).astype(pixels.dtype)
        codes = np.rint(luma.astype(np.float64) * 65535).astype(np.uint16)
        return cls(luma, Frame(codes, 16, pts, time_base, TAGS))

    def painted(self, small: Plane, ab: Plane) -> Pixels:
        """Return the picture in color, ``(H, W, 3)``, from Y' ``(h, w)`` and ab ``(2, h, w)`` at network size."""
        if self.luma.dtype.kind == "u":
            return painted(Image(self.luma, 8 * self.luma.itemsize), self.frame, small, ab).pixels
        kr, kb = LUMA_WEIGHTS[TAGS.matrix]
        rgb = np.empty((*self.luma.shape, 3), self.luma.dtype)
        for band, (cb, cr) in chroma_bands(self.frame, small, ab):
            luma = self.luma[band].astype(np.float64)
            red, blue = luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb
            green = (luma - kr * red - kb * blue) / (1 - kr - kb)
            rgb[band] = np.stack([red, green, blue], axis=2).clip(0, 1)
        return rgb


def _taken(greys: Iterator[Pixels], time_base: Fraction) -> Iterator[_Grey]:
    size = None
    for number, pixels in enumerate(greys):
        grey = _Grey.of(pixels, number, time_base)
        size = size or grey.luma.shape
        if grey.luma.shape != size:
            (height, width), (first_height, first_width) = grey.luma.shape, size
            why = f"it is {width}x{height}, the first one {first_width}x{first_height}"
            raise InputError(f"cannot color frame {number}", why, "Bring all to one size")
        yield grey
