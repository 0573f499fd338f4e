"""docs/command-line.md lists every command and option as the program has them: its tables are written from here."""

from __future__ import annotations

from pathlib import Path

from vidcolor.cli.app import all_commands, help_of
from vidcolor.cli.process import QUIET_LIBRARIES
from vidcolor.settings import MESSAGES, FileSettings, RunSettings, TerminalSettings, described

DOCS = Path(__file__).parent.parent / "docs" / "command-line.md"
BEGIN, END = "<!-- options, written by tests/test_command_docs.py -->\n", "<!-- end of options -->\n"


def table(groups: dict[str, list[tuple[str, str]]]) -> str:
    """Headings with their options as a table of Markdown."""
    lines = ["| option | meaning |", "| --- | --- |"]
    for heading, rows in groups.items():
        lines.append(f"| **{heading}** | |")
        for names, text in rows:
            cells = (f"`{names}`", " ".join(text.split()))
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def written() -> str:
    """What all commands take, then a section for each: its help, and a table of its arguments and options."""
    parts = []
    for name, command in all_commands().items():
        with command.make_context(name, [], resilient_parsing=True, help_option_names=["-h", "--help"]) as ctx:
            groups = help_of(command, ctx)
        common = groups.pop(MESSAGES)
        text = " ".join(command.help.split())
        parts.append(
            f"## vidcolor {name}\n\n{text}\n\n{table(groups)}" if groups else f"## vidcolor {name}\n\n{text}\n"
        )
    return "\n".join([f"## All commands\n\n{table({MESSAGES: common})}", *parts])


def test_the_options_are_documented() -> None:
    """The tables in the docs are those of the program; where they are not, they are written anew and want a commit."""
    text = DOCS.read_text()
    before, rest = text.split(BEGIN)
    wanted = f"{before}{BEGIN}{written()}{END}{rest.split(END)[1]}"
    if wanted != text:
        DOCS.write_text(wanted)
    assert wanted == text, "the options have changed: docs/command-line.md is written anew, commit it"


def test_every_variable_is_documented() -> None:
    """What the program reads from the environment, or puts there, stands in the docs."""
    kinds = (RunSettings, FileSettings, TerminalSettings)
    read = {each.setting.variable for kind in kinds for each in described(kind)} - {""}
    text = DOCS.read_text()
    assert read == {"VIDCOLOR_MODEL", "VIDCOLOR_DEVICE"}
    for name in (*read, *QUIET_LIBRARIES, "VIDCOLOR_DEBUG", "NO_COLOR"):
        assert f"`{name}`" in text, name
