"""One picture, grey beside colored."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from vidcolor.color.arrays import RgbImage
from vidcolor.color.gamut import chroma_table
from vidcolor.errors import InputError
from vidcolor.film.images.image import Image
from vidcolor.film.images.reading import is_picture
from vidcolor.film.images.writing import check_format, write_image
from vidcolor.film.reader import frames, open_film
from vidcolor.film.rgb import display_size, frame_to_rgb, rgb_to_codes, upright, without_color
from vidcolor.film.sequences import is_sequence
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.chroma import chroma_planes
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.photo import photograph_grading, read_photograph
from vidcolor.pipeline.target import check_target
from vidcolor.pipeline.view import View
from vidcolor.settings import RunSettings, ShotSettings


def preview(
    source: Path,
    output: Path,
    *,
    at: float = 0.0,
    overwrite: bool = False,
    settings: RunSettings | None = None,
    shot: ShotSettings | None = None,
) -> None:
    """Write a picture that shows one frame of a film (or a still picture), grey on the left, colored on the right.

    It is upright, mirrored and with square pixels as a player shows the film, and of the kind that its suffix says.

    Args:
        at: Which frame: seconds from the film's beginning.
        settings: Of the run, as for the whole film; shot: how it looks.

    Raises:
        VidcolorError: the film cannot be read, or the picture cannot be written.
    """
    settings, shot = settings or RunSettings(), shot or ShotSettings()
    check_target(source, output, overwrite)
    check_format(output)
    if is_picture(source) and not is_sequence(source):
        pair = _of_photograph(source, output, at, settings, shot)
    else:
        pair = _of_film(source, at, settings, shot)
    write_image(output, Image(np.concatenate(pair, axis=1), 8))


def _of_film(source: Path, at: float, settings: RunSettings, shot: ShotSettings) -> list[RgbImage]:
    with open_film(source, settings) as video, ThreadPoolExecutor(1) as beside:
        info = video.info
        beside.submit(chroma_table, info.tags.matrix)  # takes as long as the network, and another core
        predictor = Predictor.load(settings)
        short_side = settings.size or predictor.model.config.short_side(info.is_still)
        view = View(info, short_side, predictor.stride)
        grading = Grading.of(settings, shot)
        frame = next(frames(video, at, chroma=grading.keeps_colors))
    small = view.small(frame)
    (ab,) = predictor.predict([view.upright(small)])
    ab = grading.graded(0, small, view.stored(ab), frame.tags.matrix)
    height, width = frame.luma.shape
    colored = grading.finished(0, frame, chroma_planes(frame, small, ab, width, height))
    size = display_size(info, max(width, height))
    both = (frame, without_color(frame)), colored
    return [upright(rgb_to_codes(frame_to_rgb(each, chroma, *size)), info) for each, chroma in both]


def _of_photograph(source: Path, output: Path, at: float, settings: RunSettings, shot: ShotSettings) -> list[RgbImage]:
    if at:
        raise InputError(f"cannot preview {source} at {at:g} s", "it is a photograph", "Leave out --at")
    grading = photograph_grading(settings, shot)
    predictor = Predictor.load(settings)
    photograph = read_photograph(source, output, settings, grading, predictor)
    grey = photograph.grey.as_shown(8).pixels
    (ab,) = predictor.predict([photograph.small])
    return [np.repeat(grey[..., None], 3, axis=2), photograph.painted(ab).as_shown(8).pixels]
