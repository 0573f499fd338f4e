"""A film of hours: do memory and journal keep their size, joining its speed, and is a killed run soon taken up again?

    python benchmarks/long.py                # three hours of film, small frames: about as long to run
    python benchmarks/long.py --minutes 20   # a shortened form

The film is made here. It is colorized by the command line in a process of its own, which is killed (SIGKILL) when 95 %
of the frames are finished, and begun again. Told are

- the highest resident memory of the first and of the second run;
- the journal: its bytes, and the bytes a segment, in the first and in the second half of the film;
- how long the second run takes until its first new frame is on its way: resuming;
- how long it takes from the last frame to the finished film: joining; beside it a plain copy of the output, read and
  written through to the disk, and the same for a film of half the length, whose joining should take half the time.

It fails (exit code 1) where resuming takes more than 10 s, memory of the second half more than 1.05 times that of the
first, or joining of the whole film more than three times that of half of it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from memory import MOST, RATE, write_film

SMALL = (64, 48)  # width and height of the pictures
KILLED_AT = 0.95  # share of the frames
SOON = 10.0  # seconds that resuming may take
STEEP = 3.0  # times as long that joining twice as much may take
MARGIN = 1 / 20  # of the frames at the beginning, while queues and caches fill, whose memory does not count


@dataclass
class Run:
    """What is seen of one run from outside.

    Attributes:
        ready: Seconds from the start of the process to the first frame that it makes; None: it made none.
        joining: From the last frame to the end of the process; None: it was killed.
        peaks: Highest resident memory in MiB while each half of the film was made.
        frames: Finished when it ended, those of earlier runs included.
    """

    ready: float | None = None
    joining: float | None = None
    peaks: list[int] = field(default_factory=lambda: [0, 0])
    frames: int = 0


def run(film: Path, out: Path, count: int, kill_at: int | None = None) -> Run:
    """Colorize a film in a process of its own, and watch it.

    Args:
        kill_at: Number of finished frames at which the process is killed.
    """
    began = time.monotonic()
    command = [sys.executable, __file__, "--work", str(film), str(out)]
    seen, last = Run(), began
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for done, resident in told(process):
            now = time.monotonic()
            seen.ready = now - began if seen.ready is None else seen.ready
            seen.frames, last = done, now
            if done > count * MARGIN:
                half = min(1, 2 * done // count)
                seen.peaks[half] = max(seen.peaks[half], resident)
            if kill_at is not None and done >= kill_at:
                process.send_signal(signal.SIGKILL)
                break
    if kill_at is None:
        if process.returncode:
            sys.exit(f"{' '.join(command)} failed")
        seen.joining = time.monotonic() - last
    return seen


def told(process: subprocess.Popen[str]) -> Iterator[tuple[int, int]]:
    """Yield the frames that are done, and the resident memory in MiB, as the process tells them."""
    assert process.stdout is not None
    for line in process.stdout:
        done, resident = line.split()
        yield int(done), int(resident)


def work(film: Path, out: Path) -> None:
    """Colorize a film, and print how far it is: the first new frame, every 25th, and the last."""
    from memory import resident

    from vidcolor.pipeline.film import colorize_film
    from vidcolor.settings import RunSettings

    told_first = False

    def progress(done: int, total: int) -> None:
        nonlocal told_first
        if not told_first or done % RATE == 0 or done == total:
            print(done, resident(), flush=True)
            told_first = True

    colorize_film(film, out, settings=RunSettings(size=32, preset="ultrafast"), progress=progress)


def journal_of(out: Path) -> list[int]:
    """Return the bytes of each line of an unfinished film's journal; the first one tells of the run."""
    path = out.parent / f".{out.name}.vidcolor" / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    for line in lines[:-1]:
        json.loads(line)  # all but the last one, which may be torn, can be read
    return [len(line) for line in lines]


def copy_through(path: Path) -> float:
    """Return the seconds in which a file is read, and written through to the disk."""
    began = time.monotonic()
    copied = path.with_suffix(".copy")
    with path.open("rb") as source, copied.open("wb") as target:
        while data := source.read(1 << 20):
            target.write(data)
        os.fsync(target.fileno())
    seconds = time.monotonic() - began
    copied.unlink()
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=180)
    parser.add_argument("--folder", type=Path, help="where the films go; default: a temporary one")
    parser.add_argument("--work", nargs=2, type=Path, metavar=("FILM", "OUTPUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(*options.work)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        if measured(Path(name), options.minutes):
            sys.exit(1)


def measured(folder: Path, minutes: float) -> bool:
    """Print what is found of a film of so many minutes; return whether something is too much."""
    joins: list[tuple[float, int, float]] = []
    for length in (minutes / 2, minutes):
        count = round(length * 60 * RATE)
        film, out = folder / f"{length:g}.mkv", folder / f"{length:g}.out.mkv"
        write_film(film, count, *SMALL)
        first = run(film, out, count, kill_at=round(KILLED_AT * count))
        sizes = journal_of(out)
        second = run(film, out, count)
        assert second.ready is not None
        assert second.joining is not None
        joins.append((second.joining, out.stat().st_size, copy_through(out)))
    segments = sizes[1:]
    middle = len(segments) // 2
    halves = [sum(part) / max(1, len(part)) for part in (segments[:middle], segments[middle:])]
    growth = max(second.peaks[1], first.peaks[1]) / max(1, first.peaks[0])
    ratio = joins[1][0] / joins[0][0]
    print(f"{count} frames of {SMALL[0]}x{SMALL[1]}, killed at {first.frames}")
    print(f"memory: peak {first.peaks[0]} MiB in the first half, {first.peaks[1]} in the second, {growth:.3f} times")
    print(f"journal: {sum(sizes)} bytes, {len(segments)} segments of {halves[0]:.0f} and {halves[1]:.0f} bytes")
    print(f"resumed: the first new frame after {second.ready:.1f} s")
    for length, (seconds, size, copied) in zip((minutes / 2, minutes), joins, strict=True):
        print(f"joined: {length:g} minutes, {size / 1e6:.1f} MB, in {seconds:.2f} s; copied in {copied:.2f} s")
    print(f"twice the film takes {ratio:.2f} times as long to join")
    return second.ready > SOON or growth > MOST or ratio > STEEP


if __name__ == "__main__":
    main()
