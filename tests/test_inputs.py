"""Nothing is passed over in silence: what folders and patterns hold beside films and photographs is counted by kind."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from vidcolor.errors import InputError
from vidcolor.film.images.reading import is_picture
from vidcolor.pipeline.batch import output_beside
from vidcolor.pipeline.inputs import find_inputs, passed_over

NAMES = (
    *("film.mkv", "b.tif", "b.color.tif", "notes.txt", "list.TXT", "roll.nef", "README", ".hidden.png"),
    *("more/film.mp4", "more/deep/sound.wav", "more/.still/x.png"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of many kinds of files."""
    for name in NAMES:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"")
    return tmp_path / "in"


def test_what_a_folder_holds_beside_films_is_counted(folder: Path) -> None:
    """By kind; with and without the folders in it. What is taken and what is told is everything."""
    (line,) = passed_over([folder])
    assert line == (
        f"{folder}: 9 files passed over: 1 .nef (raw picture of a camera), 2 .txt, 1 colored before, 1 hidden, "
        "3 in folders (-r looks there), 1 without a suffix"
    )
    assert len(find_inputs([folder])) + 9 == len(NAMES)
    (line,) = passed_over([folder], recursive=True)
    assert "8 files passed over" in line
    assert "1 .wav" in line
    assert "2 hidden" in line
    assert len(find_inputs([folder], recursive=True)) + 8 == len(NAMES)


def test_what_a_pattern_matches_beside_films_is_counted(folder: Path) -> None:
    """A pattern passes over what a folder does; files that are named outright are always tried."""
    assert passed_over([folder / "*b*"]) == [f"{folder / '*b*'}: 1 file passed over: 1 colored before"]
    assert passed_over([folder / "notes.txt", folder / "film.mkv"]) == []
    assert len(find_inputs([folder / "notes.txt", folder / "film.mkv"])) == 2
    assert passed_over([folder / "film.*"]) == []


def test_an_input_without_films_tells_what_it_holds(folder: Path) -> None:
    """The line of the error names the kinds."""
    with pytest.raises(InputError, match=r"but 2 files passed over: 2 \.txt"):
        find_inputs([folder / "*.[tT][xX][tT]"])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".webp", ".ppm", ".jp2"])
def test_pictures_of_unknown_suffix_are_pictures(tmp_path: Path, suffix: str) -> None:
    """Known by their first bytes, when they are named outright; what has a film's suffix is a film."""
    data = cv2.imencode(suffix, np.full((64, 64, 3), 90, np.uint8))[1].tobytes()
    (tmp_path / "scan.0001").write_bytes(data)
    (tmp_path / "film.mov").write_bytes(data)
    assert is_picture(tmp_path / "scan.0001")
    assert output_beside(tmp_path / "scan.0001") == tmp_path / "scan.color.tif"
    assert not is_picture(tmp_path / "film.mov")


@pytest.mark.parametrize("data", [b"", b"x", b"RIFF\0\0\0\0AVI LIST", b"\0\0\0\x18ftypisom\0\0\0\0isom", b"RIFF"])
def test_films_of_unknown_suffix_are_no_pictures(tmp_path: Path, data: bytes) -> None:
    """They go to the readers of films, which tell what is wrong with them."""
    (tmp_path / "film.unknown").write_bytes(data)
    assert not is_picture(tmp_path / "film.unknown")
    assert not is_picture(tmp_path / "absent.unknown")
