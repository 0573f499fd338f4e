"""Make the samples: black-and-white "film" with sound, shot from four free photographs, and a still in color.

    python samples/make_samples.py [folder]

The photographs lie inside scikit-image's wheel, so nothing is downloaded; README.md beside this file gives
their origin and licence. The same versions of the libraries give the same bytes on every run.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import skimage.data
from av.container import OutputContainer
from av.video.reformatter import ColorRange
from film import Film, Image, Shot, View, edit, photograph, title_card
from numpy.typing import NDArray
from soundtrack import SAMPLE_RATE, Samples, arpeggio, rumble, tune

Luma = NDArray[np.uint8] | NDArray[np.uint16]  # (height, width), code values

SEED = 1895  # the year of the first film shown to a paying public


@dataclass(frozen=True)
class Coding:
    """How a clip is coded. The picture is H.264 of limited range, on one thread: see :func:`write_clip`."""

    size: tuple[int, int]
    rate: int  # frames a second; the mean where the times are irregular
    time_base: Fraction  # seconds
    pix_fmt: str
    crf: int  # x264's quality, smaller is better
    sound: str  # name of the audio codec
    tags: tuple[int, int, int] = (2, 2, 2)  # matrix, primaries, transfer in ITU-T H.273; 2 is unspecified
    pixel_aspect: Fraction = Fraction(1)


def luma_codes(image: Image, bits: int = 8) -> Luma:
    """Limited-range luma, ITU-R BT.601-7 2.5.3: 16..235 at 8 bits, 64..940 at 10."""
    codes = np.rint((16 + 219 * np.clip(image, 0, 1)) * 2 ** (bits - 8))
    return codes.astype(np.uint8 if bits == 8 else np.uint16)


def video_frame(luma: Luma, pix_fmt: str) -> av.VideoFrame:
    """A frame of exactly this luma, with neutral chroma.

    Filled row by row because the rows of a plane are padded. Converting from ``gray`` instead would let
    swscale squeeze the luma.
    """
    frame = av.VideoFrame(luma.shape[1], luma.shape[0], pix_fmt)
    for i, plane in enumerate(frame.planes):
        rows = np.frombuffer(memoryview(plane), luma.dtype).reshape(-1, plane.line_size // luma.itemsize)
        neutral = 128 if luma.dtype == np.uint8 else 512
        rows[: plane.height, : plane.width] = luma if i == 0 else neutral
    return frame


def copy_subtitles(subtitles: str, container: OutputContainer) -> None:
    """Add SubRip text to ``container`` as a track, by way of ffmpeg's own reader of such files."""
    with av.open(io.BytesIO(subtitles.encode()), format="srt") as text:
        track = container.add_stream_from_template(text.streams[0])
        packets = [packet for packet in text.demux() if packet.size]
    for packet in packets:
        packet.stream = track
        container.mux(packet)


def write_clip(
    path: Path,
    coding: Coding,
    frames: Iterable[tuple[int, Luma]],
    end: int,
    sound: Samples,
    subtitles: str = "",
) -> None:
    """Write ``frames`` (pts, luma), the last of which is seen until ``end``, with sound and SubRip subtitles.

    Equal bytes on every run need two things: ``bitexact``, or Matroska draws random track numbers, and a
    single thread, or x264 decides by the number of cores.
    """
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("libx264", coding.rate, {"crf": str(coding.crf), "preset": "slow"})
        video.time_base = coding.time_base
        coder = video.codec_context
        coder.width, coder.height = coding.size
        coder.pix_fmt = coding.pix_fmt
        coder.time_base = coding.time_base
        coder.sample_aspect_ratio = coding.pixel_aspect
        coder.color_range = ColorRange.MPEG
        coder.colorspace, coder.color_primaries, coder.color_trc = coding.tags
        coder.thread_count = 1
        audio = container.add_stream(coding.sound, SAMPLE_RATE, layout="stereo")
        if subtitles:
            copy_subtitles(subtitles, container)
        timed = list(frames)
        heard = 0
        for (pts, luma), next_pts in zip(timed, [*(pts for pts, _ in timed[1:]), end], strict=True):
            frame = video_frame(luma, coding.pix_fmt)
            frame.pts, frame.duration, frame.time_base = pts, next_pts - pts, coding.time_base
            container.mux(video.encode(frame))
            until = round(next_pts * coding.time_base * SAMPLE_RATE)
            chunk = av.AudioFrame.from_ndarray(sound[heard:until].reshape(1, -1), "s16", "stereo")
            chunk.rate, chunk.pts, chunk.time_base = SAMPLE_RATE, heard, Fraction(1, SAMPLE_RATE)
            container.mux(audio.encode(chunk))
            heard = until
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


