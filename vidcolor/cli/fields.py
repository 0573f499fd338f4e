"""What the command line takes: options made from the annotations of settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from vidcolor.cli.values import parse_numbers, parse_time
from vidcolor.errors import VidcolorError
from vidcolor.settings import Described, Settings, described


@dataclass(frozen=True)
class Only:
    """Some settings of a class: ``Annotated[RunSettings, Only("model", "device")]``; the others keep their defaults."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


@dataclass(frozen=True)
class Given:
    """A dictionary of the settings that were given: ``Annotated[dict[str, Any], Given(lambda: TrainSettings, text)]``.

    Args:
        kind: Gives the settings' class.
        default: The text that the help shows as the default of a setting, by its name.
    """

    kind: Callable[[], type]
    default: Callable[[Described], str]


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that takes an option for each setting, where the given one takes settings as objects."""
    hints = get_type_hints(command, include_extras=True)
    options: dict[str, inspect.Parameter] = {}
    makers: dict[str, Callable[[dict[str, Any]], Any]] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        plain, *notes = get_args(hints[name]) if get_origin(hints[name]) is Annotated else (hints[name],)
        given = next((note for note in notes if isinstance(note, Given)), None)
        if given is None and not (isinstance(plain, type) and issubclass(plain, Settings)):
            options[name] = parameter.replace(annotation=hints[name], kind=parameter.KEYWORD_ONLY)
            continue
        only = next((note.names for note in notes if isinstance(note, Only)), ())
        kind: type = given.kind() if given else plain
        settings = [each for each in described(kind) if not only or each.name in only]
        options |= {each.name: as_option(each, given) for each in settings}
        makers[name] = _maker(dict if given else plain, [each.name for each in settings])

    def run(**values: Any) -> None:
        command(**{name: make(values) for name, make in makers.items()}, **values)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {name: option.annotation for name, option in options.items()}
    run.__signature__ = inspect.Signature(list(options.values()))  # type: ignore[attr-defined]  # inspect's own way
    return run


def _maker(kind: type, names: list[str]) -> Callable[[dict[str, Any]], Any]:
    def make(values: dict[str, Any]) -> Any:
        given = {name: values.pop(name) for name in names}
        taken = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        return kind(**taken) if kind is not dict else {n: v for n, v in taken.items() if v is not None}

    return make


def as_option(each: Described, given: Given | None = None) -> inspect.Parameter:
    """Return a setting as a parameter that typer makes an option from: its flags, its values, its help."""
    setting, kind, default = each.setting, each.kind, each.default
    parser: Callable[[Any], Any] | None = None
    flag = f"--{each.name.replace('_', '-')}"
    if kind is bool and (given or default):
        flag = f"{flag}/--no-{flag[2:]}"
    if is_repeated(each):
        kind, default = list[str], list(default)
    elif get_origin(kind) is tuple:
        kind, default, parser = str, text_of(default), partial(numbers_for, each)
    elif setting.metavar == "TIME":
        parser = parse_time
    elif str in get_args(kind):
        kind = str
    text = given.default(each) if given else default_of(each)
    if given:
        kind, default = kind | None, None
    ranged = parser is None and kind is not bool
    option = typer.Option(
        default, flag, *filter(None, (setting.letter,)), parser=parser, metavar=metavar_of(each) or None,
        min=setting.low if ranged else None, max=setting.high if ranged else None, envvar=setting.variable or None,
        rich_help_panel=setting.group, help=f"{setting.help}{limits_of(each, text)}",
    )  # fmt: skip
    return inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind)


def is_repeated(each: Described) -> bool:
    """Return whether an option is written once for each of its values: texts, which may hold commas."""
    return get_origin(each.kind) is tuple and str in get_args(each.kind)


def default_of(each: Described) -> str:
    """Return the default of a setting as the help shows it; nothing where the help tells already."""
    return "" if isinstance(each.default, bool) or each.setting.metavar == "TIME" else text_of(each.default)


def text_of(value: Any) -> str:
    """Return a value as it is written on the command line; nothing for none."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, int | float) else str(value or "")


def limits_of(each: Described, default: str) -> str:
    """Return what stands behind the help of a setting: its range, its default, its environment variable."""
    low, high = (None, None) if each.setting.metavar == "TIME" else (each.setting.low, each.setting.high)
    limits = "" if low is None else f"at least {low:g}" if high is None else f"{low:g} to {high:g}"
    limits += f", multiples of {each.setting.multiple}" * (each.setting.multiple > 1)
    texts = (limits, default and f"default: {default}", each.setting.variable and f"or {each.setting.variable}")
    return f"  [{'; '.join(filter(None, texts))}]" if any(texts) else ""


def numbers_for(each: Described, text: str | tuple[int, ...]) -> tuple[int, ...]:
    """Return the numbers that a text stands for, in the range of a setting."""
    numbers = parse_numbers(text)
    try:
        each.check(numbers)
    except VidcolorError as error:
        raise typer.BadParameter(f"{error.why}. {error.remedy}.") from None
    return numbers


def metavar_of(each: Described) -> str:
    """Return what stands for the value of a setting in the help: its choices, or a word for its kind."""
    kinds = [kind for kind in (get_args(each.kind) or (each.kind,)) if kind is not type(None)]
    if each.setting.metavar or kinds == [bool]:
        return each.setting.metavar
    if get_origin(each.kind) is Literal or any(get_origin(kind) is Literal for kind in kinds):
        return "|".join(str(choice) for kind in kinds for choice in (get_args(kind) or (kind,)))
    if get_origin(each.kind) is tuple:
        return "N,N"
    return "N" if int in kinds else "NUMBER" if float in kinds else "TEXT"
