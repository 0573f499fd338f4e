"""What a film is told of its colors before it is evaluated: true colors of one frame, true points, or a picture."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from vidcolor.color.arrays import Plane
from vidcolor.color.spaces import rgb_to_lab
from vidcolor.errors import InputError
from vidcolor.evaluation.pictures import Setup, seed_of
from vidcolor.evaluation.points import true_points
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.images.image import TAGS
from vidcolor.film.reader import frames, open_film
from vidcolor.film.rgb import frame_to_rgb
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.guidance.carrying import Anchor
from vidcolor.pipeline.guidance.confining import with_things
from vidcolor.pipeline.guidance.guide import Guidance, Guide
from vidcolor.pipeline.guidance.matching import Cells, Reference
from vidcolor.pipeline.guidance.sources import painting, read_picture
from vidcolor.pipeline.view import View
from vidcolor.settings import RunSettings


@dataclass(frozen=True, eq=False)
class Known:
    """What a film is told.

    Attributes:
        guidance: That tells it.
        first: The true ab ``(2, h, w)`` of the first frame at network size, as stored; None when they are not told.
    """

    guidance: Guidance
    first: Plane | None


def known_colors(path: Path, run: RunSettings, setup: Setup, view: View, limit: int) -> Known | None:
    """Return what a film is told; None when it is nothing.

    Args:
        run: How the film is opened.
        limit: Frames that are evaluated; 0: all.

    Raises:
        InputError: the film or the picture cannot be read.
    """
    guides: list[Guide] = []
    first: Plane | None = None
    if setup.reference in ("first", "middle"):
        with open_film(path, run) as video:
            count = min(filter(None, (limit, video.info.frames)), default=0)
        number = count // 2 if setup.reference == "middle" else 0
        frame, begin = _frame(path, run, number)
        ab = _true_ab(frame, view)
        first = ab if setup.reference == "first" else None
        known = np.concatenate([ab, np.ones_like(ab[:1])])
        reference = _compared(view.shown(frame), view.upright(known), setup.predictor)
        guides.append(Guide(reference, Anchor(frame.pts, frame.seconds - begin, known)))
    elif setup.reference:
        image = read_picture(Path(setup.reference))
        height, width = image.pixels.shape[:2]
        own = setup.view(VideoInfo.of_still(width, height, TAGS))
        picture = painting(Path(setup.reference), image, *own.shown_size)
        guides.append(Guide(_compared(picture.luma, picture.known, setup.predictor)))
    if setup.hints:
        frame, begin = _frame(path, run, 0)
        points = true_points(view.upright(_true_ab(frame, view)), setup.hints, seed_of(path.name))
        known = with_things(setup.predictor, view.shown(frame), points)
        guides.append(Guide(None, Anchor(frame.pts, frame.seconds - begin, view.stored(known)), is_hint=True))
    if not guides:
        return None
    return Known(Guidance(setup.predictor, view, lambda: open_film(path, run), tuple(guides)), first)


def _frame(path: Path, run: RunSettings, number: int) -> tuple[Frame, float]:
    """Return a frame with its colors, and when the film begins, in seconds."""
    with open_film(path, run) as video:
        frame = next(islice(frames(video, chroma=True), number, None), None)
        if frame is None:
            raise InputError(f"cannot read {path}", f"it has no frame {number}", "Evaluate fewer frames: --limit")
        return frame, float(video.info.begin * video.info.time_base)


def _true_ab(frame: Frame, view: View) -> Plane:
    """Return the true ab ``(2, h, w)`` of a frame at network size, as stored."""
    assert frame.chroma is not None
    found: Plane = rgb_to_lab(frame_to_rgb(frame, frame.chroma, view.width, view.height)[None])[0, 1:].numpy()
    return found


def _compared(luma: Plane, known: Plane, predictor: Predictor) -> Reference:
    luma = np.ascontiguousarray(luma)
    (seen,) = predictor.cells([luma])
    return Reference.of(Cells.of(luma, seen), known[:2], known[2])
