"""What is wanted of each frame of a film: the settings of its shot, eased over dissolves, and the look-up table."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vidcolor.color.arrays import Chroma, Luma, Plane
from vidcolor.color.grade import Grade, apply_grade, incoming_share
from vidcolor.color.lut import Lut, read_lut
from vidcolor.color.spaces import luma_to_lightness, rgb_to_ycbcr, ycbcr_to_rgb
from vidcolor.color.weights import Matrix
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.shots import LOOKAHEAD, ShotDetector
from vidcolor.pipeline.shotlist.detector import ListedShots
from vidcolor.pipeline.shotlist.reading import read_shots
from vidcolor.pipeline.shotlist.shot import Shot, ShotList
from vidcolor.pipeline.shotlist.table import write_table
from vidcolor.settings import RunSettings, ShotSettings, described

BAND = 1 << 18  # pixels of a band of rows, which a look-up table takes at once


@dataclass(frozen=True)
class Grading:
    """What is wanted of the frames of a film, or of a photograph.

    Attributes:
        usual: How shots look of which nothing else is said.
        shots: The film's shots; None: they are found while it is worked, and look as usual.
        lut: A look-up table for all shots that are colored; with ``changes_luma``, for their luma too.
    """

    usual: ShotSettings = field(default_factory=ShotSettings)
    shots: ShotList | None = None
    lut: Lut | None = None
    changes_luma: bool = False

    @classmethod
    def of(cls, settings: RunSettings, usual: ShotSettings, info: VideoInfo | None = None) -> Grading:
        """Return the grading that the settings of a run ask for.

        Args:
            info: The film that the list of shots is of; None for a photograph, which has no shots.

        Raises:
            InputError: the list or the look-up table cannot be used.
        """
        shots = read_shots(Path(settings.shots), info) if settings.shots and info else None
        return cls(usual, shots, read_lut(settings.lut) if settings.lut else None, settings.lut_luma)

    @cached_property
    def _settings(self) -> tuple[ShotSettings, ...]:
        """Return the settings of each shot of the list."""
        return tuple(self.shots.settings(shot, self.usual) for shot in self.shots.shots) if self.shots else ()

    @property
    def all_settings(self) -> tuple[ShotSettings, ...]:
        """Return the settings that some frame of the film may have."""
        return (self.usual, *self._settings)

    def place_of(self, number: int) -> int | None:
        """Return the place in the list of the shot that a frame is in, both from 0 on; None when it is in none."""
        return self.shots.place_of(number) if self.shots else None

    def settings_at(self, number: int) -> ShotSettings:
        """Return the settings of the shot that a frame is in.

        Args:
            number: Of the frame, counted from 0, the film's first.
        """
        place = self.place_of(number)
        return self.usual if place is None else self._settings[place]

    def grade_at(self, number: int) -> Grade:
        """Return how a frame is graded; in a dissolve, between the grades of its two shots."""
        grade = _grade_of(self.settings_at(number))
        for other, share in self._others(number):
            grade = grade.mixed(_grade_of(other), share)
        return grade

    def share_at(self, number: int, mode: str) -> float:
        """Return how much of a frame, 0..1, belongs to shots of a mode."""
        share = float(self.settings_at(number).mode == mode)
        for other, theirs in self._others(number):
            share += (float(other.mode == mode) - share) * theirs
        return share

    def needs_colors(self, number: int) -> bool:
        """Return whether colors that the network gives to a frame would be seen."""
        return self.share_at(number, "color") > 0 and self.grade_at(number).strength > 0

    @property
    def keeps_colors(self) -> bool:
        """Return whether the film's own colors are asked for anywhere."""
        return any(settings.mode == "keep" for settings in self.all_settings)

    def graded(self, number: int, luma: Plane, ab: Plane, matrix: Matrix) -> Plane:
        """Return the ab ``(2, h, w)`` of a frame as it is wanted, for its Y' ``(h, w)`` and the predicted ab."""
        grade = self.grade_at(number)
        grade = replace(grade, strength=grade.strength * (1 - self.share_at(number, "grey")))
        share = self.share_at(number, "color") if self.lut and not self.changes_luma else 0.0
        if grade == Grade() and not share:
            return ab
        light, colors = torch.from_numpy(luma)[None], torch.from_numpy(ab)
        colors = apply_grade(luma_to_lightness(light), colors, grade)
        if self.lut and share:
            colors = torch.lerp(colors, self.lut.on_ab(light[None], colors[None], matrix)[0], share)
        found: Plane = colors.numpy()
        return found

    def finished(self, number: int, frame: Frame, planes: Chroma) -> tuple[Frame, Chroma]:
        """Return a frame and its new chroma planes as they are encoded: with its own colors where they are kept.

        Only a look-up table that may change the luma changes the frame.
        """
        kept = self.share_at(number, "keep")
        if kept and frame.chroma is not None:
            planes = _mixed(planes, frame.chroma, kept)
        if self.lut and self.changes_luma and (share := self.share_at(number, "color")):
            frame, planes = through_lut(self.lut, frame, planes, share)
        return frame, planes

    def detector(self, first: int) -> ShotDetector:
        """Return what tells the shots of the film from a frame on, given by its number."""
        return ListedShots(self.shots, first) if self.shots else ShotDetector()

    def identity(self) -> dict[str, object]:
        """Return all that decides the colors, by the names that a user would know."""
        found: dict[str, object] = {each.name: getattr(self.usual, each.name) for each in described(ShotSettings)}
        if self.shots:  # notes and landmarks decide nothing
            bare = tuple(replace(shot, note="", landmark=None) for shot in self.shots.shots)
            found["list of shots"] = _digest(write_table(ShotList(bare, self.shots.clock)).encode())
        if self.lut:
            parts = (part for table in self.lut.tables for part in (table.values, table.low, table.high))
            found["look-up table"] = [_digest(b"".join(part.numpy().tobytes() for part in parts)), self.changes_luma]
        return found

    def wanted(self, start: int, end: int) -> dict[str, Any]:
        """Return all that a list of shots asks for some frames, in the types of JSON.

        Two lists of which this is the same make the same of the frames. Nothing without a list.

        Args:
            start: Number of the first frame; end: that of the frame after the last.
        """
        if self.shots is None:
            return {}
        looks: list[Any] = []
        gaps: list[list[int]] = []
        before: object = None
        for number in range(start, end + LOOKAHEAD):  # how far the detector of shots looks ahead in frames of no shot
            place = self.shots.place_of(number)
            if place is None and gaps and gaps[-1][1] == number:
                gaps[-1][1] += 1
            elif place is None:
                gaps.append([number, number + 1])
            own = self.settings_at(number)
            others = [(theirs, share) for theirs, share in self._others(number) if theirs != own]
            if number < end and (place, others) != before:
                before = place, others
                looks.append([number, _told(own), [[_told(theirs), share] for theirs, share in others]])
        return {"looks": looks, "in no shot": gaps}

    def may_begin(self, number: int) -> bool:
        """Return whether a shot may begin with a frame, counted from 0."""
        return self.shots is None or self.shots.is_boundary(number) or self.shots.place_of(number) is None

    def _others(self, number: int) -> list[tuple[ShotSettings, float]]:
        """Return the settings of the shots beside its own that a frame shows in a dissolve, each with its share."""
        place = self.place_of(number)
        if self.shots is None or place is None:
            return []
        shots, found = self.shots.shots, []
        if place > 0 and shots[place - 1].end == shots[place].start:
            found.append((self._settings[place - 1], 1 - _share(number, shots[place])))
        if place + 1 < len(shots) and shots[place].end == shots[place + 1].start:
            found.append((self._settings[place + 1], _share(number, shots[place + 1])))
        return [(settings, share) for settings, share in found if share > 0]


