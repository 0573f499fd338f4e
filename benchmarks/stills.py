"""The measures of vidcolor.data.quality on photos and films, to set and check its limits.

python benchmarks/stills.py photos/ films/ old-films/
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vidcolor.color.arrays import RgbImage
from vidcolor.data.photos import find_photos, search_photos
from vidcolor.data.quality import judge
from vidcolor.files import COLOR_FILMS, named_files
from vidcolor.film.reader import frames, open_video
from vidcolor.film.rgb import frame_to_picture

EVERY = 12  # frames of a film
PHOTOS = 600  # at most, evenly


def pictures(path: Path) -> Iterator[RgbImage]:
    if search_photos([path]):
        photos = find_photos([path])
        yield from (photo.load() for photo in photos[:: max(1, len(photos) // PHOTOS)])
    for film in named_files([path], COLOR_FILMS) if path.is_dir() else ():
        with open_video(film) as video:
            for number, frame in enumerate(frames(video, chroma=True)):
                if number % EVERY == EVERY // 2:
                    yield frame_to_picture(frame, video.info, 640)


def main(paths: list[str]) -> None:
    print("| pictures | number | measure | least | 1 % | median | 99 % | most |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for path in map(Path, paths):
        found = [judge(image) for image in pictures(path)]
        for measure in ("hue_spread", "chroma", "sharpness", "contrast"):
            values = np.percentile([getattr(one, measure) for one in found], (0, 1, 50, 99, 100))
            cells = " | ".join(f"{value:.2f}" for value in values)
            print(f"| {path} | {len(found)} | {measure.replace('_', ' ')} | {cells} |")
        flaws = Counter(one.flaw or "none" for one in found)
        print(f"{path}: {dict(flaws)}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
