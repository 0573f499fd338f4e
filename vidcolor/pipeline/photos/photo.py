"""Still pictures: a photograph in, the same photograph out in color, at its own depth."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vidcolor.color.arrays import Plane
from vidcolor.color.tint import SIDE, Kind, tint_of
from vidcolor.color.weights import LUMA_WEIGHTS
from vidcolor.errors import InputError
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.images.image import TAGS, Image
from vidcolor.film.images.reading import read_image
from vidcolor.film.images.writing import check_format, depth_in, losses, write_image
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.chroma import chroma_bands
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.result import Result
from vidcolor.pipeline.shot_colors import NEGATIVE, NEGATIVE_TOLD, judge_of
from vidcolor.pipeline.target import check_target
from vidcolor.pipeline.view import View
from vidcolor.settings import RunSettings, ShotSettings

# Settings of films. They are told, not refused: a folder may hold films beside its photographs.
_OF_FILMS = (
    "start",
    "duration",
    "fps",
    "audio",
    "transfer",
    "stream",
    "deinterlace",
    "codec",
    "crf",
    "preset",
    "pix_fmt",
    "hwaccel",
)


class Photograph:
    """A photograph that has been read, and is to be colored.

    Args:
        grey: Its luma ``(H, W)``, in the depth of its output.
        frame: What the network is shown of it, in 16 bits at full size.
        grading: What is wanted of its colors.
        kept: The picture in its own colors, to be left as it is.

    Attributes:
        small: The same at network size, ``(h, w)`` in 0..1.
        pixels: How many there are.
        batch: Photographs that go through the network together; 0: as many as suit the device.
        seconds: What reading took.
    """

    def __init__(
        self, output: Path, grey: Image, frame: Frame, small: Plane, grading: Grading, kept: Image | None = None
    ) -> None:
        self.output, self.small, self.pixels = output, small, grey.pixels.size
        self._grading = grading
        self.warnings: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.batch, self.seconds = 0, 0.0
        self._large: tuple[Image, Frame] | None = (grey, frame)
        self._kept = kept

    @property
    def grey(self) -> Image:
        """Return the picture in grey, ``(H, W)``, until it is painted."""
        assert self._large is not None, "it has been painted already"
        return self._large[0]

    def painted(self, ab: Plane) -> Image:
        """Return the picture in color, once: of a large scan the grey takes a quarter of a gigabyte, and is let go."""
        assert self._large is not None, "it has been painted already"
        grey, frame = self._large
        self._large = None
        if self._kept is not None:
            return self._kept
        return painted(grey, frame, self.small, self._grading.graded(0, self.small, ab, TAGS.matrix))


def colorize_photograph(
    source: Path,
    output: Path,
    *,
    overwrite: bool = False,
    settings: RunSettings | None = None,
    shot: ShotSettings | None = None,
    predictor: Predictor | None = None,
) -> Result:
    """Colorize a photograph: its luma stays, to the rounding of the depth that the output holds.

    It is read once, turned upright and made sRGB; Exif, XMP and resolution go along. What the output cannot hold is a
    warning.

    Args:
        predictor: One that is prepared already, for the model and device of the settings.

    Raises:
        VidcolorError: not a picture, or it cannot be written.
    """
    settings, shot = settings or RunSettings(), shot or ShotSettings()
    began = time.monotonic()
    check_target(source, output, overwrite)
    check_format(output)
    grading = photograph_grading(settings, shot)
    predictor = predictor or Predictor.load(settings)
    photograph = read_photograph(source, output, settings, grading, predictor)
    note_negatives([photograph], predictor)
    (ab,) = predictor.predict([photograph.small], batch=settings.batch_size)
    return write_photograph(photograph, ab, predictor, time.monotonic() - began)


def read_photograph(
    source: Path, output: Path, settings: RunSettings, grading: Grading, predictor: Predictor
) -> Photograph:
    """Return a photograph as it is to be colored.

    Args:
        grading: What is wanted of its colors.

    Raises:
        InputError: it is no picture or a damaged one; or something of it would be lost, and the settings are strict.
        OutputError: there is no format of the output's name, or it does not take the picture.
    """
    began = time.monotonic()
    image = read_image(source)
    warnings = [*image.losses, *losses(output, image)]
    if settings.strict and warnings:
        raise InputError(f"cannot colorize {source}", "; ".join(warnings), "Leave out --strict to accept it")
    bits = depth_in(output, image)
    grey, frame = _greyed(image, bits)
    kind = _kind_of(image)
    keeps = settings.keep_color and kind == "colored"
    height, width = frame.luma.shape
    short_side = settings.size or predictor.model.config.short_side(still=True)
    view = View(VideoInfo.of_still(width, height, TAGS, 16, source), short_side, predictor.stride)
    found = Photograph(output, grey, frame, view.small(frame), grading, _at_depth(image, bits) if keeps else None)
    found.warnings, found.batch = tuple(warnings), settings.batch_size
    found.notes = (*_unused(settings), *_told(kind, keeps))
    found.seconds = time.monotonic() - began
    return found


def _kind_of(image: Image) -> Kind:
    """Return whether a picture is colored, tinted or grey, judged on some of its pixels."""
    if image.pixels.ndim == 2:
        return "grey"
    step = max(1, min(image.pixels.shape[:2]) // (4 * SIDE))
    return tint_of(replace(image, pixels=image.pixels[::step, ::step], alpha=None).as_shown(8).pixels).kind


def _told(kind: Kind, keeps: bool) -> tuple[str, ...]:
    if kind == "colored":
        return (
            f"it is in color already: {'left as it is' if keeps else 'recolored; --keep-color leaves it as it is'}",
        )
    return ("it is tinted: the tint is taken off",) if kind == "tinted" else ()


def _unused(settings: RunSettings) -> tuple[str, ...]:
    usual = RunSettings()
    given = [name for name in _OF_FILMS if getattr(settings, name) != getattr(usual, name)]
    if not given:
        return ()
    return (f"{', '.join(given)} {'are' if given[1:] else 'is'} for films: a photograph is colored without",)


def note_negatives(photographs: Sequence[Photograph], predictor: Predictor) -> None:
    """Note on each photograph that looks like a negative that it does."""
    if judge := judge_of(predictor):
        for each, odds in zip(photographs, judge([each.small for each in photographs]), strict=True):
            each.notes += (NEGATIVE_TOLD.format("it"),) if odds < NEGATIVE else ()


def write_photograph(photograph: Photograph, ab: Plane, predictor: Predictor, seconds: float) -> Result:
    """Write a photograph with the network's ab ``(2, h, w)``, graded as is wanted.

    Args:
        seconds: What it has taken up to now.

    Raises:
        OutputError: it cannot be written.
    """
    began = time.monotonic()
    write_image(photograph.output, photograph.painted(ab))
    seconds += time.monotonic() - began
    warnings = (*photograph.warnings, *predictor.warnings(photograph.batch, *photograph.small.shape))
    return Result(
        output=photograph.output, frames=1, seconds=round(seconds, 3), fps=round(1 / seconds, 2),
        model=predictor.model.name, device=str(predictor.device), warnings=warnings, notes=photograph.notes,
    )  # fmt: skip


def photograph_grading(settings: RunSettings, shot: ShotSettings) -> Grading:
    """Return what is wanted of photographs.

    Raises:
        InputError: it is something that only a film has.
    """
    what = "cannot color a photograph"
    if settings.shots or settings.only:
        raise InputError(what, "a photograph has no shots", "Leave out --shots and --only")
    if settings.reference or settings.hints:
        raise InputError(what, "--reference and --hints are for films", "Leave them out")
    if settings.lut_luma or shot.mode == "keep":
        asked = "--lut-luma" if settings.lut_luma else "--mode keep"
        raise InputError(what, f"{asked} is for films", "Leave it out")
    return Grading.of(settings, shot)


def _greyed(image: Image, bits: int) -> tuple[Image, Frame]:
    """Return a picture's luma in the depth of its output, and what the network is shown of it, in 16 bits."""
    luma = image.luma()
    frame = image.frame(luma)
    if frame.bits < 16:
        whole = frame.luma * np.float32(65535 / frame.span)
        frame = replace(frame, luma=np.rint(whole).astype(np.uint16), bits=16)
    return _at_depth(replace(image, pixels=luma), bits), frame


