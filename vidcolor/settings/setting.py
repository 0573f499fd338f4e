"""What is known about a setting, and how a value is checked."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from vidcolor.errors import VidcolorError

WHAT, LOOK, ENCODER, FILES, MACHINE = "What", "How it looks", "Encoder", "Files", "Machine"
NETWORK, LEARNING, PICTURES, VALIDATION = "Network", "Learning", "Pictures", "Validation"
MESSAGES, CLUSTER = "Messages", "Cluster"
GROUPS = (WHAT, LOOK, ENCODER, NETWORK, LEARNING, PICTURES, VALIDATION, FILES, MACHINE, CLUSTER, MESSAGES)
"""The headings of the help, in their order."""


@dataclass(frozen=True)
class Setting:
    """What is known about a setting beside its name, type and default.

    Attributes:
        help: One line for the reader of ``--help``.
        group: The heading that it stands under there.
        low, high: The smallest and the largest value of a number; None: no limit.
        multiple: Of what a whole number has to be one.
        letter: A short flag, as in "-m".
        metavar: What stands for the value in the help; "TIME" is written as 12.5, 1:02 or 00:01:02.500.
        variable: An environment variable that the command line takes the default from.
    """

    help: str
    group: str = WHAT
    low: float | None = None
    high: float | None = None
    multiple: int = 1
    letter: str = ""
    metavar: str = ""
    variable: str = ""


@dataclass(frozen=True)
class Described:
    """A setting with its name, its type and its default.

    Attributes:
        kind: The type without what is said about it.
    """

    name: str
    kind: Any
    default: Any
    setting: Setting

    def check(self, value: Any) -> None:
        """Refuse a value of another type, or out of range.

        Raises:
            VidcolorError: it does not fit; the line names the setting, and what it takes.
        """
        if problem := self._problem(value):
            raise VidcolorError(f"cannot use {self.name}={value!r}", problem, self._remedy())

    def _problem(self, value: Any) -> str:
        kinds = get_args(self.kind) if get_origin(self.kind) in (Union, types.UnionType) else (self.kind,)
        if not any(_is_a(value, kind) for kind in kinds):
            return f"it is {_name(type(value))}" if not _choices(kinds) else "there is no such choice"
        low, high = self.setting.low, self.setting.high
        numbers = value if isinstance(value, tuple) else (value,)
        for number in numbers:
            if isinstance(number, int | float) and not isinstance(number, bool):
                if number != number:
                    return "it is not a number"
                if low is not None and number < low:
                    return f"it is below {low:g}"
                if high is not None and number > high:
                    return f"it is above {high:g}"
                if number % self.setting.multiple if isinstance(number, int) else 0:
                    return f"it is no multiple of {self.setting.multiple}"
        return ""

    def _remedy(self) -> str:
        kinds = get_args(self.kind) if get_origin(self.kind) in (Union, types.UnionType) else (self.kind,)
        if choices := _choices(kinds):
            return f"Choose one of {', '.join(map(str, choices))}"
        low, high, multiple = self.setting.low, self.setting.high, self.setting.multiple
        limits = "" if low is None else f" of at least {low:g}" if high is None else f" in {low:g}..{high:g}"
        step = f", in multiples of {multiple}" if multiple > 1 else ""
        first, *others = (_name(kind) for kind in kinds)
        return f"Choose {' or '.join([first + limits + step, *others])}"


def _choices(kinds: tuple[Any, ...]) -> list[Any]:
    return [choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]


def _name(kind: Any) -> str:
    names = {int: "a whole number", float: "a number", str: "a text", bool: "True or False", Path: "a path"}
    names |= {type(None): "None", tuple: f"a tuple of {'texts' if str in get_args(kind) else 'whole numbers'}"}
    return names.get(get_origin(kind) or kind, getattr(kind, "__name__", str(kind)))


def _is_a(value: Any, kind: Any) -> bool:
    origin = get_origin(kind)
    if origin is Literal:
        return value in get_args(kind)
    if origin is tuple:
        return isinstance(value, tuple) and all(_is_a(each, get_args(kind)[0]) for each in value)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


@cache
def described(kind: type) -> tuple[Described, ...]:
    """Return the settings of a class, in the order in which they are written; its other fields are left out."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        Described(field.name, get_args(hints[field.name])[0], field.default, note)
        for field in fields(kind)
        for note in getattr(hints[field.name], "__metadata__", ())
        if isinstance(note, Setting)
    )


def changed(given: Mapping[str, Any], *settings: Any) -> tuple[Any, ...]:
    """Return settings with single values put in place, each in the one that has a setting of its name.

    Raises:
        VidcolorError: a value does not fit, or none has a setting of that name.
    """
    homes = [{each.name for each in described(found.__class__)} for found in settings]
    for name, value in given.items():
        if not any(name in names for names in homes):
            known = ", ".join(sorted(set().union(*homes)))
            raise VidcolorError(f"cannot use {name}={value!r}", "there is no such setting", f"Choose one of {known}")
    pairs = zip(settings, homes, strict=True)
    return tuple(replace(found, **{n: v for n, v in given.items() if n in names}) for found, names in pairs)


class Settings:
    """Checks every field of a settings class when it is made."""

    def __post_init__(self) -> None:
        kind: type = type(self)
        for each in described(kind):
            each.check(getattr(self, each.name))
