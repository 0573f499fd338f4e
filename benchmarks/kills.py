"""A run killed at random moments, again and again: does it come to the same bytes as one that was left alone?

    python benchmarks/kills.py FILM [--kills 50] [--seed 0]

Every attempt is a process of its own, ended by SIGKILL after a random time; the same command goes on. When a film is
done before all kills are spent, it is compared and begun afresh.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def command(film: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "vidcolor", "colorize", str(film), "-o", str(out), "--preset", "veryfast"]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path, help="a film of several shots, some hundred frames")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"out{options.film.suffix}"
        began = time.monotonic()
        subprocess.run(command(options.film, out), check=True, capture_output=True)
        whole = time.monotonic() - began
        wanted = digest(out)
        out.unlink()
        kills = films = attempts = 0
        while kills < options.kills or not out.exists():
            attempts += 1
            run = subprocess.Popen(command(options.film, out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            try:
                limit = moments.uniform(0, whole) if kills < options.kills else None
                _, said = run.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                run.kill()
                run.communicate()
                kills += 1
                if sorted(Path(folder).iterdir()) != [out]:  # else the film was done, and only the process was not
                    continue
            else:
                if run.returncode:
                    sys.exit(f"attempt {attempts} failed: {said.decode()}")
            films += 1
            if digest(out) != wanted:
                sys.exit(f"film {films} differs from the uninterrupted one, after {kills} kills")
            left = sorted(path.name for path in Path(folder).iterdir() if path != out)
            if left:
                sys.exit(f"film {films} left {', '.join(left)} behind")
            if kills < options.kills:
                out.unlink()
    print(f"{kills} kills, {films} films finished, each the same to the byte as the uninterrupted one")


if __name__ == "__main__":
    main()
