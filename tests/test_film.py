"""The invariants of a run, each with an independent witness: PyAV decodes the result again."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from calls import noted
from planes import rows_of
from vidcolor.errors import InputError, OutputError
from vidcolor.pipeline.film import colorize_film
from vidcolor.settings import RunSettings, ShotSettings

RNG = np.random.default_rng(7)
LOSSLESS = RunSettings(codec="ffv1", size=64)
pytestmark = pytest.mark.usefixtures("tiny_network")


def scene(width: int, height: int, index: int, bits: int = 8) -> np.ndarray:
    """A moving pattern with noise, full of values near both ends of the range."""
    y, x = np.mgrid[:height, :width]
    wave = 0.5 + 0.5 * np.sin((x + 3 * index) / 9) * np.cos(y / 7)
    codes = (16 + 219 * wave) * (1 << (bits - 8)) + RNG.integers(-9, 9, (height, width))
    luma: np.ndarray = np.clip(codes, 0, (1 << bits) - 1).astype(np.uint8 if bits == 8 else np.uint16)
    return luma


def write_film(
    path: Path,
    pix_fmt: str = "yuv420p",
    size: tuple[int, int] = (64, 48),
    pts: list[int] | None = None,
    time_base: Fraction = Fraction(1, 1000),
    audio: bool = False,
    bits: int = 8,
) -> list[np.ndarray]:
    """A lossless film of known luma; returns the luma planes."""
    width, height = size
    pts = pts if pts is not None else [40 * i for i in range(12)]
    lumas = []
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.time_base = time_base
        stream.time_base = time_base
        sound = container.add_stream("pcm_s16le", rate=44100, layout="stereo") if audio else None
        for i, when in enumerate(pts):
            frame = av.VideoFrame(width, height, pix_fmt)
            for number, plane in enumerate(frame.planes):
                rows = rows_of(plane, bits)
                if number == 0:
                    lumas.append(scene(width, height, i, bits))
                    rows[:, : plane.width] = lumas[-1]
                else:
                    rows[...] = RNG.integers(0, 1 << bits, rows.shape)  # chroma that must not matter
            frame.pts, frame.time_base = when, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound:
            tone = (np.sin(np.arange(22050) / 20) * 9000).astype(np.int16)
            block = av.AudioFrame.from_ndarray(np.stack([tone, tone]).T.reshape(1, -1), format="s16", layout="stereo")
            block.sample_rate, block.pts, block.time_base = 44100, 0, Fraction(1, 44100)
            container.mux(sound.encode(block))
            container.mux(sound.encode(None))
    return lumas


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def plane(frame: av.VideoFrame, number: int) -> np.ndarray:
    values = frame.planes[number]
    rows = rows_of(values, max(c.bits for c in frame.format.components))
    return np.array(rows[:, : values.width])


@pytest.mark.parametrize(
    ("pix_fmt", "bits", "size"),
    [
        ("gray", 8, (64, 48)),
        ("yuv420p", 8, (70, 50)),
        ("yuv420p", 8, (71, 51)),
        ("yuv422p", 8, (64, 48)),
        ("yuv444p", 8, (33, 47)),
        ("yuv420p10le", 10, (66, 50)),
        ("gray10le", 10, (64, 48)),
        ("yuv444p12le", 12, (64, 48)),
    ],
)
def test_luma_is_bit_identical(tmp_path: Path, pix_fmt: str, bits: int, size: tuple[int, int]) -> None:
    """The Y' plane that was decoded is the Y' plane that comes out, at every depth, layout and odd size."""
    source, target = tmp_path / "film.mkv", tmp_path / "out.mkv"
    lumas = write_film(source, pix_fmt, size, bits=bits)
    result = colorize_film(source, target, settings=LOSSLESS)
    frames = decoded(target)
    assert result.frames == len(frames) == len(lumas)
    for frame, luma in zip(frames, lumas, strict=True):
        assert np.array_equal(plane(frame, 0), luma)


def test_variable_frame_rate_keeps_every_pts(tmp_path: Path) -> None:
    """Uneven times come out as they went in."""
    times = [0, 40, 41, 120, 500, 501, 502, 2000, 2033, 2067]
    write_film(tmp_path / "vfr.mkv", pts=times)
    colorize_film(tmp_path / "vfr.mkv", tmp_path / "out.mkv", settings=LOSSLESS)
    assert [f.pts for f in decoded(tmp_path / "out.mkv")] == times


def test_audio_packets_are_copied(tmp_path: Path) -> None:
    """Sound comes out with the same bytes at the same times."""

    def packets(path: Path) -> list[tuple[bytes, float]]:
        with av.open(str(path)) as container:
            return [(bytes(p), float(p.pts * p.time_base)) for p in container.demux(audio=0) if p.size]

    write_film(tmp_path / "film.mkv", audio=True)
    colorize_film(tmp_path / "film.mkv", tmp_path / "out.mkv", settings=LOSSLESS)
    assert packets(tmp_path / "out.mkv") == packets(tmp_path / "film.mkv") != []


def test_result_does_not_depend_on_batch_size(tmp_path: Path) -> None:
    """Chroma differs by at most one code between batches of 1 and of 5 (convolutions sum in another order)."""
    write_film(tmp_path / "film.mkv")
    planes = []
    for size in (1, 5):
        colorize_film(tmp_path / "film.mkv", tmp_path / f"{size}.mkv", settings=replace(LOSSLESS, batch_size=size))
        planes.append([plane(f, n).astype(int) for f in decoded(tmp_path / f"{size}.mkv") for n in (1, 2)])
    assert max(np.abs(a - b).max() for a, b in zip(*planes, strict=True)) <= 1


@pytest.mark.whole_network
def test_output_is_in_color(tmp_path: Path) -> None:
    """The bundled network says something: chroma is not all neutral."""
    write_film(tmp_path / "film.mkv", size=(160, 120))
    colorize_film(tmp_path / "film.mkv", tmp_path / "out.mkv", settings=LOSSLESS)
    assert np.ptp(plane(decoded(tmp_path / "out.mkv")[0], 1)) > 0


def test_range_of_time(tmp_path: Path) -> None:
    """--start and --duration take the frames of that range, with their own times."""
    write_film(tmp_path / "film.mkv")
    colorize_film(tmp_path / "film.mkv", tmp_path / "out.mkv", settings=replace(LOSSLESS, start=0.1, duration=0.2))
    assert [f.pts for f in decoded(tmp_path / "out.mkv")] == [120, 160, 200, 240, 280]


def test_source_is_never_the_target(tmp_path: Path) -> None:
    """Writing over the input is refused, whatever the options."""
    write_film(tmp_path / "film.mkv")
    before = (tmp_path / "film.mkv").read_bytes()
    with pytest.raises(OutputError, match="the input itself"):
        colorize_film(tmp_path / "film.mkv", tmp_path / "film.mkv", overwrite=True)
    assert (tmp_path / "film.mkv").read_bytes() == before


def test_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    """A text file named .mp4 is refused in one sentence, and no part of an output stays."""
    (tmp_path / "notes.mp4").write_text("not a film " * 100)
    with pytest.raises(InputError, match=r"cannot open .*notes\.mp4"):
        colorize_film(tmp_path / "notes.mp4")
    assert [p.name for p in tmp_path.iterdir()] == ["notes.mp4"]


@pytest.mark.whole_network
def test_smoothing_steadies_the_color_and_nothing_else(tmp_path: Path) -> None:
    """Chroma changes less from frame to frame inside the shot; frames, times and luma are those without smoothing."""
    write_film(tmp_path / "film.mkv", size=(64, 48))
    flicker = {}
    for name, strength in (("raw", 0.0), ("steady", 0.92)):
        shot = ShotSettings(smooth=strength)
        assert colorize_film(tmp_path / "film.mkv", tmp_path / f"{name}.mkv", settings=LOSSLESS, shot=shot).frames == 12
        pictures = decoded(tmp_path / f"{name}.mkv")
        chroma = np.stack([plane(p, 1).astype(float) for p in pictures])
        flicker[name] = float(np.abs(np.diff(chroma, axis=0)).mean())
    assert flicker["steady"] < 0.9 * flicker["raw"]
    for raw, steady in zip(decoded(tmp_path / "raw.mkv"), decoded(tmp_path / "steady.mkv"), strict=True):
        assert raw.pts == steady.pts
        assert np.array_equal(plane(raw, 0), plane(steady, 0))


class Watch:
    """What the kernel tells of the openings of a file, whoever opens it and by whatever library."""

    OPENED, READ = 0x20, 0x01  # IN_OPEN and IN_ACCESS of inotify(7): equal events in a row are told once

    def __init__(self, path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_NONBLOCK)
        if self._descriptor < 0:
            pytest.skip("this kernel does not watch files")
        assert libc.inotify_add_watch(self._descriptor, os.fsencode(path), self.OPENED | self.READ) >= 0

    def openings(self) -> int:
        """Return how many times the file was opened and then read; the watch ends."""
        told = os.read(self._descriptor, 1 << 20)
        os.close(self._descriptor)
        assert len(told) < 1 << 20
        return sum(bool(mask & self.OPENED) for _, mask, _, _ in struct.iter_unpack("iIII", told))


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
def test_a_source_is_not_opened_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a network drive each time costs: to look at how picture and sound begin, to decode the one, to copy the other.

    What is tried before any work, whether its sound fits, is tried with the opening from which it is copied later.
    Two more are no openings of a container: marks that libav does not tell lie in the header of Matroska, and the bytes
    at the file's ends tell it from others when a run goes on.
    """
    write_film(tmp_path / "film.mkv", audio=True)
    calls, watch = noted(monkeypatch, av, "open"), Watch(tmp_path / "film.mkv")
    colorize_film(tmp_path / "film.mkv", tmp_path / "out.mkv", settings=LOSSLESS)
    assert watch.openings() == 3 + 2
    assert len([call for call in calls if str(call.arguments[0]).endswith("film.mkv")]) == 3
