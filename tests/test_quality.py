"""Frames are judged as a person would: on pictures whose flaws are made here, and on real film."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.data import astronaut, coffee

from vidcolor.color.tint import shrink
from vidcolor.data.quality import Fingerprint, Likeness, detail, fingerprint, judge

Image = NDArray[np.uint8]


def two_frames(path: Path) -> list[Image]:
    """The first and the fortieth frame of a film, or a still."""
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24") for f in islice(container.decode(video=0), 0, 40, 39)]


def tint(grey: NDArray[np.float64], shadow: tuple[float, ...], light: tuple[float, ...]) -> Image:
    """A grey picture (0..1) printed in one dye, or toned from one color to another, and scanned with some noise."""
    mixed = np.multiply.outer(1 - grey, shadow) + np.multiply.outer(grey, light)
    noise = np.random.default_rng(0).normal(0, 0.02, mixed.shape)
    return np.clip((mixed + noise) * 255, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def portrait() -> Image:
    picture: Image = astronaut()
    return picture


def test_color_photographs_have_no_flaw(portrait: Image) -> None:
    """Two photographs of scikit-image are good to learn from, at full size and as small as the network's."""
    for image in (portrait, coffee(), shrink(portrait, 160)):
        assert judge(image).flaw == ""


@pytest.mark.parametrize(
    ("shadow", "light"),
    [
        ((0.10, 0.06, 0.02), (1, 0.95, 0.80)),  # sepia
        ((0.02, 0.05, 0.15), (0.75, 0.85, 1)),  # night blue
        ((0.05, 0.10, 0.30), (1, 0.90, 0.60)),  # blue shadows, amber lights
        ((0.20, 0.02, 0.08), (1, 0.80, 0.85)),  # rose
    ],
)
def test_tinted_film_is_no_color(portrait: Image, shadow: tuple[float, ...], light: tuple[float, ...]) -> None:
    """One color at each lightness is a tint, however strong, and after JPEG too."""
    grey = cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY) / 255
    image = tint(grey, shadow, light)
    assert judge(image).flaw == "tinted"
    packed = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)
    assert judge(packed).flaw == "tinted"


def test_grey_film_is_no_color(portrait: Image) -> None:
    """Neutral pictures, and those with a trace of a cast, are grey; a small colored caption does not save them."""
    grey = cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY)
    image = np.repeat(grey[..., None], 3, axis=2)
    assert judge(image).flaw == "grey"
    cast = np.clip(image * np.array([1.0, 0.99, 0.97]), 0, 255).astype(np.uint8)
    assert judge(cast).flaw == "grey"
    image[480:500, 20:300] = (255, 220, 0)
    assert judge(image).flaw == "grey"


def test_black_faded_and_blurred(portrait: Image) -> None:
    """A night without light, a picture in the middle of a fade, and one out of focus."""
    assert judge((portrait * 0.1).astype(np.uint8)).flaw == "black"
    assert judge(np.zeros((90, 160, 3), np.uint8)).flaw == "black"
    assert judge(np.full((90, 160, 3), 255, np.uint8)).flaw == "faded"
    assert judge((200 + portrait * 0.15).astype(np.uint8)).flaw == "faded"
    soft = cv2.GaussianBlur(portrait, (0, 0), 8)  # 2.5 pixels at the size that is judged
    assert judge(soft).flaw == "blurred"


def test_shallow_focus_is_sharp(portrait: Image) -> None:
    """A sharp face before a blurred ground is a sharp picture."""
    soft = cv2.GaussianBlur(portrait, (0, 0), 8)
    soft[40:240, 140:320] = portrait[40:240, 140:320]
    assert judge(soft).flaw == ""


@pytest.mark.parametrize("axis", [0, 1])
def test_detail_falls_with_motion_blur(portrait: Image, axis: int) -> None:
    """A pan blurs one direction only; the frame before it wins all the same."""
    grey = cv2.cvtColor(shrink(portrait, 160), cv2.COLOR_RGB2GRAY)
    smear = np.full((9, 1) if axis == 0 else (1, 9), 1 / 9)
    assert detail(cv2.filter2D(grey, -1, smear)) < 0.6 * detail(grey)


