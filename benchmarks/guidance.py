"""What references and hints are worth on films whose colors are known: turned grey, told something, compared.

    python benchmarks/guidance.py FOOTAGE [--frames 48] [--only WORD ...] [--clothes]

FOOTAGE is a folder of color clips, each a single shot. Each is colored as it comes and with what a person could know:
the true colors of its first or middle frame, ten true points of its first frame, and a frame of the next clip, which
has nothing to do with it. Beside them stands the first frame carried along the motion of the picture, without any
network. Frames are compared at a short side of at most 256 pixels, every fifth of them; CDC is that of all.

Then one point of another color is set on clothes whose outlines are known: how near they come to the wish, and how
much all else changes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import mean

import cv2
import numpy as np
import torch
from torch import Tensor

from vidcolor.color.arrays import Plane
from vidcolor.color.metrics import CDC
from vidcolor.color.spaces import rgb_to_lab
from vidcolor.color.truth import Truth
from vidcolor.evaluation.films import SCORED
from vidcolor.evaluation.filters import Carried, Place, Smoothed
from vidcolor.evaluation.known import known_colors
from vidcolor.evaluation.pictures import FILM_SIDE, Setup, smaller_size
from vidcolor.evaluation.scores import score
from vidcolor.film.frame import Frame, VideoInfo
from vidcolor.film.images.names import parse_color
from vidcolor.film.reader import frames, open_film
from vidcolor.film.rgb import frame_to_rgb, rgb_to_codes
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.chroma import chroma_planes
from vidcolor.pipeline.guidance.carrying import Anchor
from vidcolor.pipeline.guidance.confining import with_things
from vidcolor.pipeline.guidance.gather import RADIUS
from vidcolor.pipeline.guidance.guide import Guidance, Guide
from vidcolor.pipeline.guidance.sources import Point, draw_points
from vidcolor.pipeline.view import View
from vidcolor.settings import RunSettings

BATCH = 8
AUTOMATIC, ALONE = "automatic", "first frame carried alone"
# What each row is told: as vidcolor.evaluation takes it.
WAYS = {
    AUTOMATIC: {},
    "true first frame": {"reference": "first"},
    "true middle frame": {"reference": "middle"},
    ALONE: {"reference": "first"},
    "ten true points": {"hints": 10},
    "a frame of another clip": {"reference": "other"},
}


@dataclass(frozen=True)
class Clothes:
    """Something worn in the first frame of a clip, and a wish for it.

    Attributes:
        outlines: Polygons well inside it, in pixels of the film.
        margin: Pixels around them that are not looked at: nobody has drawn where exactly it ends.
        at: The point.
    """

    clip: str
    name: str
    outlines: tuple[tuple[tuple[int, int], ...], ...]
    margin: int
    at: tuple[int, int]
    color: str


CLOTHES = (
    Clothes(
        "talking-man.mp4",
        "a white jacket",
        (
            ((5, 640), (93, 575), (165, 540), (176, 653), (170, 940), (5, 940)),
            ((404, 540), (475, 580), (532, 640), (532, 940), (360, 940), (388, 700)),
        ),
        60,
        (100, 700),
        "#a9bfe6",
    ),
    Clothes(
        "juggle.mp4",
        "a grey shirt",
        (((655, 165), (760, 175), (758, 345), (700, 345), (695, 280), (660, 275)),),
        60,
        (720, 220),
        "#7d4a4a",
    ),
)


@dataclass(frozen=True)
class Measured:
    """How near a clip comes to its truth, and how steady it is."""

    psnr: float
    ciede2000: float
    cdc: float


@dataclass(eq=False)
class Clip:
    """A clip in memory, grey and true."""

    path: Path
    info: VideoInfo
    greys: list[Frame]
    truths: list[Truth]

    @classmethod
    def of(cls, path: Path, count: int) -> Clip:
        """Read the first frames of a clip."""
        with open_film(path, RunSettings()) as video:
            width, height = smaller_size(video.info.width, video.info.height, FILM_SIDE)
            greys, truths = [], []
            for frame in islice(frames(video, chroma=True), count):
                assert frame.chroma is not None
                truths.append(Truth.of(frame_to_rgb(frame, frame.chroma, width, height)[None]))
                greys.append(replace(frame, chroma=None))
            return cls(path, video.info, greys, truths)

    def colored(self, setup: Setup, *, alone: bool) -> Iterator[Plane]:
        """Yield the ab of each frame at network size, by what a setup says."""
        view = setup.view(self.info)
        known = known_colors(self.path, RunSettings(), setup, view, len(self.greys))
        lumas = [view.small(grey) for grey in self.greys]
        if alone:
            assert known is not None
            assert known.first is not None
            carried = Carried(known.first)
            for luma in lumas:
                yield from carried.push(luma, luma, Place())
            return
        filter_ = Smoothed(setup.smooth, self.info.rate)
        done: list[Plane] = []
        for number in range(0, len(lumas), BATCH):
            part = slice(number, number + BATCH)
            upright = [view.upright(luma) for luma in lumas[part]]
            if known:
                some = self.greys[part]
                planes = known.guidance.predict(some, [None] * len(some), upright, batch=BATCH)
            else:
                planes = setup.predictor.predict(upright, batch=BATCH)
            for place, (luma, ab) in enumerate(zip(lumas[part], map(view.stored, planes), strict=True), number):
                where = Place(self.greys[place].seconds, ends_shot=place + 1 == len(lumas))
                done += filter_.push(luma, ab, where)
        done += filter_.flush()
        for grey, ab in zip(self.greys, done, strict=True):
            yield known.guidance.settled(grey, None, ab) if known else ab

    def measure(self, setup: Setup, *, alone: bool = False) -> Measured:
        """Color the clip and compare it."""
        view, cdc, scores = setup.view(self.info), CDC(), []
        for number, ab in enumerate(self.colored(setup, alone=alone)):
            rgb = joined(self.greys[number], view, ab, self.truths[number])
            cdc.push(rgb[0])
            if number % SCORED == 0:
                scores.append(score(self.truths[number], rgb))
        return Measured(mean(s.psnr for s in scores), mean(s.ciede2000 for s in scores), cdc.result())

    def picture(self, path: Path) -> str:
        """Write the clip's middle frame in color, for another clip; return the name of the file."""
        codes = rgb_to_codes(self.truths[len(self.truths) // 2].rgb[0])
        cv2.imwrite(str(path), codes[..., ::-1])
        return str(path)


def joined(grey: Frame, view: View, ab: Plane, truth: Truth) -> Tensor:
    """Return ab at network size on the true luma, at the size of comparison, ``(1, 3, H, W)``."""
    height, width = truth.rgb.shape[2:]
    return frame_to_rgb(grey, chroma_planes(grey, view.small(grey), ab, width, height), width, height)[None]


def recolored(path: Path, clothes: Clothes, setup: Setup) -> str:
    """Return a row: the mean distance in ab to the wish inside, and the mean change outside."""
    with open_film(path, RunSettings()) as video:
        frame, info = next(frames(video)), video.info
    view = setup.view(info)
    rgb = parse_color(clothes.color)
    lab = rgb_to_lab(torch.tensor(rgb, dtype=torch.float32).reshape(1, 3, 1, 1) / 255)[0, 1:, 0, 0].tolist()
    point = Point(1, 0.0, *clothes.at, rgb, (lab[0], lab[1]), None)
    points = draw_points([point], (info.width, info.height), view.shown_size, RADIUS)
    known = with_things(setup.predictor, view.shown(frame), points)
    guide = Guide(None, Anchor(frame.pts, 0.0, view.stored(known)), is_hint=True)
    luma, found = view.small(frame), []
    for guides in ((), (guide,)):
        guidance = Guidance(setup.predictor, view, lambda: open_film(path, RunSettings()), guides)
        (ab,) = guidance.predict([frame], [None], [view.upright(luma)])
        planes = chroma_planes(frame, luma, guidance.settled(frame, None, view.stored(ab)), info.width, info.height)
        found.append(rgb_to_lab(frame_to_rgb(frame, planes, info.width, info.height)[None])[0, 1:].numpy())
    inside = np.zeros((info.height, info.width), np.uint8)
    cv2.fillPoly(inside, [np.array(outline) for outline in clothes.outlines], 1)
    outside = cv2.dilate(inside, np.ones((2 * clothes.margin + 1,) * 2, np.uint8)) == 0
    off = np.hypot(*(found[1] - np.array(lab, np.float32)[:, None, None]))[inside > 0].mean()
    before = np.hypot(*(found[0] - np.array(lab, np.float32)[:, None, None]))[inside > 0].mean()
    change = np.hypot(*(found[1] - found[0]))[outside].mean()
    return f"| {clothes.name} ({clothes.clip}), {clothes.color} | {before:.1f} | {off:.1f} | {change:.2f} |"


def table(rows: dict[str, list[Measured]]) -> str:
    """Return a row for each way, over all clips, beside the automatic one."""
    lines = [
        "| told | PSNR dB | over automatic | CIEDE2000 | of automatic's | CDC | of automatic's |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    base = rows[AUTOMATIC]
    usual = [mean(getattr(each, name) for each in base) for name in ("psnr", "ciede2000", "cdc")]
    for way, found in rows.items():
        psnr, color, cdc = (mean(getattr(each, name) for each in found) for name in ("psnr", "ciede2000", "cdc"))
        lines.append(
            f"| {way} | {psnr:.2f} | {psnr - usual[0]:+.2f} | {color:.2f} | {color / usual[1] - 1:+.1%} "
            f"| {cdc:.2e} | {cdc / usual[2] - 1:+.1%} |"
        )
    return "\n".join(lines)


def clip_table(rows: dict[str, list[Measured]], clips: list[Path]) -> str:
    """Return CIEDE2000 and dB over automatic, a row for each clip."""
    ways = list(rows)
    lines = [f"| clip | {' | '.join(ways)} |", f"| --- |{' ---: |' * len(ways)}"]
    for place, path in enumerate(clips):
        base = rows[AUTOMATIC][place]
        cells = [f"{rows[way][place].ciede2000:.2f} ({rows[way][place].psnr - base.psnr:+.2f})" for way in ways]
        lines.append(f"| {path.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def compare(paths: list[Path], plain: Setup, count: int, only: list[str]) -> None:
    """Print what each way is worth on all clips."""
    ways = [way for way in WAYS if way == AUTOMATIC or any(word in way for word in only)]
    rows: dict[str, list[Measured]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        other = Clip.of(paths[-1], count).picture(Path(folder) / "other.png")
        for number, path in enumerate(paths):
            clip = Clip.of(path, count)
            for way in ways:
                told = {name: other if value == "other" else value for name, value in WAYS[way].items()}
                rows[way].append(clip.measure(replace(plain, **told), alone=way == ALONE))
            other = clip.picture(Path(folder) / f"{number}.png")
            print(path.name, *(f"{way}: {rows[way][-1]}" for way in ways), sep="\n", file=sys.stderr, flush=True)
    print(table(rows))
    print(f"\nCIEDE2000, and dB over automatic, of each clip:\n\n{clip_table(rows, paths)}\n")


def main() -> None:
    """Measure all clips, print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("footage", type=Path)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="ways whose names hold one of these")
    parser.add_argument("--clothes", action="store_true", help="the points on clothes alone")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    paths = sorted(path for path in options.footage.rglob("*") if path.suffix in (".mp4", ".mkv", ".mov"))
    plain = Setup(Predictor.load(RunSettings()), 0, 1.0, "none")
    if not options.clothes:
        compare(paths, plain, options.frames, options.only)
    print("| a point on | ab from the wish before | with it | mean change elsewhere |\n| --- | ---: | ---: | ---: |")
    for clothes in CLOTHES:
        for path in paths:
            if path.name == clothes.clip:
                print(recolored(path, clothes, plain))


if __name__ == "__main__":
    main()