def _at_depth(image: Image, bits: int) -> Image:
    """Return a picture with 8 bits where its output holds no more, and else as it is."""
    if bits != 8 or image.pixels.dtype != np.uint16:
        return image
    share = np.float32(255 / ((1 << image.bits) - 1))
    alpha = None if image.alpha is None else np.rint(image.alpha * share).astype(np.uint8)
    return replace(image, pixels=np.rint(image.pixels * share).astype(np.uint8), bits=8, alpha=alpha)


def painted(grey: Image, frame: Frame, luma_small: Plane, ab: Plane) -> Image:
    """Return a grey picture in colors, with exactly its luma.

    Args:
        grey: With pixels ``(H, W)``.
        frame: What the network was shown of it, at full size.
        luma_small, ab: Y' ``(h, w)`` in 0..1 and the network's answer ``(2, h, w)``.
    """
    kr, kb = LUMA_WEIGHTS[TAGS.matrix]
    rgb = np.empty((*grey.pixels.shape, 3), grey.pixels.dtype)
    for band, (cb, cr) in chroma_bands(frame, luma_small, ab):
        red, blue = cr * np.float32(2 * (1 - kr)), cb * np.float32(2 * (1 - kb))
        grey.transfer.painted(grey.pixels[band], grey.bits, red, blue, out=rgb[band])
    return replace(grey, pixels=rgb)
