"""A film read in several places at once is laid out as in one pass, or it is known that it is not."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reels import write_reel
from test_segments import changes, film
from vidcolor.film.reader import open_film
from vidcolor.pipeline.distributed import ranges
from vidcolor.pipeline.distributed.plan import Plan
from vidcolor.pipeline.distributed.planner import Outline, begin_plan, finish_plan
from vidcolor.pipeline.distributed.ranges import Film, Reading, lay_out, read_range, together
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
    monkeypatch.setattr(ranges, "LEAST", 100)


def readings_of(path: Path, most: int) -> tuple[Outline, list[Reading]]:
    found = begin_plan(path, ".mp4", SETTINGS, ShotSettings(), lengths=(40, 200), most=most)
    assert isinstance(found, Outline)
    return found, [read_range(path, SETTINGS, part) for part in found.ranges]


@pytest.mark.usefixtures("short_ranges")
def test_the_plan_is_that_of_one_pass(tmp_path: Path) -> None:
    """Every field of it, so that its file is the same to the byte."""
    path = write_reel(tmp_path / "film.mkv", shots=32)
    outline, readings = readings_of(path, 4)
    assert len(outline.ranges) == 4
    plan = finish_plan(outline, readings)
    assert plan is not None
    assert plan == begin_plan(path, ".mp4", SETTINGS, ShotSettings(), lengths=(40, 200))
    assert len(plan.segments) > 6


@pytest.mark.usefixtures("short_ranges")
def test_what_does_not_fit_together_is_known(tmp_path: Path) -> None:
    """Other frames after seeking, a take without end, damage, another boundary: none of them makes a plan."""
    path = write_reel(tmp_path / "film.mkv", shots=32)
    _, readings = readings_of(path, 3)
    first, second, third = readings
    assert together(readings)
    other = second.digests.copy()
    other[1] = b"0" * 16
    assert together([first, replace(second, digests=other), third]) is None
    assert together([first, replace(second, pts=second.pts + 1), third]) is None
    assert together([first, replace(second, boundaries=()), third]) is None
    assert first.met is not None
    others = [pts + (pts == first.met) for pts in second.boundaries]
    assert together([first, replace(second, boundaries=tuple(others)), third]) is None
    assert together([first, second, replace(third, tally={**third.tally, "bad_packets": 1})]) is None
    outline, readings = readings_of(write_reel(tmp_path / "take.mkv", shots=1, shot=400), 3)
    assert finish_plan(outline, readings) is None


@pytest.mark.usefixtures("short_ranges")
def test_takes_that_reach_over_ranges_need_no_second_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A range is read on to the next boundary: takes longer than all of a range, and one to the film's end."""
    path = write_reel(tmp_path / "film.mkv", shots=6, shot=150)
    outline, readings = readings_of(path, 9)
    assert len(outline.ranges) == 9
    assert [reading.met is None for reading in readings] == [False] * 7 + [True] * 2
    plan = finish_plan(outline, readings)
    assert plan == begin_plan(path, ".mp4", SETTINGS, ShotSettings(), lengths=(40, 200))
    monkeypatch.setattr(ranges, "LONGEST", 100)
    assert together(readings_of(path, 9)[1]) is None, "nobody reads on without end"


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
