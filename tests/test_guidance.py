"""References and hints: known colors come out in their place, in other frames of the shot, and nowhere else."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from scenes import (
    CLOCK,
    LENGTH,
    RATE,
    ab_of,
    error,
    listed,
    png,
    run,
    scene,
    shot,
    untold,
    write_film,
)
from vidcolor.color.arrays import Plane
from vidcolor.errors import VidcolorError
from vidcolor.film.frame import ColorTags, Frame, VideoInfo
from vidcolor.network.checkpoint import save_model
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.colorizer import Colorizer
from vidcolor.pipeline.film import colorize_film
from vidcolor.pipeline.guidance.carrying import Anchor, Open, Track
from vidcolor.pipeline.guidance.guide import Guidance, Guide
from vidcolor.pipeline.guidance.picture import shrunk_hints
from vidcolor.pipeline.guidance.sources import parse_moment
from vidcolor.pipeline.view import View
from vidcolor.settings import RunSettings


@pytest.mark.parametrize("at", ["00:00:00:00", "00:00:00:06", "0:00.46"])
def test_a_painted_frame_is_followed_through_its_shot(
    film: Path, truth: list[np.ndarray], tmp_path: Path, predictor: Predictor, at: str
) -> None:
    """Exactly on its own frame, nearly so in the frames around it; the other shot stays as it is."""
    place = round(parse_moment(at, CLOCK) * RATE)
    painted = png(tmp_path / "painted.png", truth[place])
    plain = untold(film)
    found = run(film, tmp_path / "out.mkv", predictor, reference=(f"{at}={painted}",))
    assert error(found[place], ab_of(truth[place])) < 1.6
    for number in range(LENGTH):
        assert error(found[number], ab_of(truth[number])) < 0.4 * error(plain[number], ab_of(truth[number]))
    np.testing.assert_array_equal(np.stack(found[LENGTH:]), np.stack(plain[LENGTH:]))


def test_colors_are_followed_once_for_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network's thread and that of the averaging may both be the first to ask for the colors of a painted frame."""
    begun: list[Anchor] = []

    def slowly(film: Open, view: View, anchor: Anchor) -> Track:
        begun.append(anchor)
        time.sleep(0.2)  # the other thread asks meanwhile
        return Track(anchor.known.shape)

    monkeypatch.setattr("vidcolor.pipeline.guidance.guide.track", slowly)
    tags = ColorTags("bt709", False)
    view = View(VideoInfo.of_still(32, 32, tags), 32, 32)
    painted = Guide(anchor=Anchor(0, 0.0, np.zeros((3, 32, 32), np.float32)))
    guidance = Guidance(None, view, nullcontext, (painted,))  # type: ignore[arg-type]  # nothing is predicted or read
    frame = Frame(np.zeros((32, 32), np.uint8), 8, 0, Fraction(1, 25), tags)
    ab = np.ones((2, 32, 32), np.float32)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda number: guidance.settled(frame, None, ab), range(2)))
    assert len(begun) == 1
    np.testing.assert_array_equal(found[0], ab)
    np.testing.assert_array_equal(found[1], ab)


