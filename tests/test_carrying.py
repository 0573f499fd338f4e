"""Known colors go along with what they lie on, to both ends of their shot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scenes import (
    LENGTH,
    RATE,
    ab_of,
)
from vidcolor.film.reader import frames, open_video
from vidcolor.pipeline.guidance.carrying import Anchor, track
from vidcolor.pipeline.view import View


@pytest.mark.parametrize("at", [0, LENGTH // 2, LENGTH - 1])
def test_colors_are_carried_both_ways_and_not_over_cuts(film: Path, truth: list[np.ndarray], at: int) -> None:
    """A pan takes its colors along, to either end of the shot; what is sure is right."""
    with open_video(film) as video:
        view = View(video.info, 64, 32)
        pts = [frame.pts for frame in frames(video)]
    known = np.concatenate([ab_of(truth[at]), np.ones((1, 64, 96), np.float32)])
    found = track(lambda: open_video(film), view, Anchor(pts[at], at / RATE, known))
    assert (found.first, found.last) == (pts[0], pts[LENGTH - 1])
    assert [found.at(each) is not None for each in pts] == [True] * LENGTH + [False] * LENGTH
    for number in range(LENGTH):
        carried = found.at(pts[number])
        assert carried is not None
        sure = carried[2, 8:-8, 24:-24] > 0.5
        assert sure.mean() > 0.6
        distance = np.hypot(*(carried[:2] - ab_of(truth[number])))[8:-8, 24:-24]
        assert distance[sure].mean() < 3


def test_a_carried_point_follows_its_thing(film: Path, truth: list[np.ndarray]) -> None:
    """Its disc moves with the pan, keeps its color, and nothing else is known."""
    with open_video(film) as video:
        view = View(video.info, 64, 32)
        pts = [frame.pts for frame in frames(video)]
    known = np.zeros((3, 64, 96), np.float32)
    known[:, 30:35, 46:51] = np.array([40, -20, 1], np.float32)[:, None, None]
    found = track(lambda: open_video(film), view, Anchor(pts[6], 6 / RATE, known))
    for number in range(2, 11):
        carried = found.at(pts[number])
        assert carried is not None
        rows, columns = np.nonzero(carried[2] > 0.3)
        assert abs(rows.mean() - 32) < 1
        assert abs(columns.mean() - (48 - 2 * (number - 6))) < 1
        assert len(rows) < 60
        np.testing.assert_allclose(carried[0, rows, columns], 40, atol=0.1)


def test_a_thing_keeps_its_color_where_its_hint_has_left_the_picture(film: Path, truth: list[np.ndarray]) -> None:
    """Of two weights each goes its own way; the colors are those of the wider one."""
    with open_video(film) as video:
        view = View(video.info, 64, 32)
        pts = [frame.pts for frame in frames(video)]
    known = np.zeros((4, 64, 96), np.float32)
    known[[0, 1, 3], 20:44, :48] = np.array([40, -20, 1], np.float32)[:, None, None]
    known[2, 28:36, 2:8] = 1
    found = track(lambda: open_video(film), view, Anchor(pts[0], 0.0, known))
    early, late = found.at(pts[1]), found.at(pts[9])
    assert early is not None
    assert late is not None
    assert early[2].max() > 0.5
    assert late[2].max() < 0.1
    assert np.mean(late[3, 24:40, 8:24] > 0.5) > 0.6
    sure = late[3] > 0.3
    np.testing.assert_allclose(late[0][sure], 40, atol=0.1)
