"""Colors of frames by the list of shots: grades, dissolves, tables."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from reels import landscape
from vidcolor.color.grade import Grade
from vidcolor.color.lut import read_lut
from vidcolor.film.frame import ColorTags, Frame
from vidcolor.film.shots import Boundary, ShotDetector
from vidcolor.film.timecode import TimecodeClock
from vidcolor.pipeline.grading import Grading
from vidcolor.pipeline.shotlist.shot import Shot, ShotList, Transition
from vidcolor.settings import ShotSettings

PAL = TimecodeClock(Fraction(25))


def test_a_dissolve_is_eased_from_grade_to_grade() -> None:
    """Even steps from the first shot's to the second's; modes too; a cut and a fade change at once."""
    wanted = {"saturation": 3.0, "mode": "grey"}
    for transition, steps in ((Transition("dissolve", 9), 9), (Transition("fade", 9), 0), (Transition(), 0)):
        shots = ShotList((Shot(1, 0, 50), Shot(2, 50, 100, transition, wanted)), PAL)
        grading = Grading(shots=shots)
        factors = np.array([grading.grade_at(number).saturation for number in range(100)])
        greys = np.array([grading.share_at(number, "grey") for number in range(100)])
        assert (factors[0], factors[-1]) == (1, 3)
        assert np.allclose(greys, (factors - 1) / 2)
        assert ((greys > 0) & (greys < 1)).sum() == steps
        assert np.diff(greys).max() == pytest.approx(1 / (steps + 1))
        assert greys[49] < 0.5 <= greys[50]


def test_frames_in_no_shot_look_as_usual() -> None:
    """Before, between and after the shots of a list."""
    usual = ShotSettings(saturation=0.7)
    shots = ShotList((Shot(1, 10, 20, changes={"saturation": 2.0}), Shot(2, 30, 40, Transition("dissolve", 8))), PAL)
    grading = Grading(usual, shots)
    assert [grading.grade_at(number).saturation for number in (0, 10, 19, 20, 29, 30, 45)] == [
        *(0.7, 2.0, 2.0, 0.7, 0.7, 0.7, 0.7)
    ]


def shown(detector: ShotDetector, pictures: list[NDArray[np.uint8]]) -> list[Boundary | None]:
    return [decision for picture in pictures for decision in detector.push(picture)] + detector.flush()


def test_a_list_tells_the_shots_and_the_rest_is_found() -> None:
    """Cuts inside a listed shot do not count; those of frames in no shot are found as ever."""
    pictures = [cv2.resize(landscape(number // 15), (48, 36)) for number in range(120)]
    whole = ShotList((Shot(1, 0, 40), Shot(2, 40, 120)), PAL)
    assert [b.frame for b in shown(Grading(shots=whole).detector(0), pictures) if b] == [40]
    parts = ShotList((Shot(1, 0, 20), Shot(2, 70, 100)), PAL)
    decisions = shown(Grading(shots=parts).detector(0), pictures)
    assert len(decisions) == 120
    assert [b.frame for b in decisions if b] == [20, 30, 45, 60, 70, 100, 105]
    assert all(b is None or b.frame == number for number, b in enumerate(decisions))
    later = shown(Grading(shots=parts).detector(65), pictures[65:])
    assert [b.frame for b in later if b] == [70, 100, 105]


def test_an_identity_table_that_may_change_luma_does_not(tmp_path: Path) -> None:
    """To the rounding of the codes, at 8 and 10 bits, in both ranges."""
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 5)] * 3, indexing="ij")[::-1], axis=-1).reshape(-1, 3)
    cube = tmp_path / "identity.cube"
    cube.write_text("LUT_3D_SIZE 5\n" + "\n".join(" ".join(map(str, row)) for row in grid))
    grading = Grading(lut=read_lut(cube), changes_luma=True)
    rng = np.random.default_rng(0)
    for bits, full in ((8, False), (8, True), (10, False), (10, True)):
        kind, unit = (np.uint8, 1) if bits == 8 else (np.uint16, 4)
        luma = rng.integers(100 * unit, 150 * unit, (31, 41)).astype(kind)
        planes = tuple(rng.integers(118 * unit, 138 * unit, (16, 21)).astype(kind) for _ in range(2))
        frame = Frame(luma, bits, 0, Fraction(1, 25), ColorTags("bt709", full))
        found, (cb, cr) = grading.finished(0, frame, planes)  # type: ignore[arg-type]
        assert np.abs(found.luma.astype(int) - luma).max() <= 1
        smooth = cv2.resize(cv2.resize(planes[0], (41, 31)), (21, 16), interpolation=cv2.INTER_AREA)
        assert np.abs(cb.astype(int) - smooth).max() <= 2
        assert cr.dtype == kind


def test_the_neutral_grading_does_nothing() -> None:
    """The very arrays come back."""
    luma, ab = np.full((4, 5), 0.5, np.float32), np.full((2, 4, 5), 9, np.float32)
    grading = Grading()
    assert grading.graded(0, luma, ab, "bt601") is ab
    assert grading.grade_at(0) == Grade()
    frame = Frame(np.zeros((4, 4), np.uint8), 8, 0, Fraction(1, 25), ColorTags("bt601", False))
    planes = (np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8))
    found, kept = grading.finished(0, frame, planes)
    assert found is frame
    assert kept is planes
