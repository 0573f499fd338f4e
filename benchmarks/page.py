"""How large a page of a film's shots gets: films joined from clips, turned grey.

    python benchmarks/page.py FOOTAGE [--shots 60 ...] [--keep FOLDER]

FOOTAGE is a folder of clips, each a single shot. A shot of the film is a stretch of at most three seconds of one of
them, cut to 640 by 480 pixels.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np

from vidcolor.film.encoding.encode import fill_plane
from vidcolor.film.reader import frames, open_video
from vidcolor.pipeline.shotpage.page import write_page
from vidcolor.settings import RunSettings

WIDTH, HEIGHT, RATE, LONGEST = 640, 480, 24, 72


def join(footage: Path, film: Path, shots: int) -> None:
    """Write a grey film of so many stretches, never of the same clip twice in a row."""
    clips = sorted(path for path in footage.rglob("*") if path.suffix in (".mp4", ".mkv", ".mov"))
    rng = np.random.default_rng(0)
    grey = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    with av.open(str(film), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "16", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(shots):
            turned = number // len(clips) % 2  # the second time around, left and right are exchanged
            with open_video(clips[number % len(clips)]) as video:
                begin = rng.uniform(0, max(0.0, video.info.seconds - LONGEST / RATE))
                for frame in islice(frames(video, begin), LONGEST):
                    height, width = frame.luma.shape
                    scale = max(WIDTH / width, HEIGHT / height)
                    size = max(WIDTH, round(width * scale)), max(HEIGHT, round(height * scale))
                    luma = cv2.resize(frame.luma >> (frame.bits - 8), size, interpolation=cv2.INTER_AREA)
                    luma = luma[:HEIGHT, :WIDTH].astype(np.uint8)
                    picture = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
                    planes = (luma[:, ::-1] if turned else luma, grey, grey)
                    for plane, values in zip(picture.planes, planes, strict=True):
                        fill_plane(plane, values)
                    container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("footage", type=Path)
    parser.add_argument("--shots", type=int, nargs="+", default=[60])
    parser.add_argument("--keep", type=Path, help="where films and pages stay")
    arguments = parser.parse_args()
    print("| shots joined | shots found | frames | page, MB |\n| ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        for shots in arguments.shots:
            film = folder / f"joined-{shots}.mp4"
            join(arguments.footage, film, shots)
            with av.open(str(film)) as container:
                length = container.streams.video[0].frames
            page = write_page(film, film.with_suffix(".html"), settings=RunSettings(), overwrite=True)
            print(f"| {shots} | {page.shots} | {length} | {page.bytes / 1e6:.1f} |", flush=True)


if __name__ == "__main__":
    main()
