"""Pictures in memory: arrays in, arrays out, with the luma and the type that they had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import vidcolor
from calls import noted
from children import Child
from vidcolor.errors import CheckpointError, InputError, VidcolorError
from vidcolor.network import predictor
from vidcolor.pipeline.colorizer import Colorizer

WEIGHTS = np.array([0.2126, 0.7152, 0.0722])  # of luma, ITU-R BT.709-6, item 3.2
TYPES = [(np.uint8, 255, 1), (np.uint16, 65535, 1), (np.float16, 1, 1e-3), (np.float32, 1, 1e-5), (float, 1, 1e-5)]


def shades(height: int = 60, width: int = 90, shift: float = 0.0) -> np.ndarray:
    """Soft shapes in 0..1, black and white among them."""
    y, x = np.mgrid[:height, :width]
    luma: np.ndarray = np.clip(0.5 + 0.55 * np.sin(x / 13 + shift) * np.cos(y / 17), 0, 1)
    return luma


def codes(values: np.ndarray, kind: Any, top: int) -> np.ndarray:
    return (np.rint(values * top) if top > 1 else values).astype(kind)


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return vidcolor.Colorizer("fast", device="cpu", precision="fp32", size=64)


@pytest.mark.parametrize(("kind", "top", "tolerance"), TYPES)
@pytest.mark.parametrize("colored", [False, True])
def test_a_picture_keeps_its_type_and_its_luma(
    colorizer: Colorizer, kind: Any, top: int, tolerance: float, colored: bool
) -> None:
    """Grey or in colors: the luma that went in comes out, to the rounding of the type, and there is color."""
    grey = codes(shades(), kind, top)
    if colored:
        sepia = shades()[..., None] * np.array([1.0, 0.9, 0.7])
        grey = codes(sepia, kind, top)
    found = colorizer.picture(grey)
    assert (found.shape, found.dtype) == ((60, 90, 3), grey.dtype)
    wanted = grey.astype(float) @ WEIGHTS if colored else grey.astype(float)
    assert np.abs(found.astype(float) @ WEIGHTS - wanted).max() <= tolerance
    assert np.ptp(found.astype(float), axis=2).max() > 0.01 * top


def test_a_picture_comes_out_as_from_the_command(colorizer: Colorizer, tmp_path: Path) -> None:
    """The same bytes as in the file that colorize writes."""
    grey = codes(shades(), np.uint8, 255)
    cv2.imwrite(str(tmp_path / "a.png"), grey)
    result = vidcolor.colorize(tmp_path / "a.png", device="cpu", precision="fp32", size=64, saturation=1.5)
    assert (result.output, result.frames) == (tmp_path / "a.color.png", 1)  # a picture, not a film of one frame
    written = cv2.imread(str(result.output), cv2.IMREAD_UNCHANGED)[..., ::-1]
    np.testing.assert_array_equal(colorizer.picture(grey, saturation=1.5), written)


@pytest.mark.prepares
def test_the_network_is_prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pictures and films follow."""
    folds = noted(monkeypatch, predictor, "fold_batch_norms")
    found = Colorizer(device="cpu", precision="fp32", size=64)
    for shift in (0.0, 1.0):
        found.picture(shades(shift=shift))
    list(found.frames([shades()] * 3))
    assert len(folds) == 1


def test_saturation_counts(colorizer: Colorizer) -> None:
    """Grey at 0, stronger above 1."""
    spread = [float(np.ptp(colorizer.picture(shades(), saturation=s), axis=2).mean()) for s in (0.0, 1.0, 1.5)]
    assert spread[0] < 1e-5
    assert spread[1] < spread[2]


SHOT = 14  # frames


def two_shots() -> Iterator[np.ndarray]:
    """A picture that drifts, and after a cut another one, much brighter."""
    for seed, level in ((0, 60), (1, 190)):
        noise = np.random.default_rng(seed).normal(size=(72, 96 + SHOT))
        texture = cv2.GaussianBlur(noise, (0, 0), 4)
        texture = np.clip(level + 40 * texture / texture.std(), 0, 255).astype(np.uint8)
        for number in range(SHOT):
            yield np.ascontiguousarray(texture[:, number : number + 96])


def test_frames_come_out_in_order_with_their_luma(colorizer: Colorizer) -> None:
    """As many as went in, each with its own luma; also when the network sees some of them only."""
    for fps in (None, 24.0):
        found = list(colorizer.frames(two_shots(), fps=fps))
        for grey, rgb in zip(two_shots(), found, strict=True):
            assert np.abs(rgb.astype(float) @ WEIGHTS - grey).max() <= 0.5
    assert list(colorizer.frames([])) == []


