"""Shots are found in films whose boundaries are known, and decided from a bounded window."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from vidcolor.film.shots import HEIGHT, LOOKAHEAD, WIDTH, Boundary, ShotDetector, WithBoundaries, thumbnail
from vidcolor.pipeline.shotlist.survey import survey

SAMPLES = Path(__file__).parent.parent / "samples"
Picture = np.ndarray  # (HEIGHT, WIDTH) float, code values


def scene(seed: int, frames: int, speed: float = 0.3) -> list[Picture]:
    """A camera that pans over a random landscape, ``speed`` thumbnail pixels a frame."""
    rng = np.random.default_rng(seed)
    reach = int(WIDTH + speed * frames + 2)
    landscape = np.zeros((HEIGHT, reach), np.float32)
    for cells, strength in ((4, 30), (9, 25), (20, 20)):
        size = (max(2, cells * reach // WIDTH), cells)
        noise = rng.normal(0, strength, size[::-1]).astype(np.float32)
        landscape += cv2.resize(noise, (reach, HEIGHT), interpolation=cv2.INTER_CUBIC)
    landscape = np.clip(landscape + 120, 20, 230)
    return [landscape[:, int(speed * i) : int(speed * i) + WIDTH] for i in range(frames)]


def blend(first: list[Picture], second: list[Picture], length: int) -> list[Picture]:
    """The second scene dissolves in over the last frames of the first."""
    shares = [(i + 1) / (length + 1) for i in range(length)]
    mixed = [a * (1 - s) + b * s for a, b, s in zip(first[-length:], second[:length], shares, strict=True)]
    return first[:-length] + mixed + second[length:]


def decisions(pictures: list[Picture]) -> list[Boundary | None]:
    codes = [np.clip(np.rint(p), 0, 255).astype(np.uint8) for p in pictures]
    return [boundary for _, boundary in WithBoundaries(codes, key=lambda small: small)]


def boundaries(pictures: list[Picture]) -> list[Boundary]:
    return [decision for decision in decisions(pictures) if decision]


@pytest.mark.parametrize("seed", range(8))
def test_a_cut_is_found_where_it_is(seed: int) -> None:
    """The first frame of another scene begins a shot."""
    assert boundaries(scene(seed, 30) + scene(seed + 100, 30)) == [Boundary(30, "cut", 0)]


@pytest.mark.parametrize("length", [4, 8, 16, 24])
def test_a_dissolve_lies_at_its_middle(length: int) -> None:
    """One boundary, within a quarter of the dissolve around its middle, told as a dissolve."""
    found = boundaries(blend(scene(1, 70, 0.1), scene(2, 70, 0.1), length))
    assert [b.kind for b in found] == ["dissolve"]
    assert abs(found[0].frame - (70 - length / 2)) <= max(1, length / 4)
    assert 0.5 * length <= found[0].length <= 1.5 * length


@pytest.mark.parametrize(("length", "black"), [(6, 0), (12, 4), (12, 40), (24, 1)])
def test_a_fade_begins_the_shot_that_rises(length: int, black: int) -> None:
    """Out to black and in again: one boundary, where the new scene begins to rise."""
    first, second = scene(3, 60), scene(4, 60)
    for i in range(length):
        first[-1 - i] = 16 + (first[-1 - i] - 16) * (i / length)
        second[i] = 16 + (second[i] - 16) * ((i + 1) / length)
    found = boundaries(first + [np.full((HEIGHT, WIDTH), 16.0)] * black + second)
    assert [b.kind for b in found] == ["fade"]
    assert -2 <= found[0].frame - (60 + black) <= 2
    assert 0.75 * (2 * length + black) <= found[0].length <= 2 * length + black + 2


@pytest.mark.parametrize("length", [1, 3, 5])
@pytest.mark.parametrize("light", [60.0, 120.0, 500.0], ids=["bright", "burnt", "white"])
def test_a_flash_is_no_cut(length: int, light: float) -> None:
    """The scene comes back: it never went."""
    pictures = scene(5, 60)
    for i in range(30, 30 + length):
        pictures[i] = pictures[i] * 1.5 + light
    assert boundaries(pictures) == []


def test_a_flash_does_not_hide_a_cut() -> None:
    """The first frame of the new scene is overexposed, as the camera's start often is."""
    pictures = scene(6, 30) + scene(106, 30)
    pictures[30] = pictures[30] * 1.5 + 60
    assert [(b.frame, b.kind) for b in boundaries(pictures)] == [(30, "cut")]


def test_flicker_is_no_cut() -> None:
    """Exposure that jumps by a fifth from frame to frame."""
    rng = np.random.default_rng(7)
    assert boundaries([p * rng.normal(1, 0.2) + rng.normal(0, 8) for p in scene(7, 120)]) == []


