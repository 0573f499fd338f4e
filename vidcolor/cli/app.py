"""The command line: parse, call one verb of a lower floor, print.

Results go to stdout, everything else to stderr. Heavy modules are imported inside the commands, so that
``--help`` answers at once.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable
from contextlib import closing
from functools import wraps
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from vidcolor.cli import commands, farm, process, shots, training
from vidcolor.cli.cluster import with_address
from vidcolor.cli.fields import with_settings
from vidcolor.cli.terminal import Terminal, forget
from vidcolor.errors import VidcolorError, reason
from vidcolor.settings import GROUPS, MESSAGES, TerminalSettings

FAILED, INTERRUPTED = 1, 130


class Command(typer.core.TyperCommand):
    """A command whose help lists its options under the headings of their settings."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the arguments; the value of --ray may be left out."""
        names = {name for parameter in self.params for name in parameter.opts}
        return super().parse_args(ctx, with_address(args) if "--ray" in names else args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options under their headings."""
        for heading, rows in help_of(self, ctx).items():
            with formatter.section(heading):
                formatter.write_dl(rows)


def help_of(command: Any, ctx: Any) -> dict[str, list[tuple[str, str]]]:
    """Return the arguments and options of a command under their headings, each as its names and its help."""
    groups: dict[str, list[tuple[str, str]]] = {heading: [] for heading in ("Arguments", *GROUPS)}
    for parameter in command.get_params(ctx):
        argument = parameter.param_type_name == "argument"
        heading = "Arguments" if argument else getattr(parameter, "rich_help_panel", None) or MESSAGES
        flags = () if argument else (", ".join(sorted(parameter.opts, key=len)), *parameter.secondary_opts)
        names = f"{' / '.join(flags)} {parameter.metavar or ''}".strip()
        groups[heading].append((names, f"{parameter.help}{'  [required]' * parameter.required}"))
    return {heading: rows for heading, rows in groups.items() if rows}


class Commands(typer.core.TyperGroup):
    """The program's commands. One is made when it is asked for: the help of all tells their names and first lines."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands, made or not."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command by its name, made when first asked for; None when there is none."""
        for name in (cmd_name,) if cmd_name in VERBS else VERBS:  # all of them to guess what a slip meant
            if name not in self.commands:
                single = typer.Typer(add_completion=False, rich_markup_mode=None)
                single.command(cls=Command)(with_settings(with_manners(VERBS[name])))
                self.commands[name] = typer.main.get_command(single)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the names of the commands with the first lines of their help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, (verb.__doc__ or "").partition("\n")[0]) for name, verb in VERBS.items()])


app = typer.Typer(
    cls=Commands,
    help="Colorize black-and-white film.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text: for a screen of any kind, and in a third of the time
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


def tell_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        from importlib.metadata import version

        print(f"vidcolor {version('vidcolor')}")
        raise typer.Exit


@app.callback()
def before_any_command(
    version: Annotated[
        bool, typer.Option("--version", callback=tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Do nothing: the options of the program itself are all answered by their callbacks."""


def with_manners(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that is given its terminal, and whose failures become one line and an exit code."""

    @wraps(command)
    def run(*, terminal: TerminalSettings, **given: Any) -> None:
        screen = Terminal(terminal)
        try:
            with screen.hearing_logs(), closing(screen):
                command(**given, terminal=screen)
        except KeyboardInterrupt as stop:
            screen.interrupted(str(stop))
            raise typer.Exit(INTERRUPTED) from None
        except VidcolorError as error:
            if process.is_debugging():
                raise
            screen.fail(error)
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:  # whoever reads has seen enough, as head has: no reason to say anything
            forget(sys.stdout)
            raise typer.Exit(FAILED) from None
        except OSError as error:
            if process.is_debugging() or not error.filename:
                traceback.print_exc()
            else:  # a folder that cannot be searched, a name that is too long: met before anything was opened
                screen.fail(f"cannot open {error.filename}: {reason(error)}.")
            raise typer.Exit(FAILED) from None

    parameters = inspect.signature(command).parameters.values()
    settings = {"terminal": TerminalSettings}
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # inspect's own way
        [each.replace(annotation=settings.get(each.name, each.annotation)) for each in parameters]
    )
    run.__annotations__ = {**command.__annotations__, **settings}
    return run


VERBS: dict[str, Callable[..., None]] = {}
for verb in (
    *(commands.colorize, commands.preview, shots.shots, commands.info, commands.models),
    *(farm.plan, farm.work, farm.join),
    *(training.train, training.extract, training.evaluate, training.export),
):
    VERBS[verb.__name__] = verb


def all_commands() -> dict[str, Any]:
    """Return all commands by their names, as typer has made them."""
    group: Any = typer.main.get_command(app)
    return {name: group.get_command(None, name) for name in group.list_commands(None)}


def main() -> None:
    """Run the command line; expected failures become one line on stderr and exit code 1."""
    process.prepare()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except OSError as error:  # the help, or the version, into a full disk: commands answer for themselves
        forget(sys.stdout)
        print(f"vidcolor: error: cannot print: {reason(error)}.", file=sys.stderr)
        sys.exit(FAILED)