def test_colors_cross_a_cut_only_when_nobody_looks_for_it(colorizer: Colorizer) -> None:
    """With cuts="detect" a shot comes out as it does alone; unsmoothed frames come out as pictures do."""
    alone = list(colorizer.frames(list(two_shots())[SHOT:]))
    detected = list(colorizer.frames(two_shots(), cuts="detect"))
    np.testing.assert_array_equal(np.stack(detected[SHOT:]), np.stack(alone))
    one = list(colorizer.frames(two_shots()))
    assert (one[SHOT] != alone[0]).any()
    raw = list(colorizer.frames(two_shots(), smooth=0))
    assert np.abs(raw[0].astype(int) - colorizer.picture(next(two_shots())).astype(int)).max() <= 1
    assert (np.stack(raw) != np.stack(detected)).any()


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (np.zeros((4, 4, 4), np.uint8), "shape"),
        (np.zeros((0, 4), np.uint8), "shape"),
        (np.zeros((4, 4), np.int32), "int32"),
        (np.full((4, 4), 2.0), "values reach"),
        (np.full((4, 4), np.nan), "values reach"),
    ],
)
def test_what_is_no_picture_is_refused(colorizer: Colorizer, picture: np.ndarray, reason: str) -> None:
    """One clear line, and nothing guessed."""
    with pytest.raises(InputError, match=reason):
        colorizer.picture(picture)


def test_wrong_values_are_refused_before_any_work(colorizer: Colorizer) -> None:
    """When a method is called, not when the first frame is taken."""
    for keywords in ({"saturation": 9}, {"smooth": 2.0}, {"cuts": "yes"}, {"fps": 0}):
        with pytest.raises(VidcolorError, match=f"cannot use {next(iter(keywords))}"):
            colorizer.frames([], **keywords)
    with pytest.raises(InputError, match=r"frame 1.*it is 8x8"):
        list(colorizer.frames([shades(9, 9), shades(8, 8)]))
    with pytest.raises(CheckpointError, match="no such file"):
        Colorizer("nonesuch")
    with pytest.raises(VidcolorError, match="precision"):
        Colorizer(precision="int8")  # type: ignore[arg-type]  # a wrong value


@pytest.mark.parametrize(
    ("keywords", "reason"),
    [({"deinterlace": "yes"}, "on, off"), ({"codecs": "ffv1"}, "no such setting"), ({"crf": 99}, "above 63")],
)
def test_wrong_settings_of_colorize_are_told(tmp_path: Path, keywords: dict[str, Any], reason: str) -> None:
    """deinterlace="yes" meant auto once, without a word."""
    with pytest.raises(VidcolorError, match=reason):
        vidcolor.colorize(tmp_path / "film.mp4", **keywords)


def test_a_wrong_degradation_is_told() -> None:
    """degrade="films" meant none once, without a word."""
    with pytest.raises(VidcolorError, match="Choose one of none, film"):
        vidcolor.EvaluateSettings(degrade="films")  # type: ignore[arg-type]  # a wrong value


def test_importing_changes_nothing_in_the_host() -> None:
    """Threads, log levels, environment, warnings and signals are as before, whatever module is imported."""
    code = """
import logging, os, pkgutil, signal, sys, warnings
import av, cv2, torch, timm, PIL, numpy

def state():
    return {
        "environment": dict(os.environ), "torch threads": torch.get_num_threads(), "cv2 threads": cv2.getNumThreads(),
        "cv2 log": cv2.utils.logging.getLogLevel(), "libav log": av.logging.get_level(), "root log": logging.root.level,
        "handlers": list(logging.root.handlers), "filters": list(warnings.filters), "numpy": numpy.geterr(),
        "default type": torch.get_default_dtype(), "grad": torch.is_grad_enabled(), "hook": sys.excepthook,
        "signals": [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)], "stdout": sys.stdout.errors,
    }

try:
    import ray  # a library of an extra, which a few modules need
except ModuleNotFoundError:
    ray = None
before = state()
import vidcolor
for module in pkgutil.walk_packages(vidcolor.__path__, "vidcolor."):
    if not module.name.endswith("__main__"):
        try:
            __import__(module.name)
        except ModuleNotFoundError as error:
            assert ray is None and error.name == "ray", error
changed = {name: (value, state()[name]) for name, value in before.items() if state()[name] != value}
assert not changed, changed
"""
    done = Child(code=code).ended()
    assert done.code == 0, done.err
