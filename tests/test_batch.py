"""Many files at once: which are meant, where they go, and that one broken file does not stop the rest."""

from __future__ import annotations

import json
import shutil
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from vidcolor.errors import InputError
from vidcolor.film.images.reading import read_image
from vidcolor.pipeline.batch import colorize, colorize_all, output_beside
from vidcolor.pipeline.inputs import are_several, find_inputs
from vidcolor.pipeline.photos.photo import colorize_photograph
from vidcolor.settings import RunSettings

SAMPLES = Path(__file__).parent.parent / "samples"
SMALL = RunSettings(size=64, duration=0.2)
pytestmark = pytest.mark.usefixtures("tiny_network")


def write_photo(path: Path, deep: bool = False, alpha: bool = False) -> np.ndarray:
    """A grey picture with soft shapes; returns it."""
    y, x = np.mgrid[:60, :90]
    values = 0.5 + 0.4 * np.sin(x / 13) * np.cos(y / 17)
    grey: np.ndarray = np.rint(values * (65535 if deep else 255)).astype(np.uint16 if deep else np.uint8)
    planes = np.dstack([grey] * 3 + [np.full_like(grey, 77)]) if alpha else grey
    assert cv2.imwrite(str(path), planes)
    return grey


def test_inputs_of_a_folder(tmp_path: Path) -> None:
    """Films and photographs by name; neither hidden nor colored ones; deeper folders on request; patterns."""
    for name in ("b.mp4", "a.JPG", "notes.txt", ".hidden.mp4", "b.color.mp4", "deep/c.mkv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def names(found: list[tuple[Path, Path]]) -> list[str]:
        return [str(path.relative_to(tmp_path)) for path, _ in found]

    assert names(find_inputs([tmp_path])) == ["a.JPG", "b.mp4"]
    assert names(find_inputs([tmp_path], recursive=True)) == ["a.JPG", "b.mp4", "deep/c.mkv"]
    assert names(find_inputs([tmp_path / "*.mp4"])) == ["b.mp4"]
    assert names(find_inputs([tmp_path / "b.color.mp4"])) == ["b.color.mp4"]  # named outright
    assert are_several([tmp_path])
    assert not are_several([tmp_path / "absent.mp4"])
    with pytest.raises(InputError, match="no film or photograph"):
        find_inputs([tmp_path / "*.avi"])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_a_photograph_keeps_its_luma(tmp_path: Path, suffix: str) -> None:
    """In color, of the same size, and as bright as before everywhere."""
    grey = write_photo(tmp_path / f"photo{suffix}")
    result = colorize(tmp_path / f"photo{suffix}", settings=SMALL)
    assert result.output == tmp_path / f"photo.color{suffix}"
    colored = read_image(result.output).pixels
    luma = colored.astype(float) @ [0.2126, 0.7152, 0.0722]
    source = read_image(tmp_path / f"photo{suffix}").luma()
    assert np.ptp(colored.astype(int), axis=2).max() > 2
    assert np.abs(luma - source).max() <= (3 if suffix == ".jpg" else 0.4)
    assert grey.shape == luma.shape


def test_depth_and_alpha_of_a_photograph_are_kept(tmp_path: Path) -> None:
    """16 bits stay 16 bits, with the luma to the rounding of a code; alpha stays."""
    grey = write_photo(tmp_path / "deep.tif", deep=True)
    colorize_photograph(tmp_path / "deep.tif", tmp_path / "out.png", settings=SMALL)
    colored = read_image(tmp_path / "out.png").pixels
    assert colored.dtype == np.uint16
    assert np.abs(colored.astype(float) @ [0.2126, 0.7152, 0.0722] - grey).max() <= 0.4
    write_photo(tmp_path / "cut.png", alpha=True)
    colorize_photograph(tmp_path / "cut.png", tmp_path / "cut.color.png", settings=SMALL)
    alpha = read_image(tmp_path / "cut.color.png").alpha
    assert alpha is not None
    assert (alpha == 77).all()


def with_orientation(path: Path, value: int) -> None:
    """Put an Exif orientation into a PNG, as cameras and phones do."""
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + struct.pack(">HHI", value, 0, 0)
    chunk = b"eXIf" + exif
    data = path.read_bytes()
    block = struct.pack(">I", len(exif)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    path.write_bytes(data[:33] + block + data[33:])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_alpha_turns_with_the_picture(tmp_path: Path, orientation: int) -> None:
    """What was see-through is see-through, however the camera was held."""
    rng = np.random.default_rng(0)
    picture = np.repeat(rng.integers(30, 220, (24, 32, 1)), 4, axis=2).astype(np.uint8)
    picture[..., 3] = 255
    picture[:8, :8] = (0, 0, 0, 10)
    cv2.imwrite(str(tmp_path / "photo.png"), picture)
    with_orientation(tmp_path / "photo.png", orientation)
    image = read_image(tmp_path / "photo.png")
    assert image.pixels.shape[:2] == ((24, 32) if orientation < 5 else (32, 24))
    assert image.alpha is not None
    assert np.array_equal(image.alpha == 10, image.pixels.max(axis=2) == 0)
    assert image.metadata.orientation == 1


def test_what_a_picture_loses_is_told(tmp_path: Path) -> None:
    """Further pages, and alpha in a format without; strict takes it as an error."""
    pages = [np.full((24, 32, 3), 40 * i, np.uint8) for i in range(1, 4)]
    assert cv2.imwritemulti(str(tmp_path / "pages.tif"), pages)
    write_photo(tmp_path / "cut.png", alpha=True)
    for source, output, reason in (("pages.tif", "out.tif", "first of 3 pictures"), ("cut.png", "out.jpg", "alpha")):
        (warning,) = colorize_photograph(tmp_path / source, tmp_path / output, settings=SMALL).warnings
        assert reason in warning
        strict = replace(SMALL, strict=True)
        with pytest.raises(InputError, match=reason):
            colorize_photograph(tmp_path / source, tmp_path / f"strict-{output}", settings=strict)
        assert not (tmp_path / f"strict-{output}").exists()


def test_folders_that_cannot_be_searched(tmp_path: Path) -> None:
    """A name that no file system takes is one failure among others."""
    write_photo(tmp_path / "photo.png")
    inputs = [(tmp_path / f"{'x' * 300}.png", tmp_path), (tmp_path / "photo.png", tmp_path)]
    found = list(colorize_all(inputs, tmp_path / "out", settings=SMALL))
    assert [o.status for o in found] == ["failed", "done"]
    assert "name too long" in found[0].error


def test_a_torn_photograph_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Half a file is no picture, and libraries keep quiet about it."""
    for suffix in (".png", ".jpg", ".tif"):
        path = tmp_path / f"photo{suffix}"
        write_photo(path)
        path.write_bytes(path.read_bytes()[:200])
        with pytest.raises(InputError, match="cannot open"):
            read_image(path)
    assert capfd.readouterr().err == ""


def test_one_broken_file_does_not_stop_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder with a film, a photograph and rubbish: two outputs, a table, exit code 1; then nothing to do."""
    from vidcolor.cli.app import main

    source = tmp_path / "in"
    source.mkdir()
    shutil.copy(SAMPLES / "rocket.mov", source / "film.mov")
    write_photo(source / "photo.png")
    (source / "broken.mp4").write_text("not a film")
    options = ["--size", "64", "--duration", "0.2"]
    monkeypatch.setattr(sys, "argv", ["vidcolor", "colorize", str(source), "-o", str(tmp_path / "out"), *options])
    with pytest.raises(SystemExit) as stopped:
        main()
    table = capsys.readouterr().out.splitlines()
    assert stopped.value.code == 1
    assert [line.split()[0] for line in table] == ["failed", "done", "done"]
    assert "the data are invalid" in table[0]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["film.color.mov", "photo.color.png"]
    (source / "broken.mp4").unlink()
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--json"])
    main_ends_well(main)
    assert [row["status"] for row in json.loads(capsys.readouterr().out)] == ["skipped", "skipped"]


def main_ends_well(main: Callable[[], None]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0


def test_two_inputs_never_share_an_output(tmp_path: Path) -> None:
    """a.png of two folders into one: the second is told."""
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        write_photo(tmp_path / name / "a.png")
    inputs = find_inputs([tmp_path / "x", tmp_path / "y"])
    outcomes = list(colorize_all(inputs, tmp_path / "out", settings=SMALL))
    assert [o.status for o in outcomes] == ["done", "failed"]
    assert "same output" in outcomes[1].error


def test_outputs_by_name(tmp_path: Path) -> None:
    """A GIF becomes a film that players take; photographs keep their kind."""
    assert output_beside(tmp_path / "a.gif").name == "a.color.mp4"
    assert output_beside(tmp_path / "a.TIFF").name == "a.color.TIFF"
    assert output_beside(tmp_path / "a.mov", tmp_path / "out") == tmp_path / "out" / "a.color.mov"
