"""Films through pipes: frames in, the same frames out with colors, nothing else on stdout, and clear ends."""

from __future__ import annotations

import io
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from beats import beeps, flashes, write_beats
from children import Child
from masters import written
from vidcolor.errors import DeviceError, InputError, OutputError
from vidcolor.film.containers.pipe import open_pipe
from vidcolor.film.encoding.encode import EncodeSettings, choose_encoding
from vidcolor.film.reader import frames, open_video, probe
from vidcolor.pipeline.batch import colorize
from vidcolor.pipeline.inputs import find_inputs

MUXERS = {"y4m": "yuv4mpegpipe", "nut": "nut"}
SIZE = (48, 32)


def film(form: str, pix_fmt: str, count: int = 12, size: tuple[int, int] = SIZE, late: int = 0) -> bytes:
    """A film of noise as a pipe brings it; every third frame may come late, in hundredths of a second."""
    file = io.BytesIO()
    with av.open(file, "w", format=MUXERS[form], options={"strict": "-1"}) as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.time_base = Fraction(1, 100 if late else 25)
        for number in range(count):
            picture = av.VideoFrame(*size, pix_fmt)
            deep = picture.format.components[0].bits > 8
            for plane in picture.planes:
                values = np.random.default_rng(number).integers(
                    64, 940 if deep else 235, plane.buffer_size // (1 + deep)
                )
                plane.update(values.astype(np.uint16 if deep else np.uint8).tobytes())
            picture.pts, picture.time_base = 4 * number + late * (number % 3 == 1), Fraction(1, 100)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return file.getvalue()


def read(data: bytes) -> tuple[str, str, list[float], list[np.ndarray]]:
    """The format of a film, its pixel format, the times and the planes of luma of its frames."""
    with av.open(io.BytesIO(data)) as container:
        pictures = list(container.decode(video=0))
        deep = pictures[0].format.components[0].bits > 8
        planes = [np.frombuffer(p.planes[0], np.uint16 if deep else np.uint8).reshape(p.height, -1) for p in pictures]
        times = [float(p.pts * p.time_base) for p in pictures]
        return container.format.name, pictures[0].format.name, times, [p[:, : SIZE[0]] for p in planes]


@pytest.mark.parametrize(("form", "pix_fmt", "other"), [("y4m", "yuv420p", "nut"), ("nut", "yuv420p10le", "y4m")])
def test_luma_goes_through_pipes_bit_for_bit(tmp_path: Path, form: str, pix_fmt: str, other: str) -> None:
    """From each format into the other; on stdout lies the film and nothing else."""
    source = film(form, pix_fmt)
    done = Child(
        *f"colorize - -o - --pipe {other} --size 32 --progress json".split(), cwd=tmp_path, data=source
    ).ended()
    assert done.code == 0
    before, after = read(source), read(done.out)
    assert after[0] == MUXERS[other]
    assert after[1:3] == before[1:3]
    assert all(np.array_equal(*pair) for pair in zip(before[3], after[3], strict=True))
    assert b'"event": "finished"' in done.err
    assert b"-  (12 frames" in done.err
    assert not list(tmp_path.iterdir())


