"""Color films turned grey, colorized as they stream by, and compared frame by frame.

Every film is colored several ways at once from one run of the network: as `colorize` would, without smoothing, and
with a plain exponential average in its place. Nothing is kept but sums and thinned-out curves.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from vidcolor.color.arrays import Plane
from vidcolor.color.metrics import CDC, SMALLEST_FLOW, colorfulness, flow, occlusion, warp_error
from vidcolor.color.truth import Truth
from vidcolor.data.degrade import old_film_frame
from vidcolor.evaluation.film_scores import VERSIONS, FilmMeasures, FilmScores, Steadiness, excess_removed_of
from vidcolor.evaluation.filters import Average, Carried, Filter, Place, Smoothed, Unsmoothed
from vidcolor.evaluation.known import known_colors
from vidcolor.evaluation.pictures import (
    FILM_SIDE,
    Pictures,
    Setup,
    full_size,
    grey_frame,
    seed_of,
    smaller_size,
)
from vidcolor.evaluation.scores import Color, Comparison, Mean, Scores, color_of, score, sepia
from vidcolor.film.display import upright
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.prefetch import prefetch
from vidcolor.film.reader import frames, open_film
from vidcolor.film.rgb import frame_to_rgb, rgb_to_codes, without_color
from vidcolor.film.shots import WithBoundaries, thumbnail_of
from vidcolor.pipeline.chroma import chroma_planes
from vidcolor.pipeline.guidance.guide import Guidance
from vidcolor.pipeline.view import View
from vidcolor.report.series import Curve, Selection
from vidcolor.settings import RunSettings

BATCH = 8
QUEUE = 2 * BATCH
# Films are compared at a short side of at most FILM_SIDE pixels: flicker of color is coarse, and full-size flow and
# color differences would take ten times as long as coloring.
SCORED = 5  # every how manieth frame is scored against the truth; steadiness is measured on all
STRIP = 8  # pictures of a film that are kept, at most


@dataclass(frozen=True, eq=False)
class _Moment:
    """A frame of the film on its way.

    Attributes:
        truth: At the size of comparison.
        grey: What the colorizer is given.
    """

    truth: Truth
    grey: Frame
    place: Place = field(default_factory=Place)


def evaluate_film(
    path: Path,
    setup: Setup,
    limit: int = 0,
    seen: Callable[[], None] = lambda: None,
    *,
    run: RunSettings | None = None,
) -> tuple[FilmScores, list[Pictures]]:
    """Score a film.

    Args:
        limit: At most so many frames; 0: all.
        seen: Called once a frame.
        run: How it is opened.

    Returns:
        The scores, and some pictures evenly spread over the film, upright.

    Raises:
        InputError: it cannot be read.
    """
    with open_film(path, run or RunSettings()) as video:
        view = setup.view(video.info)
        width, height = smaller_size(video.info.width, video.info.height, FILM_SIDE)
        filters: dict[str, Filter] = {
            "colorized": Smoothed(setup.smooth, video.info.rate if setup.looks == "auto" else None),
            "unsmoothed": Unsmoothed(),
            "averaged": Average(),
        }
        known = known_colors(path, run or RunSettings(), setup, view, limit)
        if known and known.first is not None:
            filters["carried"] = Carried(known.first)
        meter = _Meter(setup, video.info, width, height)
        waiting: deque[tuple[_Moment, Plane]] = deque()
        ready: dict[str, deque[Plane]] = {name: deque() for name in filters}

        def measure() -> None:
            while waiting and all(ready.values()):
                moment, luma = waiting.popleft()
                planes = {name: done.popleft() for name, done in ready.items()}
                if known:
                    planes["colorized"] = known.guidance.settled(moment.grey, None, planes["colorized"])
                meter.push(moment, luma, planes)
                seen()

        with closing(prefetch(frames(video, chroma=True), QUEUE)) as stream:
            moments = _moments(islice(stream, limit or None), setup, video.info, width, height)
            guidance = known.guidance if known else None
            for moment, luma, ab in _colored(_with_shots(moments), setup, view, guidance):
                waiting.append((moment, luma))
                for name, filter_ in filters.items():
                    ready[name].extend(filter_.push(luma, ab, moment.place))
                measure()
            for name, filter_ in filters.items():
                ready[name].extend(filter_.flush())
            measure()
        return meter.result(path.name, float(1 / video.info.rate)), meter.strip.items


def _moments(stream: Iterator[Frame], setup: Setup, info: VideoInfo, width: int, height: int) -> Iterator[_Moment]:
    reel = seed_of(info.path.name)
    for index, frame in enumerate(stream):
        assert frame.chroma is not None
        truth = Truth.of(frame_to_rgb(frame, frame.chroma, width, height)[None])
        grey = replace(frame, chroma=None)
        if setup.degrade == "film":
            grey = grey_frame(old_film_frame(truth.rgb, reel, index))
        yield _Moment(truth, grey, Place(frame.seconds))


def _with_shots(moments: Iterator[_Moment]) -> Iterator[_Moment]:
    """Yield the moments with their place in their shot, by the detector that colorizing uses."""
    before: _Moment | None = None
    for moment, boundary in WithBoundaries(moments, key=lambda moment: thumbnail_of(moment.grey)):
        if before is not None:
            yield replace(before, place=replace(before.place, ends_shot=boundary is not None))
        before = replace(moment, place=replace(moment.place, starts_shot=boundary is not None))
    if before is not None:
        yield replace(before, place=replace(before.place, ends_shot=True))


def _colored(
    moments: Iterator[_Moment], setup: Setup, view: View, guidance: Guidance | None
) -> Iterator[tuple[_Moment, Plane, Plane]]:
    """Yield the moments with their Y' and the network's ab, both at network size."""
    while batch := list(islice(moments, setup.batch or BATCH)):
        lumas = [view.small(moment.grey) for moment in batch]
        upright, how = [view.upright(luma) for luma in lumas], (setup.saturation, setup.batch or BATCH)
        if guidance:
            greys = [moment.grey for moment in batch]
            planes = guidance.predict(greys, [None] * len(batch), upright, saturation=how[0], batch=how[1])
        else:
            planes = setup.predictor.predict(upright, saturation=how[0], batch=how[1])
        yield from zip(batch, lumas, map(view.stored, planes), strict=True)


class _Meter:
    """Measures a film frame by frame."""

    def __init__(self, setup: Setup, info: VideoInfo, width: int, height: int) -> None:
        self.setup, self.info, self.width, self.height = setup, info, width, height
        self.frames, self.shots = 0, 1
        self.strip: Selection[Pictures] = Selection(STRIP)
        self.flicker = {version: Curve() for version in VERSIONS}
        self.colorfulness = {version: Curve() for version in VERSIONS}
        self._scores = {version: Mean[Scores]() for version in (*VERSIONS[:-1], "sepia")}
        self._carried: Mean[Scores] | None = None  # where the first frame's colors are told
        self._truth = Mean[Color]()
        self._cdc = {version: CDC() for version in VERSIONS}
        self._warp = dict.fromkeys(VERSIONS, 0.0)
        self._pairs = 0
        self._before: tuple[Tensor, Tensor] | None = None  # the truth, and all versions

    def push(self, moment: _Moment, luma: Plane, planes: dict[str, Plane]) -> None:
        """Take the next frame, with its Y' at network size and the ab of each filter."""
        truth = moment.truth
        pictures = {name: self._join(moment, luma, ab) for name, ab in planes.items()}
        pictures |= {"grey": self._grey(moment), "truth": truth.rgb}
        versions = torch.cat([pictures[version] for version in VERSIONS])
        if moment.place.starts_shot:
            self.shots += 1
            self._before = None
            for cdc in self._cdc.values():
                cdc.cut()
        for version, rgb, color in zip(VERSIONS, versions, colorfulness(versions).tolist(), strict=True):
            self._cdc[version].push(rgb)
            self.colorfulness[version].push(color)
        if self._before is not None and min(self.width, self.height) >= SMALLEST_FLOW:
            self._measure_flicker(*self._before, truth.rgb, versions)
        self._before = truth.rgb, versions
        if self.frames % SCORED == 0:
            pictures["sepia"] = sepia(truth)
            for version, mean in self._scores.items():
                mean.push(score(truth, pictures[version]))
            if "carried" in pictures:
                self._carried = self._carried or Mean()
                self._carried.push(score(truth, pictures["carried"]))
            self._truth.push(color_of(truth.rgb))
        self.strip.push(self._upright(moment, pictures["colorized"]) if self.strip.wants() else None)
        self.frames += 1

    def _join(self, moment: _Moment, luma: Plane, ab: Plane) -> Tensor:
        """Return the picture of ab at network size on the true luma, or on the true L* where another was seen."""
        if self.setup.degrade == "film":
            return moment.truth.with_ab(full_size(moment.grey, luma, ab))
        chroma = chroma_planes(moment.grey, luma, ab, self.width, self.height)
        return frame_to_rgb(moment.grey, chroma, self.width, self.height)[None]

    def _grey(self, moment: _Moment) -> Tensor:
        if self.setup.degrade == "film":
            return moment.truth.grey()
        return self._shown(moment.grey)

    def _measure_flicker(self, truth_before: Tensor, before: Tensor, truth: Tensor, versions: Tensor) -> None:
        motion = flow(truth_before, truth)
        occluded = occlusion(motion, flow(truth, truth_before))
        errors = warp_error(before, versions, motion.expand(len(VERSIONS), -1, -1, -1), occluded).tolist()
        if not all(map(math.isfinite, errors)):
            return  # nothing of one frame is seen in the next
        self._pairs += 1
        for version, error in zip(VERSIONS, errors, strict=True):
            self._warp[version] += error
            self.flicker[version].push(error)

    def _upright(self, moment: _Moment, colorized: Tensor) -> Pictures:
        kinds = self._shown(moment.grey), colorized, moment.truth.rgb
        return Pictures(*(upright(rgb_to_codes(rgb[0]), self.info) for rgb in kinds))

    def _shown(self, grey: Frame) -> Tensor:
        return frame_to_rgb(grey, without_color(grey), self.width, self.height)[None]

    def result(self, name: str, seconds: float) -> FilmScores:
        means = {version: self._scores[version].result() for version in (*VERSIONS[:-1], "sepia")}
        pairs = self._pairs or math.nan
        steadiness = {
            version: Steadiness(self._warp[version] / pairs, self._cdc[version].result()) for version in VERSIONS
        }
        truth = steadiness["truth"]
        return FilmScores(
            name=name,
            width=self.width,
            height=self.height,
            frames=self.frames,
            shots=self.shots,
            scores=FilmMeasures(
                comparison=Comparison(means["colorized"], means["grey"], means["sepia"], self._truth.result()),
                unsmoothed=means["unsmoothed"],
                averaged=means["averaged"],
                steadiness=steadiness,
                ratios={
                    version: Steadiness(_share(s.warp_error, truth.warp_error), _share(s.cdc, truth.cdc))
                    for version, s in steadiness.items()
                },
                excess_removed=excess_removed_of({version: s.warp_error for version, s in steadiness.items()}),
                carried=self._carried.result() if self._carried else None,
            ),
            flicker=self.flicker,
            colorfulness=self.colorfulness,
            seconds=seconds,
        )


def _share(value: float, whole: float) -> float:
    return value / whole if whole else math.nan
