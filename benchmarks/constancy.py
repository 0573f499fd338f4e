"""Whether one coat keeps one color: how far the color of points that are followed through a film wanders.

    python benchmarks/constancy.py FOOTAGE [--frames 72]

FOOTAGE is a folder of color clips, each a single shot. Points are followed on the truth, forwards and back. The spread
of a point is the standard deviation of its ab over the shot, in ab units: sqrt(var a + var b). Light changes, so the
truth has a spread of its own.

Then three shots are made of each two clips, one film: the first third of a clip, another clip, and the last third. How
far is the color of a point in the third shot from its color in the first? It is measured for the truth, for the film as
it comes, and where the third shot is said to be ``like`` the first, whose first frame was given its true colors.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from statistics import mean

import av
import cv2
import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent.parent
SHORT = 240  # pixels, the short side at which films are colored and compared
POINTS = 200  # of a clip, at most
APART = 8  # pixels between points
RETURNS = 0.5  # pixels by which a point that is followed there and back may miss its place
PATCH = 5  # pixels, of which a point's color is the mean
Pictures = list[NDArray[np.uint8]]
Tracks = NDArray[np.float32]


def pictures(path: Path, count: int = sys.maxsize) -> Pictures:
    """The first frames of a film as sRGB, small and of even sides."""
    with av.open(str(path)) as container:
        found = []
        for frame in islice(container.decode(video=0), count):
            scale = min(1.0, SHORT / min(frame.width, frame.height))
            width, height = (2 * round(side * scale / 2) for side in (frame.width, frame.height))
            found.append(cv2.resize(frame.to_ndarray(format="rgb24"), (width, height), interpolation=cv2.INTER_AREA))
        return found


def write(path: Path, shown: Sequence[NDArray[np.uint8]]) -> None:
    """A film without loss, in color."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.height, stream.width = shown[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        for number, picture in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is seen without colors, ``(H, W)``."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def followed(shown: Pictures) -> Tracks:
    """Points that stay in sight from the first frame to the last, ``(frames, points, 2)``."""
    before = grey(shown[0])
    start = cv2.goodFeaturesToTrack(before, POINTS, 0.01, APART)
    tracks = [start.reshape(-1, 2)] if start is not None else [np.zeros((0, 2), np.float32)]
    for picture in shown[1:]:
        if not len(tracks[-1]):
            break
        now = grey(picture)
        there, seen, _ = cv2.calcOpticalFlowPyrLK(before, now, tracks[-1][:, None], None)
        back, seen_back, _ = cv2.calcOpticalFlowPyrLK(now, before, there, None)
        miss = np.hypot(*(back[:, 0] - tracks[-1]).T)
        height, width = now.shape
        inside = (there[:, 0] >= PATCH).all(axis=1) & (there[:, 0] < (width - PATCH, height - PATCH)).all(axis=1)
        kept = (seen[:, 0] == 1) & (seen_back[:, 0] == 1) & (miss < RETURNS) & inside
        tracks = [each[kept] for each in [*tracks, there[:, 0]]]
        before = now
    return np.stack(tracks)


def colors(shown: Pictures, tracks: Tracks) -> NDArray[np.float32]:
    """The ab of points in each frame, ``(frames, points, 2)``."""
    rows = []
    for picture, places in zip(shown, tracks, strict=True):
        lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        patches = cv2.blur(lab[..., 1:], (PATCH, PATCH))
        x, y = np.rint(places).astype(int).T
        rows.append(patches[y, x])
    return np.stack(rows)


def spread(shown: Pictures, tracks: Tracks) -> float:
    """The mean over points of the standard deviation of ab over time."""
    return float(np.sqrt(colors(shown, tracks).var(axis=0).sum(axis=1)).mean())


def apart(shown: Pictures, tracks: Tracks, third: int) -> float:
    """The mean distance of points' mean ab in the last frames from that in the first ones."""
    found = colors(shown, tracks)
    return float(np.hypot(*(found[:third].mean(axis=0) - found[-third:].mean(axis=0)).T).mean())


def command(*words: str | Path) -> None:
    """Run a command of vidcolor."""
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        [sys.executable, "-m", "vidcolor", *map(str, words)], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stderr)


def told(shots: Path, truth: Path) -> None:
    """Say in a list of three shots that the third is like the first, whose first frame has the colors of a picture."""
    with open(shots, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0]["reference"], rows[2]["like"] = f"{rows[0]['start']}={truth.name}", rows[0]["shot"]
    with open(shots, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)


def colored(folder: Path, shown: Pictures, *options: str | Path) -> Pictures:
    """The frames of a film as vidcolor colors them."""
    source, output = folder / "film.mkv", folder / "film.color.mkv"
    write(source, shown)
    command("colorize", source, "-o", output, "--codec", "ffv1", "--no-resume", "-y", *options)
    return pictures(output)


def clips(folder: Path, count: int) -> Iterator[tuple[str, Pictures, Tracks]]:
    """Clips with at least twenty points that stay in sight."""
    for path in sorted(folder.iterdir()):
        shown = pictures(path, count)
        tracks = followed(shown)
        if len(tracks) == len(shown) and tracks.shape[1] >= 20:
            yield path.stem, shown, tracks


def line(title: str, points: str, values: Sequence[float]) -> str:
    """A row of the table."""
    return f"| {title} | {points} | {' | '.join(f'{value:.2f}' for value in values)} |"


def main() -> None:
    """Print a row for each clip, and the means."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("footage", type=Path)
    parser.add_argument("--frames", type=int, default=72)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    found = list(clips(options.footage, options.frames))
    rows = []
    print("| clip | points | spread | truth's | first to third shot | told | truth's |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for (title, shown, tracks), (_, other, _) in zip(found, [*found[1:], found[0]], strict=True):
            third = len(shown) // 3
            height, width = shown[0].shape[:2]
            between = [cv2.resize(picture, (width, height)) for picture in other[:third]]
            film = [*shown[:third], *between, *shown[-third:]]
            alone = [*range(third), *range(2 * third, 3 * third)]  # frames of the film that show the clip
            ends = np.concatenate([tracks[:third], tracks[-third:]])
            automatic = colored(folder, film)
            cv2.imwrite(str(folder / "truth.png"), shown[0][..., ::-1])
            command("shots", folder / "film.mkv", "-o", folder / "film.shots.csv", "-y")
            told(folder / "film.shots.csv", folder / "truth.png")
            guided = colored(folder, film, "--shots", folder / "film.shots.csv")
            rows.append((
                spread(colored(folder, shown), tracks), spread(shown, tracks),
                apart([automatic[place] for place in alone], ends, third),
                apart([guided[place] for place in alone], ends, third), apart(shown, tracks, third),
            ))  # fmt: skip
            print(line(title, str(tracks.shape[1]), rows[-1]), flush=True)
    print(line("mean", "", [mean(values) for values in zip(*rows, strict=True)]))


if __name__ == "__main__":
    main()