# From the description of the photograph in scikit-image.
SUBTITLES = """\
1
00:00:00,200 --> 00:00:01,500
Eileen Collins, astronaut

2
00:00:01,700 --> 00:00:02,900
She first piloted
the Space Shuttle in 1995.
"""


def make_reel(path: Path) -> None:
    """10 s: title, cut, astronaut, cut, coffee, dissolve, cat, cut, rocket, fade-out."""
    title = title_card("vidcolor")
    astronaut = photograph("astronaut.png")
    coffee = photograph("coffee.png", exposure=1.2)
    cat = photograph("chelsea.png", exposure=1.35)
    rocket = photograph("rocket.jpg", exposure=1.6)
    shots = [
        Shot(title, View(319.5, 239.5, 640), View(319.5, 239.5, 640), 30),
        Shot(astronaut, View(228, 152, 370), View(252, 188, 480), 62),
        Shot(coffee, View(262, 200, 500), View(312, 180, 400), 58),
        Shot(cat, View(200, 150, 385), View(215, 156, 330), 58, dissolve=14),
        Shot(rocket, View(322, 262, 420), View(322, 170, 420), 46),
    ]
    smpte_170m = (6, 6, 6)
    coding = Coding((640, 480), 24, Fraction(1, 24), "yuv420p", 21, "aac", smpte_170m)
    images = edit(shots, Film(240, SEED), coding.size, fade=14)
    write_clip(path, coding, enumerate(map(luma_codes, images)), 240, tune(SEED))


def make_portrait(path: Path) -> None:
    """3 s cranked by hand: 54 frames at uneven times in milliseconds, no chroma planes, subtitles."""
    count, seed = 54, SEED + 1
    turns = 1 + 0.25 * np.sin(np.arange(count) / 4)  # the arm hurries and tires
    turns += np.random.default_rng(seed).uniform(-0.15, 0.15, count)
    ends = np.rint(3000 * np.cumsum(turns) / turns.sum()).astype(int).tolist()
    shot = Shot(photograph("astronaut.png"), View(218, 178, 270), View(222, 215, 340), count)
    coding = Coding((320, 400), 18, Fraction(1, 1000), "gray", 21, "flac")
    images = edit([shot], Film(count, seed, scratches=1), coding.size)
    frames = zip([0, *ends[:-1]], map(luma_codes, images), strict=True)
    write_clip(path, coding, frames, ends[-1], arpeggio(seed), SUBTITLES)


def make_rocket(path: Path) -> None:
    """2 s at 10 bits: 352x288 pixels of shape 16:11 make a 16:9 picture."""
    shot = Shot(photograph("rocket.jpg", exposure=1.6), View(320, 236, 620), View(320, 250, 500), 50)
    bt_601_625 = (5, 5, 6)
    wide = Fraction(16, 11)
    coding = Coding((352, 288), 25, Fraction(1, 25), "yuv420p10le", 20, "pcm_s16le", bt_601_625, wide)
    images = edit([shot], Film(50, SEED + 2), coding.size, wide)
    frames = enumerate(luma_codes(image, bits=10) for image in images)
    write_clip(path, coding, frames, 50, rumble(SEED + 2))


def make_cup(path: Path) -> None:
    """A still in color, as an archive may have one: the cup of the reel mirrored, from another distance."""
    cup = skimage.data.coffee()[10:390, 60:560][:, ::-1]
    small = cv2.resize(cup, (400, 304), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    cv2.setNumThreads(1)
    make_reel(folder / "reel.mp4")
    make_portrait(folder / "portrait.mkv")
    make_rocket(folder / "rocket.mov")
    make_cup(folder / "cup.jpg")
