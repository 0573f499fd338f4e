"""The journey of a frame: decode, network, chroma, encode; and the same for a single picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidcolor.checkpoint import DEFAULT_MODEL, load_model
from vidcolor.chroma import Plane, chroma_planes
from vidcolor.colorizer import Colorizer, choose_device, choose_precision
from vidcolor.decode import frames, open_video
from vidcolor.encode import DEFAULT_CODEC, EncodeSettings, VideoWriter, choose_codec
from vidcolor.errors import OutputError
from vidcolor.frames import Frame
from vidcolor.overlap import prefetch

BATCH = 8
QUEUE = 2 * BATCH  # frames that may wait between two stages


@dataclass(frozen=True)
class Options:
    """What a user may choose about colorizing; the names are those of the command line."""

    model: str | Path = DEFAULT_MODEL
    device: str = "auto"
    precision: str = "auto"
    size: int = 0
    batch_size: int = 0
    start: float = 0.0
    duration: float | None = None
    saturation: float = 1.0
    codec: str = ""
    crf: int | None = None
    preset: str = ""


@dataclass(frozen=True)
class Result:
    """What came out of a run."""

    output: Path
    frames: int
    seconds: float
    fps: float
    model: str
    device: str
    warnings: tuple[str, ...]


def default_output(source: Path) -> Path:
    """film.mp4 -> film.color.mp4; containers that cannot be written become .mkv."""
    suffix = source.suffix if source.suffix.lower() in DEFAULT_CODEC else ".mkv"
    return source.with_name(f"{source.stem}.color{suffix}")


def colorize(
    source: Path | str,
    output: Path | str | None = None,
    *,
    overwrite: bool = False,
    options: Options | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Result:
    """Colorize a film.

    Args:
        output: Where to; by default beside the source, with ``.color`` in its name.
        progress: Called with frames done and frames expected (0: unknown).

    Raises:
        VidcolorError: one of its kinds, each told in one line. Nothing is left under the final name.
    """
    options = options or Options()
    source = Path(source)
    settings = EncodeSettings(options.codec, options.crf, options.preset)
    device = choose_device(options.device)
    began = time.monotonic()
    with open_video(source) as video:
        target = Path(output) if output else default_output(source)
        _check_target(source, target, overwrite)
        choose_codec(target, settings)
        model = load_model(options.model)
        colorizer = Colorizer(
            model,
            video.info,
            device=device,
            precision=choose_precision(options.precision, device),
            size=options.size,
            saturation=options.saturation,
        )
        # Closed in this order: a stage must not outlive the one it draws from, nor the container.
        with closing(prefetch(frames(video, options.start, options.duration), QUEUE)) as stream:
            first = next(stream)  # tells the depth, and fails before anything is written
            whole = not options.start and options.duration is None
            expected = video.info.frames if whole else 0
            writer = VideoWriter(
                target, video.info, first.bits, settings, start=options.start, duration=options.duration
            )
            colored = _colored(chain([first], stream), colorizer, writer.chroma_size, options.batch_size or BATCH)
            count = 0
            with writer, closing(prefetch(colored, QUEUE)) as pictures:
                for frame, planes in pictures:
                    writer.write(frame, planes)
                    count += 1
                    progress(count, expected)
        warnings = list(writer.warnings)
        if video.bad_packets:
            warnings.append(f"{video.bad_packets} damaged packets were skipped")
    seconds = time.monotonic() - began
    return Result(target, count, round(seconds, 3), round(count / seconds, 2), model.name, str(device), tuple(warnings))


def _colored(
    stream: Iterator[Frame], colorizer: Colorizer, chroma_size: tuple[int, int], batch_size: int
) -> Iterator[tuple[Frame, tuple[NDArray, NDArray]]]:
    """Frames with their chroma planes."""
    for batch in _batches(stream, batch_size):
        lumas = [colorizer.small(frame) for frame in batch]
        for frame, luma, ab in zip(batch, lumas, colorizer.ab(lumas), strict=True):
            yield frame, chroma_planes(frame, luma, ab, *chroma_size)


def _batches(stream: Iterator[Frame], size: int) -> Iterator[list[Frame]]:
    while batch := list(islice(stream, size)):
        yield batch


def _check_target(source: Path, target: Path, overwrite: bool) -> None:
    """Refuse a target that would lose something, before any work is done."""
    what = f"cannot write {target}"
    if target.exists() and source.exists() and target.samefile(source):
        raise OutputError(what, "it is the input itself", "Choose another name with -o")
    if target.is_dir():
        raise OutputError(what, "it is a folder", "Name a file")
    if target.exists() and not overwrite:
        raise OutputError(what, "it exists", "Use -y to overwrite it, or choose another name with -o")
    if not target.parent.is_dir():
        raise OutputError(what, f"there is no folder {target.parent}", "Create it first")


def colorize_picture(frame: Frame, colorizer: Colorizer) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A frame as sRGB pictures ``(H, W, 3)``: grey and colored."""
    import torch

    from vidcolor.color import ycbcr_to_rgb

    luma_small: Plane = colorizer.small(frame)
    ab = colorizer.ab([luma_small])[0]
    height, width = frame.luma.shape
    cb, cr = chroma_planes(frame, luma_small, ab, width, height)
    half, span = 1 << (frame.bits - 1), frame.span / 219 * 224 if not frame.tags.full_range else frame.span
    luma = (frame.luma.astype(np.float32) - frame.black) / frame.span
    chroma = [(c.astype(np.float32) - half) / span for c in (cb, cr)]
    rgb = ycbcr_to_rgb(torch.from_numpy(np.stack([luma, *chroma]).astype(np.float32)), frame.tags.matrix)
    colored = (rgb.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    grey = np.repeat((np.clip(luma, 0, 1) * 255).round().astype(np.uint8)[..., None], 3, axis=2)
    return grey, colored
