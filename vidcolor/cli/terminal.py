"""What the command line says: results on stdout; lines for the reader and bars on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any


def say(line: str) -> None:
    """A line for the reader, beside the results."""
    print(f"vidcolor: {line}", file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    print(json.dumps(value, default=str))


@contextmanager
def progress_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with frames, fps and time left; nothing at all when stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[fps]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None, fps="")

        def update(done: int, total: int) -> None:
            speed = bar.tasks[task].speed
            bar.update(task, completed=done, total=total or None, fps=f"{speed:.1f} fps" if speed else "")

        yield update


@contextmanager
def training_bar() -> Iterator[Callable[[dict[str, float]], None]]:
    """Loss, images per second and time left, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda values: None
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("training") as status:

        def update(v: dict[str, float]) -> None:
            left = timedelta(seconds=round(v["seconds_left"]))
            status.update(
                f"epoch {v['epoch'] + 1:.0f}, step {v['step'] + 1:.0f} of {v['steps']:.0f}, loss {v['loss']:.4g}, "
                f"{v['images_per_second']:.0f} images/s, {left} left"
            )

        yield update