def test_segments_are_as_the_whole(
    film: Path, truth: list[np.ndarray], tmp_path: Path, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment follows from its own frames and the files alone, however the film is divided.

    Batches of other sizes may round the last bit of a float otherwise, which may move a code of 8 bits by one.
    """
    painted, still = png(tmp_path / "a.png", truth[5]), png(tmp_path / "b.png", truth[LENGTH + 6])
    reference = (f"00:00:00:05={painted}", str(still))
    whole = run(film, tmp_path / "whole.mkv", predictor, reference=reference, resume=False)
    monkeypatch.setattr("vidcolor.pipeline.segments.cutting.SHORTEST", 4)
    parts = run(film, tmp_path / "parts.mkv", predictor, reference=reference)
    late = run(film, tmp_path / "late.mkv", predictor, reference=reference, start=LENGTH / RATE)
    for found, expected in ((parts, whole), (late, whole[LENGTH:])):
        differs = np.abs(np.stack(found) - np.stack(expected))
        assert np.mean(differs > 0) < 1e-4
        assert differs.max() < 3  # ab units: a code of chroma is less


def test_a_still_colors_what_it_shows(
    film: Path, truth: list[np.ndarray], tmp_path: Path, predictor: Predictor
) -> None:
    """A picture without a time: frames of the same place take its colors, in whichever shot they are."""
    still = png(tmp_path / "still.png", truth[LENGTH + 3])
    plain = untold(film)
    found = run(film, tmp_path / "out.mkv", predictor, reference=(str(still),))
    after = [error(found[n], ab_of(truth[n])) for n in range(LENGTH, 2 * LENGTH)]
    before = [error(plain[n], ab_of(truth[n])) for n in range(LENGTH, 2 * LENGTH)]
    assert max(after) < 0.6 * min(before)


def test_hints_are_exact_at_their_points(film: Path, tmp_path: Path, predictor: Predictor) -> None:
    """On their frame, and on the frames to which the motion takes them."""
    table = tmp_path / "film.hints.csv"
    table.write_text("time,x,y,color,radius\n00:00:00:06,48,32,#805a6e,9\n00:00:00:06,70,20,grey,\n")
    found = run(film, tmp_path / "out.mkv", predictor, hints=(str(table),))
    wanted = ab_of(np.array([[[0x80, 0x5A, 0x6E]]], np.uint8))[:, 0, 0]
    for number in (4, 6, 8):
        np.testing.assert_allclose(found[number][:, 32, 48 - 2 * (number - 6)], wanted, atol=3)
        np.testing.assert_allclose(found[number][:, 20, 70 - 2 * (number - 6)], 0, atol=3)


def test_strokes_are_painted(film: Path, tmp_path: Path, predictor: Predictor) -> None:
    """A picture that is transparent where nothing is said; also at another size."""
    layer = np.zeros((128, 192, 4), np.uint8)
    layer[56:72, 60:130] = (0x80, 0x5A, 0x6E, 255)
    picture = png(tmp_path / "strokes.png", layer)
    found = run(film, tmp_path / "out.mkv", predictor, hints=(f"00:00:00:06={picture}",))
    wanted = ab_of(np.array([[[0x80, 0x5A, 0x6E]]], np.uint8))[:, 0, 0]
    np.testing.assert_allclose(found[6][:, 32, 36:60].mean(axis=1), wanted, atol=2)


def test_shots_have_references_of_their_own(
    film: Path, truth: list[np.ndarray], tmp_path: Path, predictor: Predictor
) -> None:
    """Beside the list; the other shot is not touched. Made alone, a shot comes out as in the whole film."""
    png(tmp_path / "painted.png", truth[LENGTH + 4])
    plain = run(film, tmp_path / "plain.mkv", predictor, shots=listed(tmp_path, ",,", ",,"))
    shots = listed(tmp_path, ",,", "00:00:00:16=painted.png,,")
    found = run(film, tmp_path / "out.mkv", predictor, shots=shots)
    np.testing.assert_array_equal(np.stack(found[:LENGTH]), np.stack(plain[:LENGTH]))
    assert error(found[LENGTH + 4], ab_of(truth[LENGTH + 4])) < 1.6
    alone = run(film, tmp_path / "alone.mkv", predictor, shots=shots, only="2")
    np.testing.assert_array_equal(np.stack(found[LENGTH:]), np.stack(alone))


def test_shots_that_are_like_another_share_its_reference(tmp_path: Path, predictor: Predictor) -> None:
    """The same place in two shots, one painted; a reference of the whole film, of a frame, stays in its shot."""
    pictures = shot(1) + shot(2) + shot(1)[::-1]
    film, painted = write_film(tmp_path / "film.mkv", pictures), png(tmp_path / "painted.png", pictures[2])
    rows = [f"{n + 1},{n * LENGTH},{(n + 1) * LENGTH}" for n in range(3)]
    shots = tmp_path / "film.shots.csv"
    reference = f"00:00:00:02={painted.name}"
    shots.write_text(f"shot,start_frame,end_frame,reference,like\n{rows[0]},{reference},\n{rows[1]},,\n{rows[2]},,1\n")
    found = run(film, tmp_path / "like.mkv", predictor, shots=shots)
    lone = run(film, tmp_path / "lone.mkv", predictor, reference=(f"00:00:00:02={painted}",))
    last = 2 * LENGTH + 9  # the same picture
    assert error(found[last], ab_of(pictures[last])) < 0.7 * error(lone[last], ab_of(pictures[last]))
    np.testing.assert_array_equal(np.stack(found[:LENGTH]), np.stack(lone[:LENGTH]))


def test_shots_that_are_like_another_look_as_it_comes_out(tmp_path: Path, predictor: Predictor) -> None:
    """The same place in two shots: with a stroke on the first, the second takes its color too, without a reference."""
    pictures = shot(1) + shot(2) + shot(1)[::-1]
    film = write_film(tmp_path / "film.mkv", pictures)
    layer = np.zeros((64, 96, 4), np.uint8)
    layer[20:44, 30:66] = (0x80, 0x5A, 0x6E, 255)
    png(tmp_path / "stroke.png", layer)
    head = "shot,start_frame,end_frame,hints,like"
    rows = [f"{n + 1},{n * LENGTH},{(n + 1) * LENGTH}" for n in range(3)]

    def colors(*cells: str) -> list[Plane]:
        shots = tmp_path / "film.shots.csv"
        shots.write_text("\n".join([head, *(f"{row},{cell}" for row, cell in zip(rows, cells, strict=True))]) + "\n")
        return run(film, tmp_path / "out.mkv", predictor, shots=shots)

    hint = f"00:00:00:06={tmp_path / 'stroke.png'}"
    lone, like = colors(f"{hint},", ",", ","), colors(f"{hint},", ",", ",1")
    place = np.s_[:, 26:38, 36:60]
    wanted = lone[6][place].mean(axis=(1, 2))
    found = 2 * LENGTH + 5  # the same picture
    assert np.hypot(*(like[found][place].mean(axis=(1, 2)) - wanted)) < 0.6 * np.hypot(
        *(lone[found][place].mean(axis=(1, 2)) - wanted)
    )
    np.testing.assert_array_equal(np.stack(like[: 2 * LENGTH]), np.stack(lone[: 2 * LENGTH]))
    plain, guessed = colors(",", ",", ","), colors(",", ",", ",1")  # what the network guesses counts a little
    assert np.stack(plain[: 2 * LENGTH]).tolist() == np.stack(guessed[: 2 * LENGTH]).tolist()
    assert error(guessed[found], plain[6]) <= error(plain[found], plain[6]) + 0.3


def test_another_painting_is_another_film(
    film: Path, truth: list[np.ndarray], tmp_path: Path, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is finished with a file of other contents is told, not joined."""
    painted, out = png(tmp_path / "painted.png", truth[5]), tmp_path / "out.mkv"
    monkeypatch.setattr("vidcolor.pipeline.segments.cutting.SHORTEST", 4)
    settings = RunSettings(codec="ffv1", size=64, batch_size=4, reference=(f"00:00:00:05={painted}",))

    def stop(done: int, total: int) -> None:
        if done > LENGTH + 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        colorize_film(film, out, settings=settings, predictor=predictor, progress=stop)
    png(painted, truth[4])
    with pytest.raises(VidcolorError, match="finished with another references"):
        colorize_film(film, out, settings=settings, predictor=predictor)


def test_pictures_in_memory_take_hints(predictor: Predictor, tmp_path: Path) -> None:
    """In Python: a point has its color, and a picture without hints is as before."""
    path = tmp_path / "hinted.safetensors"
    save_model(path, predictor.model.network, predictor.model.config)
    colorizer = Colorizer(path, device="cpu", size=64)
    grey = (scene(4)[:, :96] @ np.array([0.2126, 0.7152, 0.0722])).astype(np.uint8)
    hints = np.zeros((64, 96, 3), np.float32)
    np.testing.assert_array_equal(colorizer.picture(grey, hints=hints), colorizer.picture(grey))
    hints[24:40, 40:56] = 15, -10, 1
    found = ab_of(colorizer.picture(grey, hints=hints))
    np.testing.assert_allclose(found[:, 32, 48], (15, -10), atol=3)
    for wrong, why in ((hints[1:], "their shape is"), (hints * 2, "a weight is not in 0..1")):
        with pytest.raises(VidcolorError, match=why):
            colorizer.picture(grey, hints=wrong)


def test_no_hint_is_too_small() -> None:
    """A pixel of a large picture weighs as much in the network's small one, and has its own color there."""
    hints = np.zeros((640, 960, 3), np.float32)
    hints[333, 517] = 30, -40, 1
    small = shrunk_hints(hints, (640, 960), 96, 64)
    (row,), (column,) = np.nonzero(small[2])
    assert (int(row), int(column)) == (33, 51)
    np.testing.assert_allclose(small[:, row, column], (30, -40, 1), rtol=1e-5)


def test_frames_know_their_time_in_the_film() -> None:
    """Also where shots alone are made into a film of their own, in which they have other times."""
    from dataclasses import replace

    with_luma = Frame(np.zeros((4, 4), np.uint8), 8, 7, Fraction(1, 24), None)  # type: ignore[arg-type]
    assert replace(with_luma, pts=3, moved=-4).film_pts == 7
