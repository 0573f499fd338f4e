"""Every setting that a user may choose, once: its name, type, range, default and help.

The command line makes its options from these classes, and the Python functions take them. A value is checked when its
class is made, so that a wrong one is told before any work is done. What belongs to a whole run, to a single shot and to
files is told apart: a shot list can change the look of a shot, but not the codec of a film.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from vidcolor.errors import VidcolorError

DEFAULT_MODEL = "fast"

WHAT, LOOK, ENCODER, FILES, MACHINE = "What", "How it looks", "Encoder", "Files", "Machine"
MESSAGES = "Messages"
GROUPS = (WHAT, LOOK, ENCODER, FILES, MACHINE, MESSAGES)


@dataclass(frozen=True)
class Setting:
    """What is known about a setting beside its name, type and default.

    Attributes:
        help: One line for the reader of ``--help``.
        group: The heading that it stands under there.
        low, high: The smallest and the largest value of a number; None: no limit.
        letter: A short flag, as in "-m".
        metavar: What stands for the value in the help; "TIME" is written as 12.5, 1:02 or 00:01:02.500.
        variable: An environment variable that the command line takes the default from.
    """

    help: str
    group: str = WHAT
    low: float | None = None
    high: float | None = None
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
            return f"it is {type(value).__name__}" if not _choices(kinds) else "there is no such choice"
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
        return ""

    def _remedy(self) -> str:
        kinds = get_args(self.kind) if get_origin(self.kind) in (Union, types.UnionType) else (self.kind,)
        if choices := _choices(kinds):
            return f"Choose one of {', '.join(map(str, choices))}"
        low, high = self.setting.low, self.setting.high
        if low is not None and high is not None:
            return f"Choose a value in {low:g}..{high:g}"
        return f"Choose {' or '.join(_name(kind) for kind in kinds)}" + (
            f" of at least {low:g}" if low is not None else ""
        )


def _choices(kinds: tuple[Any, ...]) -> list[Any]:
    return [choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]


def _name(kind: Any) -> str:
    names = {int: "a whole number", float: "a number", str: "a text", bool: "True or False", Path: "a path"}
    return "None" if kind is type(None) else names.get(kind, str(kind))


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
    """Return the settings of a class, in the order in which they are written."""
    hints = get_type_hints(kind, include_extras=True)
    found = []
    for field in fields(kind):
        plain, *notes = get_args(hints[field.name])
        (setting,) = (note for note in notes if isinstance(note, Setting))
        found.append(Described(field.name, plain, field.default, setting))
    return tuple(found)


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


@dataclass(frozen=True)
class RunSettings(Settings):
    """What holds for a whole run: for all its films and photographs, from their first frame to the last."""

    model: Annotated[
        str | Path,
        Setting("Bundled model, or a checkpoint.", letter="-m", metavar="NAME|PATH", variable="VIDCOLOR_MODEL"),
    ] = DEFAULT_MODEL
    size: Annotated[int, Setting("Short side of the network's picture; 0: the model's own.", low=0, high=2048)] = 0
    start: Annotated[float, Setting("Begin here: 12.5, 1:02 or 00:01:02.500.", low=0, metavar="TIME")] = 0.0
    duration: Annotated[float | None, Setting("Stop after this long.", low=0, metavar="TIME")] = None
    stream: Annotated[int | None, Setting("Video stream, by its number in info.", low=0, metavar="N")] = None
    looks: Annotated[
        Literal["auto", "all"],
        Setting("auto: the network sees some frames of a film, and motion carries their colors to the others.", LOOK),
    ] = "auto"
    deinterlace: Annotated[
        Literal["auto", "on", "off"], Setting("auto: frames marked as interlaced that show combing.")
    ] = "auto"
    codec: Annotated[str, Setting("Video encoder; default: the container's usual one.", ENCODER, metavar="NAME")] = ""
    crf: Annotated[int | None, Setting("Quality of the encoder; lower is better.", ENCODER, low=0, high=63)] = None
    preset: Annotated[str, Setting("Speed of the encoder.", ENCODER, metavar="NAME")] = ""
    pix_fmt: Annotated[str, Setting("Pixel format; default: the film's depth, 4:2:0.", ENCODER, metavar="NAME")] = ""
    strict: Annotated[bool, Setting("Take warnings as errors: damage, streams lost.", FILES)] = False
    resume: Annotated[
        bool, Setting("Keep finished parts beside the output, so that a stopped run can go on.", FILES)
    ] = True
    device: Annotated[str, Setting("auto, cpu, cuda, cuda:N or mps.", MACHINE, variable="VIDCOLOR_DEVICE")] = "auto"
    precision: Annotated[Literal["auto", "fp32", "bf16", "fp16"], Setting("Number type of the network.", MACHINE)] = (
        "auto"
    )
    batch_size: Annotated[
        int, Setting("Frames the network takes at once; 0: automatic.", MACHINE, low=0, high=1024)
    ] = 0
    hwaccel: Annotated[
        str, Setting("Device that decodes, as in cuda; default: the processor.", MACHINE, metavar="NAME")
    ] = ""


@dataclass(frozen=True)
class ShotSettings(Settings):
    """How a shot looks: what a shot list may change from shot to shot."""

    saturation: Annotated[float, Setting("Factor on the colors; 1 is calibrated.", LOOK, low=0, high=5)] = 1.0
    smooth: Annotated[float, Setting("Averaging of the colors along motion; 0 is off.", LOOK, low=0, high=1)] = 0.85


@dataclass(frozen=True)
class FileSettings(Settings):
    """Which files are read and written."""

    recursive: Annotated[bool, Setting("Folders at any depth.", FILES, letter="-r")] = False
    overwrite: Annotated[bool, Setting("Replace an output that exists.", FILES, letter="-y")] = False


@dataclass(frozen=True)
class TerminalSettings(Settings):
    """What the command line says, and in which form."""

    quiet: Annotated[bool, Setting("Say only what went wrong.", MESSAGES, letter="-q")] = False
    verbose: Annotated[
        bool, Setting("Say more: device, precision, sizes, encoder, shots, times.", MESSAGES, letter="-v")
    ] = False
    progress: Annotated[
        Literal["auto", "json", "off"],
        Setting("auto: bars on a terminal; json: lines on stderr for other programs.", MESSAGES),
    ] = "auto"
    json: Annotated[bool, Setting("Print results as JSON.", MESSAGES)] = False


@dataclass(frozen=True)
class ExtractSettings(Settings):
    """How frames of color films are chosen as photos for training."""

    per_shot: Annotated[
        int, Setting("Most frames kept of a shot, and of 20 seconds of a long one.", low=1, high=99)
    ] = 3
    max_side: Annotated[int, Setting("Longest side of the pictures, in pixels.", low=64, high=8192)] = 640
    val_share: Annotated[float, Setting("Share of the shots held out for validation, whole.", low=0, high=0.5)] = 0.1


@dataclass(frozen=True)
class EvaluateSettings(Settings):
    """What a model is measured with, beside the settings of a run and of its look."""

    calibration: Annotated[
        bool, Setting("The color strength stored in the checkpoint; without it the network's own.", LOOK)
    ] = True
    degrade: Annotated[Literal["none", "film"], Setting("What is done to the grey pictures: film ages them.")] = "none"
    limit: Annotated[int, Setting("At most so many photos, evenly chosen, and frames of each film; 0: all.", low=0)] = 0
