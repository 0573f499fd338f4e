"""Variants of how a film or photograph is colored, to be seen side by side: one setting, several values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args, get_origin

from vidcolor.errors import VidcolorError
from vidcolor.pipeline.grading import Grading
from vidcolor.settings import Described, RunSettings, ShotSettings, changed, described

OF_RUNS = ("model", "size", "reference", "hints", "lut")
OF_SHOTS = ("mode", "saturation", "temperature", "tint", "strength")  # what smoothing does, a still does not show
MOST = 8  # values: more are too small on a screen


@dataclass(frozen=True)
class Variant:
    """Settings with what tells them from the others.

    Attributes:
        name: As it is written below a picture; "" when there is nothing to compare.
        setting: The one that is compared; it wins over what a list of shots says.
    """

    settings: RunSettings
    shot: ShotSettings
    name: str = ""
    setting: str = ""

    def graded(self, grading: Grading) -> Grading:
        """Return a grading in which the compared setting is that of the variant in all shots."""
        if grading.shots is None or self.setting not in OF_SHOTS:
            return grading
        shots = tuple(
            replace(shot, changes={name: value for name, value in shot.changes.items() if name != self.setting})
            for shot in grading.shots.shots
        )
        return replace(grading, shots=replace(grading.shots, shots=shots))


def variants_of(compare: str, settings: RunSettings, shot: ShotSettings) -> list[Variant]:
    """Return the variants that a text asks for: saturation=0.8,1,1.2 are three; one as it is for an empty text.

    Raises:
        VidcolorError: there is no such setting, or a value does not fit.
    """
    if not compare:
        return [Variant(settings, shot)]
    name, equals, values = (part.strip() for part in compare.partition("="))
    what = f"cannot compare {compare!r}"
    known = {each.name: each for kind in (RunSettings, ShotSettings) for each in described(kind)}
    if not equals or name not in (*OF_RUNS, *OF_SHOTS):
        why = "there is no such setting, or a still does not show it" if equals else "it names no values"
        raise VidcolorError(what, why, f"Write saturation=0.8,1,1.2, or one of {', '.join((*OF_SHOTS, *OF_RUNS))}")
    texts = [text.strip() for text in values.split(",")]
    if not 2 <= len(texts) <= MOST or not all(texts):
        raise VidcolorError(what, f"it takes 2 to {MOST} values", "Separate them by commas")
    found = []
    for text in texts:
        run, look = changed({name: _value(known[name], text)}, settings, shot)
        found.append(Variant(run, look, f"{name} {text}", name))
    return found


def _value(each: Described, text: str) -> Any:
    """Return the value of a setting that a text stands for.

    Raises:
        VidcolorError: it stands for none.
    """
    kinds = get_args(each.kind) or (each.kind,)
    convert: Callable[[str], Any] = str
    if get_origin(each.kind) is tuple:
        return () if text == "none" else (text,)
    if get_origin(each.kind) is not Literal and str not in kinds:
        convert = float if float in kinds else int
    try:
        value = convert(text)
    except ValueError:
        kind = "whole number" if convert is int else "number"
        raise VidcolorError(f"cannot use {each.name}={text!r}", f"it is no {kind}", "Correct it") from None
    each.check(value)
    return value
