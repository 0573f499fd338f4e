"""Films and photographs that are in color already, or tinted: told, and left as they are when that is asked."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from vidcolor.errors import InputError
from vidcolor.film.images.reading import read_image
from vidcolor.film.reader import frames, open_video
from vidcolor.pipeline.batch import colorize
from vidcolor.pipeline.shot_colors import ShotColors
from vidcolor.settings import RunSettings

SMALL = RunSettings(size=32, codec="ffv1")
LENGTH = 14  # frames of a shot
KINDS = ("grey", "colored", "tinted", "grey", "colored")


def dressed(picture: np.ndarray, kind: str) -> np.ndarray:
    """A color picture as it is, in grey, or in sepia."""
    if kind == "colored":
        return picture
    grey = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    return np.rint(grey * ((1, 0.85, 0.6) if kind == "tinted" else 1)).astype(np.uint8)


@pytest.fixture
def film(tmp_path: Path, picture: Callable[..., np.ndarray]) -> Path:
    """A film of five shots: grey, in color, sepia, grey, in color."""
    with av.open(str(tmp_path / "film.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number, kind in enumerate(KINDS):
            shapes = np.kron(np.random.default_rng(number).uniform(0.3, 1, (8, 12)), np.ones((8, 8)))
            shown = dressed(np.rint(picture(number, 96, 64) * shapes[..., None]).astype(np.uint8), kind)
            raw = av.VideoFrame.from_ndarray(shown, format="rgb24").reformat(format="yuv420p")
            for place in range(LENGTH):
                raw.pts, raw.time_base = number * LENGTH + place, Fraction(1, 24)
                container.mux(stream.encode(raw))
        container.mux(stream.encode(None))
    return tmp_path / "film.mkv"


def planes(path: Path) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Luma, Cb and Cr of the first frame of each shot."""
    with open_video(path) as video:
        found = list(frames(video, chroma=True))[::LENGTH]
    assert all(frame.chroma is not None for frame in found)
    return [(frame.luma, *frame.chroma) for frame in found if frame.chroma is not None]


def test_shots_in_color_are_told(film: Path, tmp_path: Path) -> None:
    """With their share; the film is colored all the same, with its luma."""
    result = colorize(film, tmp_path / "out.mkv", settings=SMALL)
    assert result.notes == (
        "2 of 5 shots (40%) are in color already: recolored; --keep-color leaves such shots as they are",
        "1 of 5 shots (20%) is tinted: the tint is taken off",
    )
    for before, after in zip(planes(film), planes(tmp_path / "out.mkv"), strict=True):
        assert np.array_equal(before[0], after[0])
        assert not np.array_equal(before[1], after[1])


def test_shots_in_color_are_left_as_they_are(film: Path, tmp_path: Path) -> None:
    """To the code, and no other shot; a run that goes on counts as one that was not stopped."""

    def stop(done: int, total: int) -> None:
        if done == 3 * LENGTH + 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        colorize(film, tmp_path / "out.mkv", settings=SMALL, keep_color=True, progress=stop)
    result = colorize(film, tmp_path / "out.mkv", settings=SMALL, keep_color=True)
    assert result.notes[0] == "2 of 5 shots (40%) are in color already: left as they were"
    for kind, before, after in zip(KINDS, planes(film), planes(tmp_path / "out.mkv"), strict=True):
        assert np.array_equal(before[0], after[0])
        assert all(np.array_equal(*pair) == (kind == "colored") for pair in zip(before[1:], after[1:], strict=True))


def test_a_list_of_shots_goes_before(film: Path, tmp_path: Path) -> None:
    """A shot that says itself how it is colored is colored so; the others are kept if they are in color."""
    ends = ((0, 2, "color"), (2, 4, ""), (4, 5, ""))
    rows = [f"{n},{first * LENGTH},{end * LENGTH},{mode}" for n, (first, end, mode) in enumerate(ends, 1)]
    (tmp_path / "shots.csv").write_text("\n".join(["shot,start_frame,end_frame,mode", *rows]) + "\n")
    colorize(film, tmp_path / "out.mkv", settings=SMALL, keep_color=True, shots=tmp_path / "shots.csv")
    kept = [np.array_equal(a[1], b[1]) for a, b in zip(planes(film), planes(tmp_path / "out.mkv"), strict=True)]
    assert kept == [False, False, False, False, True]


def test_a_pipe_cannot_be_looked_at_before() -> None:
    """It is read once; nothing is read of it then."""
    with pytest.raises(InputError, match="--mode keep"):
        colorize("-", "out.mkv", keep_color=True)


def test_counts_survive_an_interruption() -> None:
    """What a run had counted, the shot that ran included, goes on in the next."""
    colors = ShotColors()
    colors.tally = {"colored shots": 3.0, "tinted shots": 1.0, "bad_packets": 7.0}
    assert colors.tally.items() >= {"colored shots": 3, "tinted shots": 1, "grey shots": 0}.items()
    assert len(colors.notes()) == 2
    assert ShotColors().notes() == []


def test_photographs_in_color_are_told_and_kept(tmp_path: Path, picture: Callable[..., np.ndarray]) -> None:
    """A photograph in color keeps its colors to the code when that is asked; a sepia one is told."""
    for kind in ("grey", "colored", "tinted"):
        cv2.imwrite(str(tmp_path / f"{kind}.png"), dressed(picture(3), kind)[..., ::-1])
    assert colorize(tmp_path / "grey.png").notes == ()
    assert colorize(tmp_path / "tinted.png").notes == ("it is tinted: the tint is taken off",)
    again = colorize(tmp_path / "colored.png")
    assert again.notes == ("it is in color already: recolored; --keep-color leaves it as it is",)
    kept = colorize(tmp_path / "colored.png", tmp_path / "kept.png", keep_color=True)
    assert kept.notes == ("it is in color already: left as it is",)
    source = read_image(tmp_path / "colored.png").pixels
    assert np.array_equal(read_image(tmp_path / "kept.png").pixels, source)
    assert not np.array_equal(read_image(again.output).pixels, source)
