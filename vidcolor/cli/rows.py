"""What is said of each input of several."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli.terminal import Terminal

if TYPE_CHECKING:
    from vidcolor.pipeline.result import Outcome


def tell(outcome: Outcome, terminal: Terminal) -> None:
    """Say what became of one input of several."""
    source, result = outcome.job.source, outcome.result
    for note in result.notes if result else ():
        terminal.say(f"note: {source}: {note}")
    for warning in result.warnings if result else ():
        terminal.warn(warning, source)
    if outcome.error:
        terminal.event("failed", file=str(source), error=outcome.error)
    else:
        found = asdict(result) if result else {"output": outcome.job.output}
        terminal.event("finished" if result else "skipped", file=str(source), **found)
    print_row(terminal, outcome.status, source, outcome.error or str(outcome.job.output))


def print_row(terminal: Terminal, status: str, source: Path, text: str) -> None:
    """Print a line of a batch's table; to be quiet is to print failures alone."""
    if not terminal.settings.json and (status == "failed" or not terminal.settings.quiet):
        terminal.show(f"{status:>7}  {source}  {text}")


def size_of(path: Path) -> int:
    """Return the bytes of a file: how much work it is, beside others."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
