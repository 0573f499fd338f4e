"""Stills: single frames of films, and photographs, in grey and in the colors of some variants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vidcolor.color.arrays import RgbImage
from vidcolor.film.display import display_size, upright
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.reader import Video
from vidcolor.film.rgb import frame_to_rgb, rgb_to_codes, without_color
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.photos.photo import photograph_grading, read_photograph
from vidcolor.pipeline.preview.samples import Sample
from vidcolor.pipeline.preview.variants import Variant
from vidcolor.pipeline.segments.cutting import Start, Step
from vidcolor.pipeline.shotlist.shot import ShotList
from vidcolor.pipeline.stages import Planes
from vidcolor.pipeline.work import Work
from vidcolor.settings import RunSettings

Prepared = Callable[[RunSettings], Predictor]
"""Gives the predictor for the model, device and precision of some settings."""

_BITS = 8  # of what is shown, whatever the depth of the film
_NAME = Path("preview.mp4")  # of the film that is worked, as far as it is seen


class FilmStills:
    """Colors single frames of a film by each of some variants, without the smoothing that frames beside them give.

    Args:
        variants: At least one.
        shots: The film's, where no variant has a list.

    Raises:
        VidcolorError: something that a variant names cannot be used with this film.
    """

    def __init__(
        self, video: Video, variants: Sequence[Variant], prepared: Prepared, shots: ShotList | None = None
    ) -> None:
        self._info = video.info
        self._works = []
        for each in variants:
            grading = each.graded(Grading.of(each.settings, each.shot, video.info))
            grading = replace(grading, shots=grading.shots or shots)
            self._works.append(Work.of(video, _NAME, _BITS, each.settings, grading, prepared(each.settings)))

    @property
    def grading(self) -> Grading:
        """What is wanted of the film: by a variant that keeps its colors, if there is one, or else by the first."""
        found = [work.stages.grading for work in self._works]
        return next((grading for grading in found if grading.keeps_colors), found[0])

    def pictures(self, sample: Sample, side: int) -> list[RgbImage]:
        """Return a frame in grey and in color, upright, with square pixels and a long side of at most ``side``."""
        frame = sample.frame
        found = [_shown(frame, without_color(frame), self._info, side)]
        for work in self._works:
            alone = iter([Step(frame, sample.number, True, Start(0, 0, (), sample.number))])
            with work.colored(alone) as colored:
                found += [_shown(step.frame, planes, self._info, side) for step, planes in colored]
        return found


def _shown(frame: Frame, chroma: Planes, info: VideoInfo, side: int) -> RgbImage:
    return upright(rgb_to_codes(frame_to_rgb(frame, chroma, *display_size(info, side))), info)


def photograph_stills(source: Path, output: Path, variants: Sequence[Variant], prepared: Prepared) -> list[RgbImage]:
    """Return a photograph in grey, and in the colors of each variant, ``(H, W, 3)`` at its own size.

    Args:
        output: Where the pictures go.

    Raises:
        VidcolorError: it is no picture, or a variant asks for what only a film has.
    """
    found: list[RgbImage] = []
    for each in variants:
        predictor = prepared(each.settings)
        grading = photograph_grading(each.settings, each.shot)
        photograph = read_photograph(source, output, each.settings, grading, predictor)
        if not found:
            found.append(np.repeat(photograph.grey.as_shown(8).pixels[..., None], 3, axis=2))
        (ab,) = predictor.predict([photograph.small])
        found.append(photograph.painted(ab).as_shown(8).pixels)
    return found
