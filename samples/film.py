"""The picture of the samples: a camera that moves over photographs, and the worn film it is printed on.

Grey is the luminance of the photograph's linear light, encoded again with the sRGB curve, so that grey keeps
the color's CIE L*.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

Image = NDArray[np.float64]  # (height, width), 0..1, encoded with the sRGB curve


@dataclass(frozen=True)
class View:
    """What the camera sees: center and width of a rectangle, in pixels of the photograph."""

    x: float
    y: float
    width: float

    def toward(self, other: View, share: float) -> View:
        """The view ``share`` of the way to ``other``, starting and stopping as softly as a hand does."""
        share = share * share * (3 - 2 * share)
        return View(*(a + (b - a) * share for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class Shot:
    """One camera move over one picture. ``dissolve`` frames are shared with the shot before."""

    picture: Image
    start: View
    end: View
    frames: int
    dissolve: int = 0

    def view(self, frame: int) -> View:
        """Where the camera looks at ``frame``, counted from the start of the shot."""
        return self.start.toward(self.end, frame / (self.frames - 1))


def photograph(name: str, exposure: float = 1.0) -> Image:
    """A picture of scikit-image's wheel as grey; ``exposure`` multiplies its light, as in printing."""
    path = Path(skimage.data.__file__).parent / name
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise FileNotFoundError(f"{path}: expected this picture in scikit-image's wheel")
    encoded = picture[..., ::-1] / 255
    # IEC 61966-2-1: decode, weigh the light of red, green and blue, encode.
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    light: Image = np.clip(linear @ (0.2126, 0.7152, 0.0722) * exposure, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def title_card(text: str) -> Image:
    """A card of the silent days, 640x480: light letters in a double frame."""
    card = np.full((480, 640), 13, np.uint8)
    for inset, thickness in ((36, 3), (46, 1)):
        cv2.rectangle(card, (inset, inset), (639 - inset, 479 - inset), 190, thickness, cv2.LINE_AA)
    font, scale, thickness = cv2.FONT_HERSHEY_COMPLEX, 2.4, 4
    (width, height), _ = cv2.getTextSize(text, font, scale, thickness)
    corner = ((640 - width) // 2, (480 + height) // 2)
    cv2.putText(card, text, corner, font, scale, 225, thickness, cv2.LINE_AA)
    return card / 255


def shoot(picture: Image, view: View, size: tuple[int, int], pixel_aspect: Fraction = Fraction(1)) -> Image:
    """``view`` of ``picture`` at ``size`` (width, height).

    Sampled between the picture's pixels at twice the size and then averaged: slow moves glide instead of
    stepping from pixel to pixel, and shrunken detail does not shimmer.
    """
    width, height = size
    step_x = view.width / (2 * width)
    step_y = step_x / float(pixel_aspect)
    left = view.x - step_x * (width - 0.5)
    top = view.y - step_y * (height - 0.5)
    to_picture = np.array([[step_x, 0, left], [0, step_y, top]])
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    fine = cv2.warpAffine(picture, to_picture, (2 * width, 2 * height), None, how, cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.resize(fine, size, interpolation=cv2.INTER_AREA), np.float64)


class Film:
    """A strip of worn film: what gate, lamp, dust and grain do to its frames, drawn from a seed."""

    grain = 0.010  # standard deviation in the mid-tones: about 2 of 219 code values
    flicker = 0.008  # standard deviation of the lamp's light, as a share
    weave = 0.0006  # standard deviation of the gate's place: 0.4 of 640 pixels
    dust = 0.4  # specks a frame, on average
    scratch_frames = 10  # how long a scratch runs

    def __init__(self, frames: int, seed: int, scratches: int = 2) -> None:
        self.rng = np.random.default_rng(seed)
        drift = self.rng.normal(size=(frames, 3))
        for i in range(1, frames):  # unit variance, and each frame remembers 0.6 of the one before
            drift[i] = 0.6 * drift[i - 1] + 0.8 * drift[i]
        self.shift = self.weave * drift[:, :2]
        self.lamp = 1 + self.flicker * drift[:, 2]
        place, strength = self.rng.uniform([0.1, 0.05], [0.9, 0.12], size=(scratches, 2)).T
        self.scratches = list(zip(place, strength, self.rng.integers(frames, size=scratches), strict=True))

    def through_gate(self, view: View, frame: int) -> View:
        """``view`` as the unsteady gate shifts it."""
        dx, dy = self.shift[frame] * view.width
        return View(view.x + dx, view.y + dy, view.width)

    def project(self, image: Image, frame: int) -> Image:
        """``image`` with flicker, dark corners, dust, scratches and grain; black lifted, white held back."""
        height, width = image.shape
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        out = image * self.lamp[frame] * (1 - 0.06 * (x * x + y * y))
        for _ in range(self.rng.poisson(self.dust)):
            at_x, at_y, radius = self.rng.uniform([-1, -1, 0.004], [1, 1, 0.009])
            distance = np.hypot(x - at_x, (y - at_y) * height / width) / radius
            out += self.rng.choice([-0.35, 0.25]) * np.exp(-(distance**4))
        for place, strength, first in self.scratches:
            if first <= frame < first + self.scratch_frames:
                pixels_off = width * ((x + 1) / 2 - place) - 0.4 * np.sin(frame + 3 * y)
                out += strength * np.exp(-((pixels_off / 0.7) ** 2))
        out = np.clip(out, 0, 1)
        grain = cv2.GaussianBlur(self.rng.normal(size=image.shape), (0, 0), 0.8)
        grain *= self.grain / grain.std() * (0.35 + 2.6 * out * (1 - out))  # most in the mid-tones
        return 0.02 + 0.95 * out + grain


def edit(
    shots: Sequence[Shot],
    film: Film,
    size: tuple[int, int],
    pixel_aspect: Fraction = Fraction(1),
    fade: int = 0,
) -> Iterator[Image]:
    """The shots in a row, printed on ``film``; over the last ``fade`` frames the light goes out."""
    starts = [0]
    for shot, following in pairwise(shots):
        starts.append(starts[-1] + shot.frames - following.dissolve)
    end = starts[-1] + shots[-1].frames
    for frame in range(end):
        image = np.zeros(size[::-1])
        for shot, start in zip(shots, starts, strict=True):
            if start <= frame < start + shot.frames:
                view = film.through_gate(shot.view(frame - start), frame)
                share = min(1, (frame - start + 1) / (shot.dissolve + 1))
                image += share * (shoot(shot.picture, view, size, pixel_aspect) - image)
        light = min(1, (end - 1 - frame) / fade) if fade else 1
        yield film.project(image * light, frame)
