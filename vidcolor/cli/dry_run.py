"""A dry run: what a run would do, told input by input, from about a second of real work on each."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from vidcolor.cli.terminal import Terminal, span
from vidcolor.settings import FileSettings, RunSettings, ShotSettings

if TYPE_CHECKING:
    from vidcolor.pipeline.forecast import Forecast


def dry_run(
    sources: Sequence[Path],
    output: Path | None,
    run: RunSettings,
    shot: ShotSettings,
    files: FileSettings,
    terminal: Terminal,
) -> bool:
    """Tell what coloring would do; nothing is written. Return whether all of it would succeed."""
    from vidcolor.pipeline.forecast import forecast_all
    from vidcolor.pipeline.inputs import find_inputs, passed_over

    inputs = find_inputs(sources, recursive=files.recursive)
    for line in passed_over(sources, recursive=files.recursive):
        terminal.say(f"note: {line}")
    found = []
    with terminal.progress({str(source): 1 for source, _ in inputs}) as progress:
        for each in forecast_all(
            inputs, output, overwrite=files.overwrite, settings=run, shot=shot,
            begin=lambda source: progress.begin(str(source)),
        ):  # fmt: skip
            found.append(each)
            progress.end()
            if not terminal.settings.json:
                for line in described(each):
                    terminal.show(line)
    if terminal.settings.json:
        terminal.result([asdict(each) for each in found])
    wanted = [each for each in found if not each.skipped and not each.error]
    if len(wanted) > 1:
        terminal.say(f"{len(wanted)} of {len(found)} inputs: {amounts(wanted)}")
    for line in shortage(wanted):
        terminal.warn(line)
    return not any(each.error for each in found)


def described(each: Forecast) -> list[str]:
    """Return the lines that tell of one input."""
    if each.error:
        return [f"{each.source} fails: {each.error}"]
    if each.skipped:
        return [f"{each.source} is skipped: {each.output} exists"]
    frames = f"{each.frames} frame{'s' * (each.frames != 1)}" if each.frames else "frames unknown"
    done = f", {each.resumed} of them done already" if each.resumed else ""
    settings = [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in each.settings.items()
    ]
    return [
        f"{each.source} -> {each.output}",
        f"  {frames}{done}: {amounts([each])}",
        f"  {', '.join(settings)}",
    ]


def amounts(all_of: Sequence[Forecast]) -> str:
    """Return the time and the bytes that inputs take together."""
    seconds = [each.seconds for each in all_of if each.seconds is not None]
    sizes = [each.bytes for each in all_of if each.bytes is not None]
    unknown = " and what is unknown" * (len(sizes) < len(all_of))
    return f"about {span(sum(seconds))} and {megabytes(sum(sizes))}{unknown}" if sizes else "time and size unknown"


def megabytes(size: float) -> str:
    """Return a number of bytes to read."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def shortage(wanted: Sequence[Forecast]) -> list[str]:
    """Return a line for each disk that has less room than its outputs take."""
    needed: dict[int, tuple[Path, int]] = {}
    for each in wanted:
        folder = next(parent for parent in each.output.absolute().parents if parent.is_dir())
        disk = folder.stat().st_dev
        needed[disk] = (folder, needed.get(disk, (folder, 0))[1] + (each.bytes or 0))
    free = {disk: shutil.disk_usage(folder).free for disk, (folder, _) in needed.items()}
    return [
        f"the disk of {folder} has {megabytes(free[disk])} left, and {megabytes(size)} are needed"
        for disk, (folder, size) in needed.items()
        if size > free[disk]
    ]
