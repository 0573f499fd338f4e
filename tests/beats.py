"""Films that flash and beep at the same moments, and when a film does either: a witness of what lies where in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

RATE = 25  # frames per second
LENGTH = 0.08  # seconds that a flash and a beep last


def write_beats(
    path: Path,
    seconds: float = 4.0,
    *,
    sounds: Sequence[str] = ("pcm_s16le",),
    picture: str = "mpeg4",
    rate: int = 48000,
    layout: str = "stereo",
    form: str | None = None,
    size: tuple[int, int] = (64, 48),
    begin: float = 0.0,
    sound_from: float = 0.0,
    sound_until: float = float("inf"),
    quality: int | None = None,
    muxing: dict[str, str] | None = None,
    marks: dict[str, str] | None = None,
) -> Path:
    """A film whose picture turns white, and whose sound is loud, at the beginning of every second.

    Args:
        sounds: Encoders of its sound streams.
        begin: Time of the first picture.
        sound_from, sound_until: The part that has sound, in seconds after ``begin``.
        quality: Variable rate of MP3, as its encoder's global quality.
        muxing: Options of the container.
        marks: Tags of the sound streams.
    """
    with av.open(str(path), "w", format=form, options=muxing or {}) as container:
        stream: Any = container.add_stream(picture, rate=RATE)
        stream.width, stream.height = size
        stream.pix_fmt = stream.codec_context.codec.video_formats[0].name
        if "yuv420p" in {f.name for f in stream.codec_context.codec.video_formats}:
            stream.pix_fmt = "yuv420p"
        if picture == "mpeg2video":
            stream.codec_context.options = {"bf": "0", "g": "12", "b": "2000000"}
        tracks: list[Any] = []
        for name in sounds:
            track: Any = container.add_stream(name, rate=rate, layout=layout, bit_rate=128000)
            track.codec_context.options = {"strict": "-2"}  # for Vorbis
            if quality is not None:
                track.codec_context.flags |= 2  # AV_CODEC_FLAG_QSCALE
                track.codec_context.options |= {"global_quality": str(quality * 118)}
            track.metadata.update(marks or {})
            tracks.append(track)
        done = [round(sound_from * rate)] * len(tracks)
        for number in range(round(seconds * RATE)):
            now = number / RATE
            light = 235 if now % 1 < LENGTH - 1e-6 else 40
            raw = av.VideoFrame(*size, "yuv420p")
            for plane, value in zip(raw.planes, (light, 128, 128), strict=True):
                plane.update(bytes([value]) * plane.buffer_size)
            raw.pts, raw.time_base = round(begin * RATE) + number, Fraction(1, RATE)
            container.mux(stream.encode(raw.reformat(format=stream.pix_fmt)))
            for place, track in enumerate(tracks):
                end = round(min(now + 1 / RATE, sound_until) * rate)
                if end > done[place]:
                    container.mux(track.encode(_sound(done[place], end, rate, layout, begin)))
                    done[place] = end
        container.mux(stream.encode(None))
        for track in tracks:
            container.mux(track.encode(None))
    return path


def _sound(first: int, end: int, rate: int, layout: str, begin: float) -> av.AudioFrame:
    """Samples of the sound, a tone of 1 kHz where it beeps."""
    place = np.arange(first, end)
    loud = place % rate < LENGTH * rate
    tone = np.where(loud, 26000 * np.sin(2 * np.pi * 1000 * place / rate + np.pi / 4), 0).astype(np.int16)
    channels = av.AudioLayout(layout).nb_channels
    frame = av.AudioFrame.from_ndarray(np.repeat(tone, channels)[None], format="s16", layout=layout)
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), first + round(begin * rate)
    return frame


def flashes(path: Path) -> list[float]:
    """When the picture turns white, in seconds of the container's clock."""
    times, before = [], 0.0
    with av.open(str(path)) as film:
        for frame in film.decode(film.streams.video[0]):
            light = float(frame.to_ndarray(format="gray").mean())
            if light > 150 >= before:
                times.append(float(frame.pts * frame.time_base))
            before = light
    return times


def beeps(path: Path, number: int = 0) -> list[float]:
    """When a sound stream becomes loud."""
    times, last = [], -9.0
    with av.open(str(path)) as film:
        for place, rate, loud in _loudness(film, film.streams.audio[number]):
            for sample in np.nonzero(loud > 0.3)[0]:
                now = place + sample / rate
                if not -0.3 <= now - last <= 0.3:
                    times.append(float(now))
                last = now
    return times


def _loudness(film: Any, stream: Any) -> Iterator[tuple[float, int, np.ndarray]]:
    """Time, rate and loudness of each sample, a block at a time."""
    start = 0.0
    for frame in film.decode(stream):
        sound = frame.to_ndarray().astype(float)
        scale = {"s16": 2**15, "s32": 2**31, "u8": 1}.get(frame.format.name.rstrip("p"), 1)
        sound = (sound - 128) / 128 if frame.format.name.startswith("u8") else sound / scale
        loud = np.abs(sound)
        loud = loud.max(0) if frame.format.is_planar else loud.reshape(-1, frame.layout.nb_channels).max(1)
        start = start if frame.pts is None else float(frame.pts * frame.time_base)
        yield start, frame.sample_rate, loud
        start += frame.samples / frame.sample_rate
