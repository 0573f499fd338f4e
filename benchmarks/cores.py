"""What the cores do in each millisecond of a run of `vidcolor colorize`, and what waits.

    python benchmarks/cores.py                                  # 480p and 1080p, presets veryfast and medium
    python benchmarks/cores.py --heights 480 --presets veryfast

For each thread of the run, core milliseconds a frame by what it does, and the share of the time that it waits for
another one. A thread of Python is looked at every few milliseconds: the core time since the last look goes to the
activity that is found, the innermost module of vidcolor that the table below knows. Threads of libraries (the
decoder's, the encoder's, OpenMP's) have one row for each kind. Core time is the system's own account
(/proc/self/task, Linux only), so that other work on the machine changes little of it. The start, until the first frame
is encoded, is left out.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from itertools import product
from pathlib import Path
from types import FrameType

from clips import GRAIN, RATE, make_clip

from vidcolor.pipeline.film import colorize_film
from vidcolor.settings import RunSettings

SECONDS = {480: 20.0, 1080: 6.0}  # of the clips, by height
LOOK = 0.004  # seconds between two looks
TICKS = 100  # of core time a second, in /proc (sysconf SC_CLK_TCK on every Linux)
ACTIVITIES = {  # by the module that a thread is in, the innermost that is named here
    "network/": "network",
    "pipeline/smoothing/": "smoothing",
    "pipeline/chroma": "chroma",
    "pipeline/shot_colors": "what the film is already (tints, negatives)",
    "film/shots": "shots",
    "film/encoding/": "encoder, called",
    "film/reader": "decoder, called",
    "pipeline/segments/": "journal",
}
WAITING = ("threading.py", "queue.py")  # where a thread of Python waits for another


def ticks_of(task: Path) -> tuple[str, int]:
    """Return a thread's name in the system, and its core time so far in clock ticks."""
    name, _, rest = task.joinpath("stat").read_text().rpartition(")")
    fields = rest.split()
    return name.partition("(")[2], int(fields[11]) + int(fields[12])


def activity(frame: FrameType | None) -> str:
    """Return what a thread of Python does, by its stack."""
    while frame is not None:
        path = frame.f_code.co_filename
        if "/vidcolor/" in path:
            module = path.rpartition("/vidcolor/")[2]
            for part, name in ACTIVITIES.items():
                if module.startswith(part):
                    return name
        frame = frame.f_back
    return "other"


class Looker:
    """Looks at all threads of this process again and again, from the first encoded frame on.

    Attributes:
        spent: Clock ticks, by thread and activity.
        waits: Looks at which a thread of Python waited for another, by thread.
        looks: All looks.
    """

    def __init__(self) -> None:
        self.spent: Counter[tuple[str, str]] = Counter()
        self.waits: Counter[str] = Counter()
        self.looks = 0
        self.frames = 0
        self.began: float | None = None
        self.ended = 0.0
        self._first = 0
        self._before: dict[str, int] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="looker")

    def progress(self, done: int, expected: int) -> None:
        """Take the pipeline's word that a frame is done."""
        if self.began is None and done:
            self.began, self._first = time.perf_counter(), done
        self.frames, self.ended = done - self._first, time.perf_counter()

    def __enter__(self) -> Looker:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(LOOK):
            stacks, counts = sys._current_frames(), self.began is not None
            python = {thread.native_id: thread for thread in threading.enumerate()}
            self.looks += counts
            for task in Path("/proc/self/task").iterdir():
                try:
                    name, ticks = ticks_of(task)
                except OSError:  # it has ended since
                    continue
                since, self._before[task.name] = ticks - self._before.get(task.name, 0), ticks
                thread = python.get(int(task.name))
                if thread is self._thread:
                    continue
                if thread is None:
                    who, what = name.rstrip("0123456789"), "threads of libraries that it began"
                else:
                    stack = stacks.get(thread.ident or 0)
                    who, what = thread.name, activity(stack)
                    _name_in_system(task, who)
                    self.waits[who] += counts and stack is not None and stack.f_code.co_filename.endswith(WAITING)
                if counts and since:
                    self.spent[who, what] += since


def _name_in_system(task: Path, name: str) -> None:
    """Give a thread its name in the system too: threads that it starts inherit it."""
    name = name[:15]
    if task.joinpath("comm").read_text().strip() != name:
        task.joinpath("comm").write_text(name)


def profile(clip: Path, preset: str) -> None:
    """Colorize a clip and print where its core time went."""
    with tempfile.TemporaryDirectory() as folder, Looker() as found:
        colorize_film(clip, Path(folder) / "out.mp4", settings=RunSettings(preset=preset), progress=found.progress)
    if found.began is None or not found.frames:
        sys.exit("the clip is too short to be looked at")
    total = sum(found.spent.values())
    wall = (found.ended - found.began) / found.frames
    print("| thread | what it does | core ms a frame | waits for others |")
    print("| --- | --- | ---: | ---: |")
    for (who, what), ticks in found.spent.most_common():
        waits = f"{found.waits[who] / found.looks:.0%}" if who in found.waits else ""
        if ticks * 200 >= total:
            print(f"| {who} | {what} | {ticks / TICKS / found.frames * 1000:.2f} | {waits} |")
    print(f"| all | | {total / TICKS / found.frames * 1000:.2f} | |")
    print(f"\n{found.frames} frames, {wall * 1000:.2f} ms each by the clock")


def main() -> None:
    """Make the clips, and profile a run of each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, default=Path(tempfile.gettempdir()) / "vidcolor-clips")
    parser.add_argument("--heights", type=int, nargs="+", default=list(SECONDS), choices=list(SECONDS))
    parser.add_argument("--presets", nargs="+", default=["veryfast", "medium"])
    parser.add_argument("--work", nargs=2, metavar=("CLIP", "PRESET"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        profile(Path(given.work[0]), given.work[1])
        return
    given.clips.mkdir(parents=True, exist_ok=True)
    for height, preset in product(given.heights, given.presets):
        seconds = SECONDS[height]
        clip = given.clips / f"{height}p-grainy-{seconds:g}s.mp4"
        if not clip.exists():
            make_clip(clip, height, seconds=seconds, grain=GRAIN)
        print(f"\n{height}p, {preset}, {round(seconds * RATE)} frames:\n", flush=True)
        subprocess.run([sys.executable, __file__, "--work", str(clip), preset], check=True)


if __name__ == "__main__":
    main()
