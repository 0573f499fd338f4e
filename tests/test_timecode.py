"""Timecode names every frame once, as other programs do, and refuses names that no frame has."""

from __future__ import annotations

from fractions import Fraction

import opentimelineio as otio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcolor.errors import VidcolorError
from vidcolor.film.timecode import TimecodeClock, can_drop

FILM, PAL, NTSC = Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001)
CLOCKS = [
    *(TimecodeClock(rate) for rate in (FILM, Fraction(24), PAL, NTSC, Fraction(30), Fraction(50), Fraction(60))),
    *(TimecodeClock(rate, drop=True) for rate in (NTSC, Fraction(60000, 1001), Fraction(2997, 100))),
]
TWENTY_HOURS = 20 * 3600 * 24  # frames


@given(st.sampled_from(CLOCKS), st.integers(0, TWENTY_HOURS), st.integers(0, 86_000))
def test_a_name_leads_back_to_its_frame(clock: TimecodeClock, frame: int, start: int) -> None:
    """Reading is the inverse of writing, whatever the first frame is called."""
    named = TimecodeClock(clock.rate, clock.drop, start)
    assert named.frame(named.text(frame)) == frame


@given(st.sampled_from([c for c in CLOCKS if c.rate != Fraction(2997, 100)]), st.integers(0, TWENTY_HOURS))
def test_names_are_those_of_opentimelineio(clock: TimecodeClock, frame: int) -> None:
    """The library of the editors names frames alike."""
    rate = float(clock.rate)
    assert clock.text(frame) == otio.opentime.to_timecode(otio.opentime.RationalTime(frame, rate), rate, clock.drop)


@pytest.mark.parametrize(
    ("clock", "frame", "name"),
    [
        (TimecodeClock(FILM), 24 * 60, "00:01:00:00"),
        (TimecodeClock(PAL), 90_000, "01:00:00:00"),
        (TimecodeClock(NTSC, drop=True), 1799, "00:00:59;29"),
        (TimecodeClock(NTSC, drop=True), 1800, "00:01:00;02"),
        (TimecodeClock(NTSC, drop=True), 17_982, "00:10:00;00"),
        (TimecodeClock(NTSC, drop=True), 107_892, "01:00:00;00"),  # ST 12-1: an hour of 29.97 is 107 892 frames
        (TimecodeClock(Fraction(60000, 1001), drop=True), 3600, "00:01:00;04"),
        (TimecodeClock(Fraction(120)), 119, "00:00:00:119"),
    ],
)
def test_names_that_are_known(clock: TimecodeClock, frame: int, name: str) -> None:
    """The ends of minutes, of ten minutes and of hours."""
    assert clock.text(frame) == name
    assert clock.frame(name) == frame


@pytest.mark.parametrize("clock", CLOCKS, ids=str)
def test_after_a_day_names_begin_again(clock: TimecodeClock) -> None:
    """A film that begins a second before midnight goes on after it."""
    late = TimecodeClock.of(clock.rate, f"23:59:59{';' if clock.drop else ':'}00")
    assert late.text(clock.base) == f"00:00:00{';' if clock.drop else ':'}00"
    assert late.frame(late.text(clock.base)) == clock.base


def test_drop_frame_is_usual_where_it_exists() -> None:
    """At 29.97 and 59.94, unless the film's own first timecode says otherwise."""
    assert TimecodeClock.of(NTSC).drop
    assert not TimecodeClock.of(NTSC, "01:00:00:00").drop
    assert not TimecodeClock.of(PAL).drop
    assert not can_drop(FILM)
    assert TimecodeClock.of(PAL, "10:00:00:00").text(0) == "10:00:00:00"
    assert TimecodeClock.of(Fraction(127, 10)).base == 13  # each of its frames has a name


@pytest.mark.parametrize(
    ("clock", "text", "why"),
    [
        (TimecodeClock(PAL), "12.5", "form"),
        (TimecodeClock(PAL), "00:00:00:25", "frames go from 0 to 24"),
        (TimecodeClock(PAL), "00:60:00:00", "minutes go from 0 to 59"),
        (TimecodeClock(PAL), "24:00:00:00", "hours go from 0 to 23"),
        (TimecodeClock(PAL), "00:01:00;02", "not drop-frame"),
        (TimecodeClock(NTSC, drop=True), "00:01:00;01", "leaves out frames 0 to 1"),
    ],
)
def test_what_is_no_timecode_is_refused(clock: TimecodeClock, text: str, why: str) -> None:
    """The line says what is wrong with it."""
    with pytest.raises(VidcolorError, match=why):
        clock.frame(text)


def test_there_is_no_drop_frame_at_other_rates() -> None:
    """A mistake of the program, not of its user."""
    with pytest.raises(ValueError, match="no drop-frame timecode at 25"):
        TimecodeClock(PAL, drop=True)
