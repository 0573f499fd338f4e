"""Timecode: hours, minutes, seconds and frames, as editors name the frames of a film (SMPTE ST 12-1).

A timecode is a name, not a time. At 23.976 frames a second 24 frames make a second of timecode, which so lasts 1.001
seconds. At 29.97, drop-frame timecode keeps up with the clock: it leaves out the names of frames 0 and 1 of each minute
that is no multiple of ten (ST 12-1, 7.3; of frames 0 to 3 at 59.94). No frame is left out, only names are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from vidcolor.errors import VidcolorError

_FORM = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})([:;.,])(\d{2,3})")
_HOURS = 24


@dataclass(frozen=True)
class TimecodeClock:
    """Names the frames of a film, and finds them by their names.

    Attributes:
        rate: Frames per second.
        drop: Drop-frame timecode, at 29.97 and its multiples.
        start: Number of the name that the film's first frame has, counted from 00:00:00:00.

    Raises:
        ValueError: drop-frame timecode for a rate that has none.
    """

    rate: Fraction
    drop: bool = False
    start: int = 0

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError(f"a film has more than {self.rate} frames a second")
        if self.drop and not can_drop(self.rate):
            raise ValueError(f"there is no drop-frame timecode at {float(self.rate):g} frames a second")

    @classmethod
    def of(cls, rate: Fraction, start: str = "") -> TimecodeClock:
        """Return the usual clock of a rate: drop-frame at 29.97 and 59.94.

        Args:
            start: The timecode of the film's first frame; with it, whether a semicolon or a comma stands in it decides.

        Raises:
            VidcolorError: the start is no timecode of this rate.
        """
        drop = any(mark in start for mark in ";,") if start else can_drop(rate)
        clock = cls(rate, drop and can_drop(rate))
        return cls(rate, clock.drop, clock.frame(start)) if start else clock

    @property
    def base(self) -> int:
        """Return the frames that a second of timecode has: 24 at 23.976, 30 at 29.97."""
        nearest = round(self.rate)
        # 23.976 is named by 24 and 29.97 by 30; rates between whole numbers need names for all of their frames.
        return nearest if abs(self.rate - nearest) < Fraction(1, 10) and nearest else -(-self.rate // 1)

    @property
    def _dropped(self) -> int:
        """Return how many names are left out at the beginning of a minute."""
        return self.base // 15 if self.drop else 0

    @property
    def _day(self) -> int:
        """Return how many names a day has, after which they begin again."""
        minutes = _HOURS * 60
        return minutes * 60 * self.base - self._dropped * (minutes - minutes // 10)

    def text(self, frame: int) -> str:
        """Return the timecode of a frame, as in 01:02:03:04, or 01:02:03;04 in drop-frame timecode.

        Args:
            frame: Counted from 0, the film's first. The end of a stretch, the frame after its last, has a name too.
        """
        number = (frame + self.start) % self._day
        if self.drop:
            # Ten minutes hold nine that leave names out; only after a minute's beginning is anything left out.
            in_ten, in_minute = 600 * self.base - 9 * self._dropped, 60 * self.base - self._dropped
            tens, rest = divmod(number, in_ten)
            minutes = max(0, (rest - self._dropped) // in_minute)
            number += self._dropped * (9 * tens + minutes)
        seconds, frames = divmod(number, self.base)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        mark, width = ";" if self.drop else ":", len(str(self.base - 1))
        return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{frames:0{max(2, width)}}"

    def frame(self, text: str) -> int:
        """Return the number of the frame that has a timecode, counted from 0, the film's first.

        Raises:
            VidcolorError: it is no timecode, or one that this clock does not give.
        """
        what = f"cannot read the timecode {text!r}"
        found = _FORM.fullmatch(text.strip())
        if not found:
            raise VidcolorError(what, "it is not of the form hours:minutes:seconds:frames", f"Write {self.text(0)}")
        hours, minutes, seconds, frames = (int(found[place]) for place in (1, 2, 3, 5))
        limits = ((hours, _HOURS, "hours"), (minutes, 60, "minutes"), (seconds, 60, "seconds"))
        for value, limit, unit in (*limits, (frames, self.base, "frames")):
            if value >= limit:
                raise VidcolorError(what, f"{unit} go from 0 to {limit - 1}", "Correct it")
        if found[4] in ";," and not self.drop:
            raise VidcolorError(what, f"{self} is not drop-frame timecode", "Write a colon before the frames")
        if frames < self._dropped and seconds == 0 and minutes % 10:
            why = f"drop-frame timecode leaves out frames 0 to {self._dropped - 1} of this minute"
            raise VidcolorError(what, why, f"Write {hours:02}:{minutes:02}:00;{self._dropped:02}")
        whole = hours * 60 + minutes
        number = (whole * 60 + seconds) * self.base + frames - self._dropped * (whole - whole // 10)
        return number - self.start if number >= self.start else number - self.start + self._day

    def __str__(self) -> str:
        return f"{float(self.rate):.5g} frames a second{', drop-frame' if self.drop else ''}"


def can_drop(rate: Fraction) -> bool:
    """Return whether a rate has drop-frame timecode: 29.97 and its multiples."""
    times = rate * Fraction(1001, 30000)
    return round(times) > 0 and abs(times - round(times)) < Fraction(1, 10000)  # some files say 2997/100