def test_sound_goes_through_pipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sound in NUT, in sync: from a file to stdout, and from a pipe to a file."""
    write_beats(tmp_path / "film.mkv", 3, sounds=("pcm_s16le", "ac3"), marks={"language": "ger"})
    done = Child(*["colorize", "film.mkv", "-o", "-", "-q", "--size", "32", "--start", "0.5"], cwd=tmp_path).ended()
    assert (done.code, done.err) == (0, b"")
    (tmp_path / "film.nut").write_bytes(done.out)
    assert probe(tmp_path / "film.nut").container == "nut"
    with open(tmp_path / "film.nut", "rb") as file:
        monkeypatch.setattr("vidcolor.film.reader.open_pipe", lambda: open_pipe(file.fileno()))
        assert written(Path("-"), tmp_path / "out.mkv", "ffv1") == []
    assert [stream.language for stream in probe(tmp_path / "out.mkv").streams] == ["ger", "ger"]
    assert len(flashes(tmp_path / "out.mkv")) == 2
    for track in (0, 1):
        assert beeps(tmp_path / "out.mkv", track) == pytest.approx(flashes(tmp_path / "out.mkv"), abs=0.02)


def test_a_broken_pipe_ends_with_one_line(tmp_path: Path) -> None:
    """Who reads stdout may go at any time; nothing is left in the folder."""
    data = film("y4m", "yuv420p", 12, (160, 120))  # more than a pipe holds
    child = Child(*["colorize", "-", "-o", "-", "--size", "32"], cwd=tmp_path, data=data)
    done = child.ended(reads=100)
    (line,) = done.err.decode().splitlines()
    assert line.startswith("vidcolor: error: cannot write stdout.y4m: the program that reads it has ended.")
    assert (done.code, len(done.out)) == (1, 100)
    assert not list(tmp_path.iterdir())


def test_other_formats_are_refused(tmp_path: Path) -> None:
    """What must be read in several places, what is no film, and what nobody sends."""
    mov = write_beats(tmp_path / "film.mov", 0.2)
    with open(mov, "rb") as file, pytest.raises(InputError, match=r"mov,mp4\S+ has to be read in more than one place"):
        open_pipe(file.fileno())
    with open(os.devnull, "rb") as file, pytest.raises(InputError, match="A pipe brings YUV4MPEG2 or NUT"):
        open_pipe(file.fileno())


def test_what_pipes_cannot_do_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line each, before anything is read."""
    with pytest.raises(OutputError, match="a pipe has no name"):
        colorize("-")
    with pytest.raises(OutputError, match="a pipe has no name"):
        colorize("-", tmp_path)
    with pytest.raises(OutputError, match="a photograph goes into a file"):
        colorize("a.png", "-")
    with pytest.raises(InputError, match="a pipe is read once"):
        find_inputs([Path("-"), tmp_path])
    with pytest.raises(DeviceError, match="Leave --hwaccel out"), open_video("-", hwaccel="cuda"):
        pass
    monkeypatch.setattr(os, "isatty", lambda descriptor: True)
    with pytest.raises(InputError, match="stdin is a terminal"), open_video("-"):
        pass
    with pytest.raises(OutputError, match="stdout is a terminal"):
        colorize("film.mkv", "-")


def test_a_film_that_ends_within_a_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The frames before it are read."""
    data = film("y4m", "yuv420p")
    (tmp_path / "film.y4m").write_bytes(data[:-500])
    with open(tmp_path / "film.y4m", "rb") as file:
        monkeypatch.setattr("vidcolor.film.reader.open_pipe", lambda: open_pipe(file.fileno()))
        with open_video("-") as video:
            planes = [frame.luma for frame in frames(video)]
    assert all(np.array_equal(*pair) for pair in zip(read(data)[3], planes, strict=False))
    assert len(planes) == 11


def test_uneven_films_do_not_become_y4m(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts frames; times that are uneven, or have gaps, would be lost."""
    (tmp_path / "film.nut").write_bytes(film("nut", "yuv420p", late=3))
    info = probe(tmp_path / "film.nut")
    with pytest.raises(OutputError, match=r"which \.y4m wants"):
        choose_encoding(tmp_path / "out.y4m", info, 8, EncodeSettings())
    assert choose_encoding(tmp_path / "out.nut", info, 8, EncodeSettings()).codec == "rawvideo"
    with open(tmp_path / "film.nut", "rb") as file:
        monkeypatch.setattr("vidcolor.film.reader.open_pipe", lambda: open_pipe(file.fileno()))
        with pytest.raises(OutputError, match=r"at 0\.08 s its frames .* --pipe nut"):
            written(Path("-"), tmp_path / "out.y4m")
    assert [path.name for path in tmp_path.iterdir()] == ["film.nut"]