def test_likeness_survives_copying(portrait: Image) -> None:
    """Half the size, strong JPEG, another grading and a trimmed border are the same picture; coffee is another."""
    copies = [
        shrink(portrait, 200),
        cv2.imdecode(cv2.imencode(".jpg", portrait, [cv2.IMWRITE_JPEG_QUALITY, 20])[1], cv2.IMREAD_COLOR),
        np.clip((portrait / 255) ** 1.5 * 220, 0, 255).astype(np.uint8),
        portrait[10:-10, 10:-10],
    ]
    seen = Likeness()
    assert seen.find(judge(portrait).fingerprint, 1) is None
    seen.add(judge(coffee()).fingerprint, 1)
    seen.add(judge(portrait).fingerprint, 1)
    for copy in copies:
        assert seen.find(judge(copy).fingerprint, 2) == 1
    assert seen.find(judge(np.ascontiguousarray(portrait[::-1])).fingerprint, 1) is None


def test_fingerprint_of_a_gradient() -> None:
    """Worked by hand: light that falls from left to right has positive odd frequencies across, and its own layout."""
    ramp = np.repeat(np.linspace(255, 0, 64)[None], 64, axis=0).astype(np.uint8)
    found = fingerprint(np.repeat(ramp[..., None], 3, axis=2), ramp)
    assert [f"{found.bits:064b}"[i] for i in (1, 3, 5, 7)] == ["1"] * 4
    layout = found.layout.reshape(6, 6, 3)
    assert np.abs(layout[..., 1:]).max() < 0.1
    assert (np.diff(layout[..., 0], axis=1) < -5).all()
    assert np.ptp(layout[..., 0], axis=0).max() < 0.1


FAR = np.full(108, 1000, np.float32)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=150), st.integers(0, 2**64 - 1), st.integers(0, 3))
@settings(deadline=None)
def test_likeness_is_that_of_brute_force(known: list[int], wanted: int, shot: int) -> None:
    """The first picture with few differing bits is found, more of them in the same shot, however many there are."""
    seen = Likeness()
    known += [wanted ^ 0b111111111111, wanted ^ 0b1111111111111]  # 12 and 13 bits
    for number, bits in enumerate(known):
        seen.add(Fingerprint(bits, FAR * (number + 1)), number % 4)
    assert len(seen) == len(known)
    alike = [
        number for number, bits in enumerate(known) if (bits ^ wanted).bit_count() <= (16 if number % 4 == shot else 12)
    ]
    assert seen.find(Fingerprint(wanted, np.zeros(108, np.float32)), shot) == alike[0]


def test_likeness_of_layouts_worked_by_hand() -> None:
    """All parts 8 of L* brighter: alike; 12 brighter: alike in the same shot only."""
    seen = Likeness()
    seen.add(Fingerprint(0, np.zeros(108, np.float32)), 5)
    for offset, in_shot, elsewhere in ((8, 0, 0), (12, 0, None), (15, None, None)):
        brighter = np.zeros((36, 3), np.float32)
        brighter[:, 0] = offset
        other = Fingerprint(2**64 - 1, brighter.flatten())
        assert seen.find(other, 5) == in_shot
        assert seen.find(other, 6) == elsewhere


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (37, 5)])
def test_tiny_pictures_are_judged(size: tuple[int, int], picture: Callable[..., Image]) -> None:
    """No size is too small or too long to be looked at."""
    assert judge(picture(0, *size)).flaw in ("", "black", "faded", "blurred", "grey", "tinted")


def test_every_old_film_is_grey_or_tinted(footage: Path) -> None:
    """All films and photographs of the archive, the sepia prints among them."""
    paths = [p for p in sorted((footage / "archive").iterdir()) if p.is_file()]
    for path in paths:
        for image in two_frames(path):
            assert judge(image).flaw in ("grey", "tinted"), path


def test_color_footage_has_color(footage: Path) -> None:
    """No frame of the color clips is taken for grey, tinted, black or faded: pale rooms and grey cars included."""
    for path in sorted((footage / "colour").glob("*.mp4")):
        for image in two_frames(path):
            assert judge(image).flaw == "", path
