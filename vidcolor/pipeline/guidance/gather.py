"""The references and hints of a run: read, found in the film, and checked before any work is done."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from vidcolor.color.arrays import Plane
from vidcolor.errors import InputError
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.images.image import TAGS, Image
from vidcolor.film.reader import Video, frames, open_film
from vidcolor.network.hints import no_hints
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.guidance.carrying import Anchor
from vidcolor.pipeline.guidance.confining import with_things
from vidcolor.pipeline.guidance.guide import Guidance, Guide
from vidcolor.pipeline.guidance.matching import Cells, Reference
from vidcolor.pipeline.guidance.sources import (
    Painting,
    Point,
    Source,
    draw_points,
    grouped,
    painting,
    parse_source,
    read_picture,
    read_points,
)
from vidcolor.pipeline.shotlist.reading import clock_of
from vidcolor.pipeline.view import View
from vidcolor.settings import RunSettings

NEAR = 2.0  # seconds before a time, in which its frame is looked for first
SLACK = 1e-3  # seconds: times are written with three decimals
RADIUS = 0.02  # of a hint, as a share of the picture's short side
OTHER_SHAPE = 0.03  # by which the shape of a painted frame may differ from the film's
OTHER_PICTURE = 0.5  # correlation of lumas below which a painted frame is not the film's
MEMORY = 0.4  # trust in colors that the network has guessed for another shot
DARK = 0.08  # Y': rows and columns that are nowhere lighter are a border


def guidance_of(
    settings: RunSettings, grading: Grading, info: VideoInfo, view: View, predictor: Predictor
) -> Guidance | None:
    """Return what is known of a film's colors; None when nothing is.

    Raises:
        CheckpointError: the network takes no hints.
        InputError: a file cannot be read or used; a time or a place lies outside the film.
    """
    shots = grading.shots
    listed = [shots.with_model(shot) for shot in shots.shots] if shots else []
    said = settings.reference or settings.hints or any(shot.references or shot.hints for shot in listed)
    alike = predictor.takes_hints and any(shot.like is not None for shot in listed)
    if not said and not alike:
        return None
    if not predictor.takes_hints:
        raise no_hints(predictor.model.name)
    gathering = _Gathering(settings, grading, info, view, predictor)
    here, beside = Path(), Path(settings.shots).parent
    usual = [gathering.reference(text, here) for text in settings.reference]
    usual += [guide for text in settings.hints for guide in gathering.hints(text, here)]
    by_place: dict[int, tuple[Guide, ...]] = {}
    for place, (shot, whole) in enumerate(zip(shots.shots if shots else (), listed, strict=True)):
        guides = [gathering.reference(text, beside) for text in whole.references]
        if shot.hints:
            guides += gathering.hints(shot.hints, beside, place)
        if guides:
            by_place[place] = tuple(guides)
    found = Guidance(predictor, view, gathering.film, tuple(usual), by_place, gathering.identity)
    models = {place: shots.models(shot) for place, shot in enumerate(shots.shots)} if shots and alike else {}
    remembered = {
        place: gathering.memory(found, others)
        for place, others in models.items()
        if others and not listed[place].references
    }
    for place, guide in remembered.items():
        by_place[place] = (*by_place.get(place, ()), guide)
    return found


@dataclass
class _Gathering:
    """Reads each file once, whatever number of shots names it."""

    settings: RunSettings
    grading: Grading
    info: VideoInfo
    view: View
    predictor: Predictor
    identity: dict[str, object] = field(default_factory=dict)
    _references: dict[Source, Guide] = field(default_factory=dict)
    _remembered: dict[int, Guide] = field(default_factory=dict)

    def film(self) -> AbstractContextManager[Video]:
        """Open the film for another reading."""
        return open_film(self.info.path, self.settings)

    def reference(self, text: str, folder: Path) -> Guide:
        """Return the guide of a reference, FILE or TIME=FILE."""
        source = parse_source(text, clock_of(self.info), folder)
        if source not in self._references:
            self._note("references", source)
            image = read_picture(source.path)
            if source.time is None:
                shape = image.pixels.shape[:2]
                view = View(VideoInfo.of_still(shape[1], shape[0], TAGS), self._short_side, self.predictor.stride)
                compared = self._compared(painting(source.path, image, *view.shown_size))
                self._references[source] = Guide(compared, digest=source.digest)
            else:
                painted = painting(source.path, image, *self.view.shown_size)
                anchor = self._anchor(source.time, painted.known, f"cannot use the reference {text}")
                self._check_frame(source, image, painted, anchor)
                self._references[source] = Guide(
                    self._compared(painted), anchor[0], self._place(source.time), digest=source.digest
                )
        return self._references[source]

    def hints(self, text: str, folder: Path, place: int | None = None) -> list[Guide]:
        """Return the guides of a file of hints, or of a picture TIME=FILE that is opaque where its colors count.

        Args:
            place: Of the shot of the list that the file belongs to; None: of the whole film.
        """
        source = parse_source(text, clock_of(self.info), folder)
        self._note("hints", source)
        what = f"cannot use the hints {text}"
        if source.time is not None:
            painted = painting(source.path, read_picture(source.path), *self.view.shown_size)
            anchor, _ = self._hinted(source.time, painted.known, what)
            return [Guide(None, anchor, self._place(source.time), is_hint=True, digest=source.digest)]
        found = []
        for time, points in grouped(read_points(source.path, clock_of(self.info))):
            what = f"cannot use {source.path}: line {points[0].line}"
            if place is not None and self._place(time) != place:
                raise InputError(what, "its time lies outside the shot that names the file", "Correct the time")
            known = draw_points(points, self._shown, self.view.shown_size, RADIUS)
            anchor, luma = self._hinted(time, known, what)
            self._check_points(source.path, points, luma)
            digest = hashlib.sha256(known.tobytes()).hexdigest()  # of these points: others of the file may change
            found.append(Guide(None, anchor, self._place(time), is_hint=True, digest=digest))
        return found

    def memory(self, guidance: Guidance, places: Sequence[int]) -> Guide:
        """Return the guide of a shot that is like others: how the nearest with hints comes out, or else the last.

        Args:
            guidance: That colors them.
            places: Of these shots in the list, the nearest first.
        """
        model = next((place for place in places if guidance.hints_of(place)), places[-1])
        if model not in self._remembered:
            assert self.grading.shots is not None
            shot, hints = self.grading.shots.shots[model], guidance.hints_of(model)
            middle = (shot.start + shot.end) // 2 / float(self.info.rate)
            time = hints[0].anchor.seconds if hints and hints[0].anchor else middle
            frame = self._frame_at(time, f"cannot use shot {shot.number}, which others are like")
            luma = self.view.shown(frame)
            (ab,) = guidance.predict([frame], [model], [luma])
            ab = self.view.upright(guidance.settled(frame, model, self.view.stored(ab)))
            compared = self._compared(Painting(luma, np.concatenate([ab, np.ones_like(ab[:1])])))
            text = " ".join(["like", str(frame.pts), *(hint.digest for hint in hints)])
            digest = hashlib.sha256(text.encode()).hexdigest()
            self._remembered[model] = Guide(compared, digest=digest, trust=1.0 if hints else MEMORY, is_memory=True)
        return self._remembered[model]

    @property
    def _short_side(self) -> int:
        return self.settings.size or self.predictor.model.config.short_side(self.info.is_still)

    @property
    def _shown(self) -> tuple[int, int]:
        """Return width and height of the film's picture, upright."""
        turned = round(self.info.rotation / 90) % 2
        return (self.info.height, self.info.width) if turned else (self.info.width, self.info.height)

    def _note(self, kind: str, source: Source) -> None:
        noted = self.identity.setdefault(kind, [])
        assert isinstance(noted, list)
        noted.append([source.time, source.digest])

    def _place(self, time: float) -> int | None:
        shots = self.grading.shots
        return shots.place_of(round(time * self.info.rate)) if shots else None

    def _compared(self, painted: Painting) -> Reference:
        luma = np.ascontiguousarray(painted.luma)
        (seen,) = self.predictor.cells([luma])
        return Reference.of(Cells.of(luma, seen), painted.known[:2], painted.known[2])

    def _anchor(self, time: float, known: Plane, what: str) -> tuple[Anchor, Plane]:
        """Return upright colors as an anchor in the film, and the Y' of its frame, upright.

        Raises:
            InputError: the film has no frame at that time.
        """
        frame = self._frame_at(time, what)
        seconds = frame.seconds - float(self.info.begin * self.info.time_base)
        luma = self.view.shown(frame)
        return Anchor(frame.pts, seconds, self.view.stored(known)), luma

    def _hinted(self, time: float, hints: Plane, what: str) -> tuple[Anchor, Plane]:
        """Return :meth:`_anchor` of upright hints and of the things that they lie on."""
        anchor, luma = self._anchor(time, hints, what)
        known = with_things(self.predictor, luma, hints)
        return replace(anchor, known=self.view.stored(known)), luma

    def _frame_at(self, time: float, what: str) -> Frame:
        """Return the frame that is shown at a time, in seconds from the film's beginning.

        Raises:
            InputError: the film has no frame at that time.
        """
        origin = float(self.info.begin * self.info.time_base)
        found: Frame | None = None
        for begin in dict.fromkeys((max(0.0, time - NEAR), 0.0)):
            with self.film() as video, suppress(InputError):
                for frame in frames(video, begin):
                    if frame.seconds - origin > time + SLACK:
                        return found or frame
                    found = frame
            if found is not None:  # the last of the film
                break
        if found is None or time >= found.seconds - origin + 1.5 / float(self.info.rate):
            raise InputError(what, f"{time:.3f} s lies outside the film", "Correct the time")
        return found

    def _check_frame(self, source: Source, image: Image, painted: Painting, anchor: tuple[Anchor, Plane]) -> None:
        """Refuse a painted frame that is not the film's.

        Raises:
            InputError: its shape or what it shows is another.
        """
        what = f"cannot use the reference {source.text}"
        width, height = self._shown
        aspect = width / height * float(self.info.sample_aspect) ** (-1 if round(self.info.rotation / 90) % 2 else 1)
        own = image.pixels.shape[1] / image.pixels.shape[0]
        if abs(own / aspect - 1) > OTHER_SHAPE:
            why = f"its shape is {own:.3f} to 1, the film's {aspect:.3f} to 1"
            raise InputError(what, why, "Paint on a frame of this film, at any size, without cropping")
        known = painted.known[2] > 0
        alike = float(np.corrcoef(painted.luma[known], anchor[1][known])[0, 1])
        if alike < OTHER_PICTURE:
            why = "it shows another picture than the film at this time"
            raise InputError(what, why, "Correct the time, or name it without a time")

    def _check_points(self, path: Path, points: Sequence[Point], luma: Plane) -> None:
        """Refuse points outside the picture, or in its black borders.

        Raises:
            InputError: the first of them is told, with its line.
        """
        width, height = self._shown
        rows, columns = (np.flatnonzero(luma.max(axis=axis) > DARK) for axis in (1, 0))
        for point in points:
            what = f"cannot use {path}"
            if point.x >= width or point.y >= height:
                why = f"line {point.line}: {point.x:g}, {point.y:g} lies outside the picture of {width}x{height}"
                raise InputError(what, why, "Correct x and y")
            if not len(rows):
                continue
            row, column = point.y * luma.shape[0] / height, point.x * luma.shape[1] / width
            if not (rows[0] <= row < rows[-1] + 1 and columns[0] <= column < columns[-1] + 1):
                why = f"line {point.line}: {point.x:g}, {point.y:g} lies in the black border of the picture"
                raise InputError(what, why, "Correct x and y")