def test_scratches_and_blotches_are_no_cut() -> None:
    """Lines from top to bottom, and now and then a blotch over a quarter of the picture."""
    rng = np.random.default_rng(8)
    pictures = [p.copy() for p in scene(8, 120)]
    for i, picture in enumerate(pictures):
        picture[:, rng.integers(WIDTH)] = 240
        if i % 9 == 0:
            y, x = rng.integers(HEIGHT // 2), rng.integers(WIDTH // 2)
            picture[y : y + HEIGHT // 2, x : x + WIDTH // 2] = rng.choice([5, 250])
    assert boundaries(pictures) == []


@pytest.mark.parametrize("speed", [2.0, 5.0, 8.0])
def test_a_fast_pan_is_no_cut(speed: float) -> None:
    """A sixth of the picture's width a frame: after six frames nothing of the first is left."""
    assert boundaries(scene(9, 60, speed)) == []


def test_black_at_either_end_is_no_boundary() -> None:
    """Leader before the first scene and black after the last separate nothing."""
    black = [np.full((HEIGHT, WIDTH), 16.0)] * 12
    assert boundaries(black + scene(10, 40) + black) == []


def test_one_decision_a_frame_within_the_delay() -> None:
    """Decisions come in order, none earlier or later than declared, and frame 0 begins nothing."""
    detector = ShotDetector()
    small = [p.astype(np.uint8) for p in scene(11, 50) + scene(12, 30)]
    given = [detector.push(picture) for picture in small]
    assert [len(g) for g in given] == [0] * detector.delay + [1] * (len(small) - detector.delay)
    rest = detector.flush()
    assert len(rest) == detector.delay == LOOKAHEAD
    decided = [d for g in given for d in g] + rest
    assert decided[0] is None
    assert all(d is None or d.frame == number for number, d in enumerate(decided))
    assert detector.flush() == []


def test_items_are_read_no_further_ahead_than_the_delay() -> None:
    """Each comes with its own boundary; what is read and not given out is told, and nothing is held beyond that."""
    pictures = [*scene(11, 30), *scene(12, 30)]
    read: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(len(pictures)):
            read.append(number)
            yield number

    decided = WithBoundaries(numbers(), key=lambda i: pictures[i].astype(np.uint8))
    for number, (item, boundary) in enumerate(decided):
        assert item == number
        assert [item, *decided.waiting] == list(range(number, len(read)))
        assert len(decided.waiting) <= LOOKAHEAD
        assert boundary == (Boundary(30, "cut", 0) if number == 30 else None)
    assert read == list(range(60))


def test_a_detector_started_at_a_shot_decides_the_rest_alike() -> None:
    """What lies before a shot's first frame has no say in what follows: segments may begin there."""
    rng = np.random.default_rng(13)
    film = blend(scene(13, 60), scene(14, 60), 12) + scene(15, 9) + scene(16, 40, 4.0)
    film += [16 + (p - 16) * min(1, i / 10) for i, p in enumerate(scene(17, 50))] + scene(18, 40)
    film = [p * rng.normal(1, 0.05) + rng.normal(0, 2, p.shape) for p in film]
    whole = decisions(film)
    starts = [d.frame for d in whole if d]
    assert len(starts) == 5
    for start in starts:
        again = decisions(film[start:])
        assert [(i + start, d.kind, d.length) for i, d in enumerate(again) if d] == [
            (d.frame, d.kind, d.length) for d in whole[start + 1 :] if d
        ]


@pytest.mark.parametrize("shape", [(480, 640), (1080, 1920), (271, 480), (12, 20)])
def test_thumbnails_of_deep_and_shallow_film_are_alike(shape: tuple[int, int]) -> None:
    """8 and 10 bits of the same picture, at any size, give the same thumbnail within rounding."""
    picture = cv2.resize(scene(19, 1)[0], shape[::-1])
    shallow = thumbnail(np.rint(picture).astype(np.uint8), 8)
    deep = thumbnail(np.rint(picture * 4).astype(np.uint16), 10)
    assert shallow.shape == deep.shape == (HEIGHT, WIDTH)
    assert shallow.dtype == deep.dtype == np.uint8
    assert np.abs(shallow.astype(int) - deep).max() <= 1


def test_the_shots_of_the_reel() -> None:
    """The sample's five shots, as its README lists them."""
    found = survey(SAMPLES / "reel.mp4")
    shots = found.shots.shots
    assert [shot.transition.kind for shot in shots] == ["start", "cut", "cut", "dissolve", "cut"]
    starts = np.array([shot.start for shot in shots])
    assert np.abs(starts - [0, 30, 92, 143, 194]).max() <= 3  # the dissolve goes from 136 to 149
    assert [shot.end for shot in shots] == [*starts[1:], 240]
    assert found.begins[1] == 30 / 24
    assert found.begins[-1] == pytest.approx(10)
    assert found.is_even
    assert {picture.shape for picture in found.pictures} == {(240, 320, 3)}


def test_the_command_lists_shots(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """info --shots --json holds the shots beside what info always tells."""
    from vidcolor.cli.app import main

    monkeypatch.setattr("sys.argv", ["vidcolor", "info", str(SAMPLES / "reel.mp4"), "--shots", "--json"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["width"] == 640
    shots = found["shots"]
    assert [shot["begins"] for shot in shots] == ["start", "cut", "cut", "dissolve", "cut"]
    assert sum(shot["frames"] for shot in shots) == 240
    assert shots[1]["seconds"] == 30 / 24


def test_real_single_shots_have_no_boundary() -> None:
    """Pans, crowds, riders and silent comedies: moving footage without a cut."""
    footage = os.environ.get("VIDCOLOR_FOOTAGE")
    if not footage:
        pytest.skip("VIDCOLOR_FOOTAGE names no folder of footage")
    for name in ("colour/bmx-trees.mp4", "colour/market-stall.mp4", "archive/great-train-robbery-1903.mp4"):
        assert len(survey(Path(footage) / name).pictures) == 1, name
