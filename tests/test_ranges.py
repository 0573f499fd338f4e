"""A film read in several places at once is laid out as in one pass, or it is known that it is not."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reels import write_reel
from test_segments import changes, film
from vidcolor.film.reader import open_film
from vidcolor.film.shots import BLANK, HEIGHT, WIDTH, Thumbnail, WithBoundaries
from vidcolor.pipeline.distributed import ranges
from vidcolor.pipeline.distributed.plan import Plan
from vidcolor.pipeline.distributed.planner import Outline, begin_plan, finish_plan
from vidcolor.pipeline.distributed.ranges import SETTLED, Film, Reading, lay_out, read_range, together
from vidcolor.pipeline.segments.cutting import Mark, cut
from vidcolor.settings import RunSettings, ShotSettings

SETTINGS = RunSettings(size=32)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(4, 60))
@settings(max_examples=60, deadline=None)
def test_segments_are_those_of_one_pass(shots: list[int], shortest: int) -> None:
    """From times, digests and boundaries alone: the same starts, with the same marks, and as many frames each."""
    frames = film(shots)
    steps = list(cut(iter(frames), shortest=shortest, longest=10_000, detector=changes))
    marks = [Mark.of(frame) for frame in frames]
    turns = {b.pts for a, b in pairwise(frames) if a.luma[0, 0] != b.luma[0, 0]}
    pts, digests = np.array([m.pts for m in marks]), np.array([m.digest.encode() for m in marks])
    found = lay_out(Film(pts, digests, frozenset(turns)), (shortest, 10_000))
    assert found is not None
    starts = list(dict.fromkeys(step.start for step in steps))
    assert [segment.start for segment in found] == starts
    assert [segment.frames for segment in found] == [sum(step.start is start for step in steps) for start in starts]


@pytest.fixture
def short_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "LEAST", 64)


def readings_of(path: Path, most: int) -> tuple[Outline, list[Reading]]:
    found = begin_plan(path, ".mp4", SETTINGS, ShotSettings(), lengths=(26, 130), most=most)
    assert isinstance(found, Outline)
    return found, [read_range(path, SETTINGS, part) for part in found.ranges]


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outline, list[Reading]]:
    """A film that is read in three ranges."""
    path = write_reel(tmp_path_factory.mktemp("parted") / "film.mkv", shots=32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "LEAST", 64)
        return path, *readings_of(path, 3)


def test_the_plan_is_that_of_one_pass(parted: tuple[Path, Outline, list[Reading]]) -> None:
    """Every field of it, so that its file is the same to the byte."""
    path, outline, readings = parted
    assert len(outline.ranges) == 3
    plan = finish_plan(outline, readings)
    assert plan is not None
    assert plan == begin_plan(path, ".mp4", SETTINGS, ShotSettings(), lengths=(26, 130))
    assert len(plan.segments) > 6


@pytest.mark.usefixtures("short_ranges")
def test_what_does_not_fit_together_is_known(tmp_path: Path, parted: tuple[Path, Outline, list[Reading]]) -> None:
    """Other frames after seeking, a take without end, damage, another boundary: none of them makes a plan."""
    _, _, readings = parted
    first, second, third = readings
    assert together(readings)
    other = second.digests.copy()
    other[1] = b"0" * 16
    assert together([first, replace(second, digests=other), third]) is None
    assert together([first, replace(second, pts=second.pts + 1), third]) is None
    assert first.met in second.boundaries
    others = tuple(pts for pts in second.boundaries if pts != first.met)
    assert together([first, replace(second, boundaries=others), third]) is None
    assert together([first, second, replace(third, tally={**third.tally, "bad_packets": 1})]) is None
    outline, readings = readings_of(write_reel(tmp_path / "take.mkv", shots=1, shot=260), 3)
    assert finish_plan(outline, readings) is None


@pytest.mark.usefixtures("short_ranges")
def test_takes_that_reach_over_ranges_need_no_second_reading(tmp_path: Path) -> None:
    """Of takes longer than all of a range, two detectors see the same soon after the second has begun."""
    path = write_reel(tmp_path / "film.mkv", shots=5, shot=120)
    outline, readings = readings_of(path, 6)
    assert len(outline.ranges) == 6
    assert all(len(reading.pts) - reading.count < 120 for reading in readings)
    assert finish_plan(outline, readings) == begin_plan(path, ".mp4", SETTINGS, ShotSettings(), lengths=(26, 130))
    first, second, *others = readings
    assert first.met is not None
    assert first.met not in first.boundaries
    other = int(second.pts[np.searchsorted(second.pts, first.met) - 5])
    assert together([first, replace(second, boundaries=(other, *second.boundaries)), *others]) is None


def scene(chance: np.random.Generator) -> NDArray[np.float64]:
    """A picture of one scene, blurred noise, or now and then a blank one."""
    noise = cv2.GaussianBlur(chance.normal(size=(HEIGHT, WIDTH)), (0, 0), 2)
    return np.full_like(noise, 20.0) if chance.random() < 0.15 else 128 + 60 * noise / noise.std()


def thumbnails(chance: np.random.Generator) -> list[Thumbnail]:
    """A film of scenes with cuts, dissolves and fades between them, with flicker and flashes."""
    pictures: list[NDArray[np.float64]] = []
    now = scene(chance)
    for _ in range(4):
        after = scene(chance)
        pictures += [now] * int(chance.integers(1, 70))
        steps = int(chance.choice([0, 0, 6, 14]))
        pictures += [now + (after - now) * (step + 1) / (steps + 1) for step in range(steps)]
        now = after
    pictures += [now] * 60
    found = []
    for number, picture in enumerate(pictures):
        light = 1 + 0.02 * chance.normal()
        seen = np.full_like(picture, 230.0) if chance.random() < 0.02 else light * np.roll(picture, number % 3, axis=1)
        found.append(np.clip(seen, 0, 255).astype(np.uint8))
    return found


@given(st.integers(0, 10_000), st.integers(1, 150))
@settings(max_examples=10, deadline=None)
def test_detectors_remember_the_same_after_some_frames(seed: int, begin: int) -> None:
    """Wherever a second one begins: after so many frames without a boundary for both, they find the same for good."""
    film = thumbnails(np.random.default_rng(seed))
    begin = min(begin, len(film) - 1)
    boundaries = []
    for first in (0, begin):
        decided = enumerate(WithBoundaries(film[first:], lambda item: item), first)
        boundaries.append({number for number, (_, boundary) in decided if boundary})
    for place in range(begin + SETTLED, len(film)):
        window = range(place - SETTLED + 1, place + 1)
        if film[place].std() >= BLANK and not any(found.intersection(window) for found in boundaries):
            one, two = ({number for number in found if number > place} for found in boundaries)
            assert one == two
            return


@pytest.mark.usefixtures("short_ranges")
def test_only_films_that_can_be_sought_are_read_so(tmp_path: Path) -> None:
    """A part of a film, and one whose clock is not its own, are read in one pass."""
    path = write_reel(tmp_path / "film.mkv", shots=20)
    with open_film(path, SETTINGS) as video:
        info = video.info
    assert ranges.ranges_of(info, SETTINGS, 4)
    assert not ranges.ranges_of(info, SETTINGS, 1)
    assert not ranges.ranges_of(info, replace(SETTINGS, start=1.0), 4)
    for change in ({"timestamps": "dts"}, {"interlaced": True}, {"seconds": 0.0}, {"alpha": True}):
        assert not ranges.ranges_of(replace(info, **change), SETTINGS, 4)
    found = begin_plan(path, ".mp4", replace(SETTINGS, duration=2.0), ShotSettings(), most=4)
    assert isinstance(found, Plan)
