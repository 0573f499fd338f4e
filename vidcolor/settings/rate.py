"""Rates as people write them: 24, 23.976, 24000/1001."""

from __future__ import annotations

from fractions import Fraction

from vidcolor.errors import VidcolorError

SLOWEST, FASTEST = Fraction(1, 10), Fraction(1000)  # frames per second
_TELEVISION = (24, 30, 48, 60, 120)  # rates that are also run slower by 1000/1001, and written with two or three digits
_ROUNDED = 0.005


def rate_of(name: str, value: str | float) -> Fraction | None:
    """Return frames per second; None for an empty text.

    Args:
        name: Of the setting.
        value: A number, a decimal one or a fraction as a text; 23.976 and 23.98 mean 24000/1001.

    Raises:
        VidcolorError: it is no rate.
    """
    text = str(value).strip()
    if not text:
        return None
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not SLOWEST <= rate <= FASTEST:
        raise VidcolorError(
            f"cannot use {name}={value!r}", "it is no number of frames a second", "Write it as 24, 23.976 or 24000/1001"
        )
    exact = (Fraction(whole * 1000, 1001) for whole in _TELEVISION)
    near = (each for each in exact if rate.denominator > 1 and abs(rate - each) < _ROUNDED)
    return next(near, rate)
