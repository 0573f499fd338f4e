"""A film of hours: do memory and journal keep their size, joining its speed, and is a killed run soon taken up again?

    python benchmarks/long.py                # three hours of film, small frames: about as long to run
    python benchmarks/long.py --minutes 20   # a shortened form

The film is made here. It is colorized by the command line in a process of its own, which is killed (SIGKILL) when 95 %
of the frames are finished, and begun again. Told are

- the highest resident memory while each half of the film was made, and of all of it, joining included;
- the journal: its bytes, and the bytes a segment, in the first and in the second half of the film;
- how long the second run takes until its first new frame is on its way: resuming;
- how long it takes from the last frame to the finished film: joining; and the same for a film of half the length, whose
  joining should take half the time.

Small frames say how joining grows with their number. How it grows with their bytes is told by another film, of large
frames that are not compressed (--large): its joining stands beside a plain copy of the output, read and written through
to the disk.

It fails (exit code 1) where resuming takes more than 10 s; where memory of the second half, or of the whole film with
its joining, is more than 1.05 times that of the first half, or of half the film; where segments of the second half take
more than 1.25 times the bytes of the first in the journal; where joining of the whole film takes more than three times
that of half of it; or where joining the large frames takes more than three times their copy.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
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
STEEP = 3.0  # times as long that joining twice as much may take, or joining may take beside a copy
WORDY = 1.25  # times the bytes a segment that the journal's second half may take
LARGE = (1280, 720)  # width and height of pictures whose bytes count, not their number
JOINED = -1  # in place of a number of frames: the film is finished
MARGIN = 1 / 20  # of the frames at the beginning, while queues and caches fill, whose memory does not count


@dataclass
class Run:
    """What is seen of one run from outside.

    Attributes:
        ready: Seconds from the start of the process to the first frame that it makes; None: it made none.
        joining: From the last frame to the finished film; None: it was killed.
        peaks: Highest resident memory in MiB while each half of the film was made.
        peak: The same of the whole process, joining included; 0: it was killed.
        frames: Finished when it ended, those of earlier runs included.
    """

    ready: float | None = None
    joining: float | None = None
    peaks: list[int] = field(default_factory=lambda: [0, 0])
    peak: int = 0
    frames: int = 0


def run(film: Path, out: Path, count: int, kill_at: int | None = None, codec: str = "") -> Run:
    """Colorize a film in a process of its own, and watch it.

    Args:
        kill_at: Number of finished frames at which the process is killed.
        codec: Of the output.
    """
    began = time.monotonic()
    command = [sys.executable, __file__, "--work", str(film), str(out), codec]
    seen, last = Run(), began
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for done, resident in told(process):
            now = time.monotonic()
            if done == JOINED:
                seen.joining, seen.peak = now - last, resident
                continue
            seen.ready = now - began if seen.ready is None else seen.ready
            seen.frames, last = done, now
            if done > count * MARGIN:
                half = min(1, 2 * done // count)
                seen.peaks[half] = max(seen.peaks[half], resident)
            if kill_at is not None and done >= kill_at:
                process.send_signal(signal.SIGKILL)
                break
    if kill_at is None and process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return seen


def told(process: subprocess.Popen[str]) -> Iterator[tuple[int, int]]:
    """Yield the frames that are done, and the resident memory in MiB, as the process tells them."""
    assert process.stdout is not None
    for line in process.stdout:
        done, resident = line.split()
        yield int(done), int(resident)


def work(film: Path, out: Path, codec: str) -> None:
    """Colorize a film, and print how far it is: the first new frame, every 25th, the last, and that it is joined."""
    from memory import resident

    from vidcolor.pipeline.film import colorize_film
    from vidcolor.settings import RunSettings

    before, told_first = 0, False

    def progress(done: int, total: int) -> None:
        nonlocal before, told_first
        is_new = done == before + 1  # not those of an earlier run, which are told of at once
        if is_new and (not told_first or done % RATE == 0 or done == total):
            print(done, resident(), flush=True)
            told_first = True
        before = done

    how = RunSettings(size=32, codec=codec, preset="" if codec else "ultrafast")
    colorize_film(film, out, settings=how, progress=progress)
    print(JOINED, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, flush=True)


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
    parser.add_argument("--large", type=int, default=600, help="frames of the film of large ones; 0: without it")
    parser.add_argument("--work", nargs=3, metavar=("FILM", "OUTPUT", "CODEC"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        film, out, codec = options.work
        work(Path(film), Path(out), codec)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        too_much = measured(Path(name), options.minutes)
        if options.large:
            too_much += at_the_speed_of_the_disk(Path(name), options.large)
    for line in too_much:
        print(f"too much: {line}")
    sys.exit(1 if too_much else 0)


def measured(folder: Path, minutes: float) -> list[str]:
    """Print what is found of a film of so many minutes; return what of it is too much."""
    runs: list[Run] = []
    for length in (minutes / 2, minutes):
        count = round(length * 60 * RATE)
        film, out = folder / f"{length:g}.mkv", folder / f"{length:g}.out.mkv"
        write_film(film, count, *SMALL)
        first = run(film, out, count, kill_at=round(KILLED_AT * count))
        sizes = journal_of(out)
        runs.append(run(film, out, count))
    second = runs[1]
    assert second.ready is not None
    joins = [each.joining for each in runs if each.joining is not None]
    segments = sizes[1:]
    middle = len(segments) // 2
    halves = [sum(part) / max(1, len(part)) for part in (segments[:middle], segments[middle:])]
    growth = max(second.peaks[1], first.peaks[1]) / max(1, first.peaks[0])
    whole = second.peak / runs[0].peak
    ratio = joins[1] / joins[0]
    print(f"{count} frames of {SMALL[0]}x{SMALL[1]}, killed at {first.frames}")
    print(f"memory: peak {first.peaks[0]} MiB in the first half, {first.peaks[1]} in the second, {growth:.3f} times")
    print(f"memory of the second run with joining: peak {second.peak} MiB, {whole:.3f} times that of half the film")
    print(f"journal: {sum(sizes)} bytes, {len(segments)} segments of {halves[0]:.0f} and {halves[1]:.0f} bytes")
    print(f"resumed: the first new frame after {second.ready:.1f} s")
    for length, seconds in zip((minutes / 2, minutes), joins, strict=True):
        print(f"joined: {length:g} minutes in {seconds:.2f} s")
    print(f"twice the film takes {ratio:.2f} times as long to join")
    found = {
        "resuming": second.ready > SOON,
        "memory of the second half": growth > MOST,
        "memory with joining": whole > MOST,
        "the journal's second half": halves[1] > WORDY * halves[0],
        "joining the whole film": ratio > STEEP,
    }
    return [what for what, is_too_much in found.items() if is_too_much]


def at_the_speed_of_the_disk(folder: Path, count: int) -> list[str]:
    """Print how fast so many large frames are joined; return what of it is too much."""
    film, out = folder / "large.mkv", folder / "large.out.mkv"
    write_film(film, count, *LARGE)
    joining = run(film, out, count, codec="rawvideo").joining
    assert joining is not None
    size = out.stat().st_size / 1e6
    copied = copy_through(out)
    print(
        f"{count} frames of {LARGE[0]}x{LARGE[1]}, {size:.0f} MB: joined in {joining:.2f} s ({size / joining:.0f} MB/s)"
    )
    print(f"copied in {copied:.2f} s ({size / copied:.0f} MB/s): joining takes {joining / copied:.2f} times as long")
    return ["joining beside a copy"] if joining > STEEP * copied else []


if __name__ == "__main__":
    main()