def through_lut(lut: Lut, frame: Frame, planes: Chroma, share: float) -> tuple[Frame, Chroma]:
    """Return a frame and its chroma planes as a look-up table changes them, the luma too.

    Args:
        share: Of the change that is made, 0..1.
    """
    matrix, top = frame.tags.matrix, (1 << frame.bits) - 1
    luma = np.empty_like(frame.luma)
    height, width = luma.shape
    chroma = np.empty((2, height, width), np.float32)
    large = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in planes]
    for start in range(0, height, max(1, BAND // width)):
        band = slice(start, min(height, start + max(1, BAND // width)))
        cbcr = [enlarged[band].astype(np.float32) for enlarged in large]
        values = [(plane - frame.neutral) * np.float32(1 / frame.chroma_span) for plane in cbcr]
        light = (frame.luma[band].astype(np.float32) - frame.black) * np.float32(1 / frame.span)
        ycbcr = torch.from_numpy(np.stack([light, *values]))
        changed = rgb_to_ycbcr(lut(ycbcr_to_rgb(ycbcr, matrix).clamp(0, 1)), matrix)
        found = torch.lerp(ycbcr, changed, share).numpy()
        luma[band] = np.clip(np.rint(found[0] * frame.span + frame.black), 0, top).astype(luma.dtype)
        chroma[:, band] = found[1:] * frame.chroma_span + frame.neutral
    size = planes[0].shape[::-1]
    small = (cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in chroma)
    cb, cr = (np.clip(np.rint(plane), 0, top).astype(planes[0].dtype) for plane in small)
    return replace(frame, luma=luma), (cb, cr)


def _mixed(planes: Chroma, own: Chroma, share: float) -> Chroma:
    """Mix chroma planes with a share of others, which are brought to their size; of others alone, copies are made."""
    cb, cr = (_mixed_plane(plane, other, share) for plane, other in zip(planes, own, strict=True))
    return cb, cr


def _mixed_plane(plane: Luma, other: Luma, share: float) -> Luma:
    fitted: NDArray[Any] = other
    if other.shape != plane.shape:
        how = cv2.INTER_AREA if other.size > plane.size else cv2.INTER_LINEAR
        fitted = cv2.resize(np.ascontiguousarray(other), plane.shape[::-1], interpolation=how)
    if share < 1:
        fitted = np.rint(plane + (fitted.astype(np.float32) - plane) * np.float32(share))
    return cast("Luma", fitted.astype(plane.dtype))


_USUAL = asdict(ShotSettings())


def _told(settings: ShotSettings) -> dict[str, Any]:
    """Return the settings that are not the usual ones."""
    return {name: value for name, value in asdict(settings).items() if value != _USUAL[name]}


def _grade_of(settings: ShotSettings) -> Grade:
    return Grade(settings.saturation, settings.temperature, settings.tint, settings.strength)


def _share(number: int, shot: Shot) -> float:
    """Return how much of a frame belongs to a shot rather than to the one before it."""
    if shot.transition.kind != "dissolve":
        return float(number >= shot.start)
    return incoming_share(number, shot.start, shot.transition.frames)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
