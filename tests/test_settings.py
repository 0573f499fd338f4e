"""Settings are checked when they are made, in Python as on the command line."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from vidcolor.errors import VidcolorError
from vidcolor.settings import (
    GROUPS,
    EvaluateSettings,
    ExtractSettings,
    FileSettings,
    RunSettings,
    ShotSettings,
    StartSettings,
    TerminalSettings,
    TrainSettings,
    described,
)

ALL = (
    *(RunSettings, ShotSettings, FileSettings, TerminalSettings),
    *(ExtractSettings, EvaluateSettings, TrainSettings, StartSettings),
)


@pytest.mark.parametrize(
    ("kind", "wrong", "reason"),
    [
        (RunSettings, {"crf": 64}, "cannot use crf=64: it is above 63. Choose a whole number in 0..63 or None."),
        (RunSettings, {"crf": "18"}, "cannot use crf='18': it is a text. Choose a whole number in 0..63 or None."),
        (RunSettings, {"crf": True}, "it is True or False"),
        (RunSettings, {"start": -1.0}, "it is below 0. Choose a number of at least 0."),
        (RunSettings, {"deinterlace": "yes"}, "there is no such choice. Choose one of auto, on, off."),
        (RunSettings, {"precision": "half"}, "there is no such choice"),
        (ShotSettings, {"smooth": float("nan")}, "it is not a number"),
        (EvaluateSettings, {"degrade": "films"}, "there is no such choice. Choose one of none, film."),
        (TrainSettings, {"sizes": (100,)}, "it is no multiple of 32"),
        (TrainSettings, {"sizes": 128}, "it is a whole number. Choose a tuple of whole numbers"),
        (TrainSettings, {"epochs": 1.5}, "it is a number. Choose a whole number of at least 1."),
    ],
)
def test_a_wrong_value_is_one_clear_line(kind: Any, wrong: dict[str, Any], reason: str) -> None:
    """What it is, why it does not fit, and what would."""
    with pytest.raises(VidcolorError) as refused:
        kind(**wrong)
    assert reason in str(refused.value)


def test_good_values_of_any_written_form() -> None:
    """Whole numbers are numbers; a model is a name or a path."""
    assert RunSettings(start=3).start == 3
    assert RunSettings(model=Path("mine.safetensors")).model == Path("mine.safetensors")
    assert TrainSettings(sizes=(96, 160)).sizes == (96, 160)


@pytest.mark.parametrize("kind", ALL)
def test_every_setting_is_described(kind: type) -> None:
    """Each field has its help, a full sentence under a known heading, and a default that it takes."""
    assert [each.name for each in described(kind)] == [field.name for field in fields(kind)]
    for each in described(kind):
        assert each.setting.help[0].isalpha(), each.name
        assert each.setting.help.endswith("."), each.name
        assert each.setting.group in GROUPS
        each.check(each.default)


def test_letters_and_variables_are_given_once() -> None:
    """No two settings of one command share a letter."""
    letters = [each.setting.letter for kind in ALL for each in described(kind) if each.setting.letter]
    assert len(letters) == len(set(letters))
    assert "-o" not in letters  # the output's
