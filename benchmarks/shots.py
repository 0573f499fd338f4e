"""How well cuts, dissolves and fades are found: films joined from clips, turned grey, with known boundaries.

    python benchmarks/shots.py FOOTAGE [--joins 50] [--seed 0]

FOOTAGE is a folder of clips, each a single shot. A film has six pieces of them. A boundary counts as found within one
frame of a cut and within half the length of a transition.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.film.frame import VideoInfo
from vidcolor.film.reader import frames, open_video
from vidcolor.film.shots import Boundary, WithBoundaries, thumbnail

Pictures = NDArray[np.float32]  # (frames, 192, 256), code values
SIZE = (256, 192)
PIECES = 6
BLACK = 16.0


@dataclass(frozen=True)
class Film:
    pictures: list[NDArray[np.float32]]
    truth: list[tuple[float, int]]  # the middle of each transition, and its length


def load(folder: Path) -> dict[str, Pictures]:
    clips = {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".mp4", ".mkv", ".mov")):
        with open_video(path) as video:
            clips[path.stem] = np.stack([shrink(frame.luma, video.info) for frame in frames(video)])
    return clips


def shrink(luma: NDArray, info: VideoInfo) -> NDArray[np.float32]:
    return cv2.resize(luma, SIZE, interpolation=cv2.INTER_AREA).astype(np.float32) / (1 << (info.bits - 8))


def pieces(clips: dict[str, Pictures], rng: np.random.Generator, shortest: int) -> Iterator[Pictures]:
    """Random stretches of clips, never the same clip twice in a row."""
    names = [name for name, clip in clips.items() if len(clip) >= shortest]
    last = ""
    for _ in range(PIECES):
        last = str(rng.choice([name for name in names if name != last]))
        clip = clips[last]
        length = min(len(clip), int(rng.integers(shortest, shortest + 40)))
        start = int(rng.integers(len(clip) - length + 1))
        yield clip[start : start + length]


def cuts(clips: dict[str, Pictures], rng: np.random.Generator) -> Film:
    pictures: list[NDArray[np.float32]] = []
    truth: list[tuple[float, int]] = []
    for piece in pieces(clips, rng, 20):
        if pictures:
            truth.append((len(pictures), 0))
        pictures += list(piece)
    return Film(pictures, truth)


def dissolves(clips: dict[str, Pictures], rng: np.random.Generator, length: int) -> Film:
    pictures: list[NDArray[np.float32]] = []
    truth: list[tuple[float, int]] = []
    for piece in pieces(clips, rng, 2 * length + 6):
        start = 0
        if pictures:
            truth.append((len(pictures) - length / 2, length))
            for start in range(1, length + 1):
                share = start / (length + 1)
                pictures[start - 1 - length] = pictures[start - 1 - length] * (1 - share) + piece[start - 1] * share
        pictures += list(piece[start:])
    return Film(pictures, truth)


def fades(clips: dict[str, Pictures], rng: np.random.Generator, length: int, gap: int) -> Film:
    pictures: list[NDArray[np.float32]] = []
    truth: list[tuple[float, int]] = []
    for piece in pieces(clips, rng, 2 * length + 6):
        light = np.ones(len(piece), np.float32)
        light[-length:] = np.linspace(1, 0, length)
        if pictures:
            truth.append((len(pictures) + gap / 2, 2 * length + gap))
            light[:length] = np.linspace(0, 1, length)
            pictures += [np.full_like(piece[0], BLACK)] * gap
        pictures += [BLACK + (picture - BLACK) * share for picture, share in zip(piece, light, strict=True)]
    return Film(pictures, truth)


def flashes(film: Film, rng: np.random.Generator, length: int) -> Film:
    """A burst of light every dozen frames or so."""
    pictures = list(film.pictures)
    for start in range(8, len(pictures) - 8, int(rng.integers(11, 19))):
        for index in range(start, start + length):
            pictures[index] = pictures[index] * rng.uniform(1.5, 3) + rng.uniform(20, 120)
    return Film(pictures, film.truth)


def flicker(film: Film, rng: np.random.Generator) -> Film:
    """Exposure that differs from frame to frame and over the picture."""
    y, x = np.mgrid[-1 : 1 : SIZE[1] * 1j, -1 : 1 : SIZE[0] * 1j].astype(np.float32)
    pictures = []
    for picture in film.pictures:
        level, across, down = rng.normal(0, 0.12, 3).astype(np.float32)
        pictures.append(picture * (1 + level + across * x / 2 + down * y / 2) + rng.normal(0, 6))
    return Film(pictures, film.truth)


def worn(film: Film, rng: np.random.Generator) -> Film:
    """Grain, scratches, blotches, unsteady exposure and an unsteady gate."""
    pictures = []
    for picture in film.pictures:
        grain = cv2.resize(rng.normal(0, 14, (SIZE[1] // 2, SIZE[0] // 2)).astype(np.float32), SIZE)
        damaged = picture * rng.normal(1, 0.06) + grain
        for _ in range(rng.poisson(2)):
            left = int(rng.integers(SIZE[0] - 2))
            damaged[:, left : left + 2] = 230
        for _ in range(rng.poisson(0.3)):
            center = (int(rng.integers(SIZE[0])), int(rng.integers(SIZE[1])))
            cv2.circle(damaged, center, int(rng.integers(5, 50)), float(rng.choice([10, 240])), -1)
        pictures.append(np.roll(damaged, tuple(rng.integers(-2, 3, 2)), (0, 1)))
    return Film(pictures, film.truth)


def detect(film: Film) -> tuple[list[Boundary], float]:
    """The boundaries found, and the seconds it took without making the thumbnails."""
    thumbnails = [thumbnail(np.clip(np.rint(p), 0, 255).astype(np.uint8)) for p in film.pictures]
    began = time.process_time()
    found = [boundary for _, boundary in WithBoundaries(thumbnails, key=lambda small: small) if boundary]
    return found, time.process_time() - began


def matches(found: list[Boundary], truth: list[tuple[float, int]]) -> int:
    left = list(found)
    for middle, length in truth:
        near = [b for b in left if abs(b.frame - middle) <= max(1, length / 2)]
        if near:
            left.remove(min(near, key=lambda b: abs(b.frame - middle)))
    return len(found) - len(left)


def report(name: str, films: list[Film]) -> None:
    right = found = true = count = 0
    seconds = 0.0
    for film in films:
        boundaries, took = detect(film)
        right, found, true = right + matches(boundaries, film.truth), found + len(boundaries), true + len(film.truth)
        seconds, count = seconds + took, count + len(film.pictures)
    precision, recall = (f"{right / n:.3f}" if n else "-" for n in (found, true))
    f1 = f"{2 * right / (found + true):.3f}" if true else "-"
    ms = f"{seconds / count * 1e3:.2f}"
    print(f"| {name} | {true} | {found} | {precision} | {recall} | {f1} | {ms} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("footage", type=Path)
    parser.add_argument("--joins", type=int, default=50, help="boundaries of each row")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    clips = load(options.footage)
    number = -(-options.joins // (PIECES - 1))

    def films(make: Callable[[np.random.Generator], Film]) -> list[Film]:
        return [make(np.random.default_rng((options.seed, i))) for i in range(number)]

    print("| film | boundaries | found | precision | recall | F1 | ms a frame |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    report("cuts", films(lambda rng: cuts(clips, rng)))
    report("cuts, flashes of 1 frame", films(lambda rng: flashes(cuts(clips, rng), rng, 1)))
    report("cuts, flashes of 3 frames", films(lambda rng: flashes(cuts(clips, rng), rng, 3)))
    report("cuts, flicker", films(lambda rng: flicker(cuts(clips, rng), rng)))
    report("cuts, worn film", films(lambda rng: worn(cuts(clips, rng), rng)))
    for length in (4, 8, 16, 24):
        report(f"dissolves of {length} frames", films(lambda rng, n=length: dissolves(clips, rng, n)))
    for length, gap in ((8, 0), (12, 4), (20, 0), (12, 30)):
        report(f"fades of {length}, {gap} black", films(lambda rng, n=length, g=gap: fades(clips, rng, n, g)))
    shots = [Film(list(clip), []) for clip in clips.values()]
    report("single shots", shots)
    report("single shots at triple speed", [Film(shot.pictures[::3], []) for shot in shots])
    for name, damage in (("flashes", lambda s, rng: flashes(s, rng, 3)), ("flicker", flicker), ("worn film", worn)):
        rng = np.random.default_rng(options.seed)
        report(f"single shots, {name}", [damage(shot, rng) for shot in shots])


if __name__ == "__main__":
    main()
