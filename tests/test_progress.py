"""The estimate of the time left, on a clock of its own."""

from __future__ import annotations

import pytest

from vidcolor.cli.progress import Moment, Progress


class Clock:
    """Seconds that pass when they are told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def follow(weights: dict[str, float]) -> tuple[Progress, Clock, list[Moment]]:
    moments: list[Moment] = []
    clock = Clock()
    return Progress(weights, moments.append, clock), clock, moments


def test_a_steady_film() -> None:
    """At 10 frames a second, 60 frames before the end are 6 seconds."""
    progress, clock, moments = follow({"film": 1})
    progress.begin("film")
    clock.now += 7  # the model is loaded: no frame yet, so nothing is known
    for done in range(1, 41):
        progress.step(done, 100)
        clock.now += 0.1
    assert moments[0] == Moment("film", 0, 0, None, None, 1, 1, None, begins=True)
    last = moments[-1]
    assert last.fps == pytest.approx(10)
    assert last.seconds_left == pytest.approx((100 - last.frame) / 10)
    assert last.all_seconds_left == last.seconds_left
    assert 15 <= len(moments) <= 18  # 4 a second at most


def test_frames_of_an_earlier_run_say_nothing_about_the_speed() -> None:
    """A run that goes on at frame 900 of 1000 is not 900 frames fast."""
    progress, clock, moments = follow({"film": 1})
    progress.begin("film")
    for done in range(900, 906):
        progress.step(done, 1000)
        clock.now += 1
    assert moments[-1].fps == pytest.approx(1)
    assert moments[-1].seconds_left == pytest.approx(95)


def test_the_time_of_all_files() -> None:
    """A quarter of the work took 10 seconds: 30 are left; what was skipped counts neither as work nor as speed."""
    progress, clock, moments = follow({"there": 50, "a": 20, "b": 20, "c": 40})
    progress.begin("there")
    progress.end(skipped=True)
    progress.begin("a")
    assert moments[-1].all_seconds_left is None
    clock.now += 10
    progress.end()
    progress.begin("b")
    assert (moments[-1].number, moments[-1].files) == (3, 4)
    assert moments[-1].all_seconds_left == pytest.approx(30)
    progress.step(1, 100)
    clock.now += 5
    progress.step(50, 100)  # half of b: 30 of 80 in 15 seconds
    assert moments[-1].all_seconds_left == pytest.approx(25)


def test_a_film_of_unknown_length() -> None:
    """Frames and their speed are told; the time left is not made up."""
    progress, clock, moments = follow({"film": 1})
    progress.begin("film")
    for done in (1, 11):
        progress.step(done, 0)
        clock.now += 1
    assert moments[-1].fps == pytest.approx(10)
    assert moments[-1].seconds_left is None


def test_the_last_frame_is_told() -> None:
    """Also of a film that is done before anything is due, with fewer frames than expected; and each frame once."""
    progress, clock, moments = follow({"blink": 1, "film": 1})
    progress.begin("blink")
    for done in (1, 2, 3, 4):
        progress.step(done, 5)
        clock.now += 0.01
    assert len(moments) == 1
    progress.end()
    assert (moments[-1].file, moments[-1].frame, moments[-1].frames) == ("blink", 4, 5)
    progress.begin("film")
    progress.step(5, 5)
    progress.end()
    assert [(moment.file, moment.frame) for moment in moments] == [("blink", 0), ("blink", 4), ("film", 0), ("film", 5)]
