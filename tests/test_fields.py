"""Options made from settings: the same names, defaults and ranges, without being written twice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from typer.testing import CliRunner

from vidcolor.cli.app import all_commands
from vidcolor.cli.fields import Given, Only, with_settings
from vidcolor.network.config import NetworkConfig
from vidcolor.settings import (
    EvaluateSettings,
    ExtractSettings,
    FileSettings,
    RunSettings,
    Setting,
    Settings,
    ShotSettings,
    StartSettings,
    TerminalSettings,
    TrainSettings,
    described,
)


@dataclass(frozen=True)
class Everything(Settings):
    """One setting of each kind."""

    name: Annotated[str, Setting("A name.", letter="-n")] = ""
    file: Annotated[str | Path, Setting("A file.", variable="TEST_FILE")] = "fast"
    count: Annotated[int, Setting("A number.", low=0, high=9)] = 3
    share: Annotated[float | None, Setting("A share.", low=0, high=1)] = None
    at: Annotated[float, Setting("A time.", low=0, metavar="TIME")] = 0.0
    kind: Annotated[Literal["soft", "hard"], Setting("A choice.")] = "soft"
    sizes: Annotated[tuple[int, ...], Setting("Numbers.", low=1)] = (128,)
    is_off: Annotated[bool, Setting("A switch.")] = False
    is_on: Annotated[bool, Setting("Another.")] = True


def taken(annotation: Any, *arguments: str, **variables: str) -> Any:
    """What a command with one parameter of a type is given; the output where it is refused."""
    found = []
    app = typer.Typer(rich_markup_mode=None)

    def command(given: Any) -> None:
        found.append(given)

    command.__annotations__["given"] = annotation
    app.command()(with_settings(command))
    result = CliRunner().invoke(app, arguments, env=variables)
    return found[0] if result.exit_code == 0 and found else result.output


COLORING = (RunSettings, ShotSettings, FileSettings, TerminalSettings)
LEARNING = (ExtractSettings, EvaluateSettings, TrainSettings, StartSettings)


@pytest.mark.parametrize("kind", [Everything, *COLORING, *LEARNING])
def test_without_options_all_is_as_in_python(kind: type) -> None:
    """The command line and the library have the same defaults."""
    assert taken(kind) == kind()


def test_every_kind_of_value() -> None:
    """Texts become what the setting holds."""
    given = taken(
        Everything,
        *("-n", "x", "--count", "5", "--share", "0.5", "--at", "1:02", "--kind", "hard"),
        *("--sizes", "96,128", "--is-off", "--no-is-on"),
        TEST_FILE="mine.safetensors",
    )
    assert given == Everything("x", "mine.safetensors", 5, 0.5, 62.0, "hard", (96, 128), True, False)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--count", "10"), ("--count", "x"), ("--share", "1.5"), ("--at", "1:60"), ("--kind", "odd"), ("--sizes", "a")],
)
def test_wrong_values_are_usage_errors(option: str, value: str) -> None:
    """The line names the option."""
    assert f"Invalid value for '{option}'" in taken(Everything, option, value)


@pytest.mark.parametrize("text", ["", "100", "0", "128;160", "-32", "64,100"])
def test_bad_sizes_are_usage_errors(text: str) -> None:
    """Crop sizes are multiples of the network's stride."""
    assert "Invalid value for '--sizes'" in taken(TrainSettings, "--sizes", text)


def test_some_settings_only() -> None:
    """The others keep their defaults, and are no options."""
    some = Annotated[Everything, Only("count", "is_on")]
    assert taken(some, "--count", "7") == Everything(count=7)
    assert "No such option" in taken(some, "--share", "1")


def test_only_what_was_given() -> None:
    """A preset decides about the rest; its defaults stand in the help."""
    given = Annotated[dict[str, Any], Given(lambda: Everything, lambda each: f"modern {each.default}")]
    assert taken(given) == {}
    assert taken(given, "--count", "3", "--no-is-on", "--sizes", "64") == {"count": 3, "is_on": False, "sizes": (64,)}
    assert "modern (128,)" in taken(given, "--help")


def test_the_program_keeps_its_options() -> None:
    """Whoever has written them into a script can rely on them."""
    names = {
        name: {flag for param in command.params for flag in (*param.opts, *param.secondary_opts) if flag[:2] == "--"}
        for name, command in all_commands().items()
    }
    model = {"--model", "--device", "--precision", "--size"}
    colorize = {each.name for kind in (RunSettings, ShotSettings, FileSettings) for each in described(kind)}
    assert {"--" + name.replace("_", "-") for name in colorize} | {"--output", "--no-resume"} <= names["colorize"]
    assert model | {"--output", "--at", "--overwrite", "--saturation"} <= names["preview"]
    assert {"--stream", "--shots", "--json"} <= names["info"]
    assert {"--json"} <= names["models"]
    assert {"--output", "--overwrite", "--per-shot", "--max-side", "--val-share", "--json"} <= names["extract"]
    assert model | {"--saturation", "--no-calibration", "--smooth", "--degrade", "--limit"} <= names["evaluate"]
    assert {"--report", "--json"} <= names["evaluate"]
    training = {each.name for kind in (TrainSettings, StartSettings, NetworkConfig) for each in described(kind)}
    assert {"--" + name.replace("_", "-") for name in training} <= names["train"]
    assert {"--output", "--val", "--preset", "--start", "--device", "--no-mirror"} <= names["train"]
