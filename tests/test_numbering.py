"""Numbered files are found as one film, however they are named, and never where they are photographs."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidcolor.errors import InputError, OutputError
from vidcolor.film.sequences.numbering import FEWEST, find_sequence, parse_numbered


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def numbered(before: str, numbers: range, after: str = ".dpx", digits: int = 6) -> list[str]:
    return [f"{before}{number:0{digits}d}{after}" for number in numbers]


@pytest.mark.parametrize("text", ["", "reel1_%06d.dpx", "reel1_[000003-000007].dpx", "reel1_*.dpx", "*"])
def test_four_ways_to_name_a_sequence(tmp_path: Path, text: str) -> None:
    """A folder, a printf pattern, a range and a glob mean the same files, in the order of their numbers."""
    touch(tmp_path, *numbered("reel1_", range(3, 8)), "notes.txt", "._reel1_000001.dpx")
    found = find_sequence(tmp_path / text)
    assert found is not None
    assert [path.name for path in found.paths] == numbered("reel1_", range(3, 8))
    assert (found.first, found.last, found.gaps, len(found)) == (3, 7, [], 5)
    assert str(found) == str(tmp_path / "reel1_%06d.dpx")
    found.refuse_gaps()


@pytest.mark.parametrize("text", ["r_[000004-000006].dpx", "r_00000[456].dpx"])
def test_a_part_of_a_sequence_is_named_as_that_part(tmp_path: Path, text: str) -> None:
    """What is called by its own text is the same frames again, not all of them."""
    touch(tmp_path, *numbered("r_", range(3, 8)))
    found = find_sequence(tmp_path / text)
    assert found is not None
    assert (found.numbers, str(found)) == ((4, 5, 6), str(tmp_path / "r_[000004-000006].dpx"))
    assert find_sequence(str(found)) == found


def test_numbers_without_zeros_are_in_order(tmp_path: Path) -> None:
    """9 comes before 10; %d means no zeros; numbers may outgrow their digits."""
    touch(tmp_path, *[f"a{n}.dpx" for n in (8, 9, 10, 11)])
    for text in ("a%d.dpx", ""):
        found = find_sequence(tmp_path / text)
        assert found is not None
        assert [path.name for path in found.paths] == ["a8.dpx", "a9.dpx", "a10.dpx", "a11.dpx"]
    touch(
        tmp_path / "b",
        *[f"{n:03d}.exr" for n in (998, 999, 1000, 1001)],
    )
    found = find_sequence(tmp_path / "b" / "%03d.exr")
    assert found is not None
    assert found.numbers == (998, 999, 1000, 1001)


def test_the_number_is_the_last_of_the_name(tmp_path: Path) -> None:
    """Reel 12 of 1931, seen by camera 2: none of these is the frame."""
    touch(tmp_path, *numbered("reel12_1931_", range(100, 104), "_b.dpx"))
    found = find_sequence(tmp_path)
    assert found is not None
    assert found.numbers == (100, 101, 102, 103)
    assert found.name.path(7) == tmp_path / "reel12_1931_000007_b.dpx"


def test_holes_are_named(tmp_path: Path) -> None:
    """Which frames are missing, at the edges of a range too, and which stretch is whole."""
    touch(tmp_path, *numbered("r", range(1, 4)), *numbered("r", range(6, 20)), *numbered("r", range(21, 23)))
    found = find_sequence(tmp_path / "r%06d.dpx")
    assert found is not None
    assert found.gaps == [(4, 5), (20, 20)]
    with pytest.raises(InputError, match=r"3 of its frames are missing: 4 to 5, 20\. .*r\[000006-000019\]\.dpx"):
        found.refuse_gaps()
    found = find_sequence(tmp_path / "r[000000-000004].dpx")
    assert found is not None
    assert found.gaps == [(0, 0), (4, 4)]


def test_two_sequences_in_a_folder_are_named(tmp_path: Path) -> None:
    """None is taken in silence."""
    touch(tmp_path, *numbered("reel1_", range(5)), *numbered("reel2_", range(7)))
    with pytest.raises(InputError, match=r"2 sequences: reel1_000000\.dpx \(5 frames\) and reel2_.*%06d"):
        find_sequence(tmp_path)
    found = find_sequence(tmp_path / "reel2_*.dpx")
    assert found is not None
    assert len(found) == 7


def test_photographs_are_no_sequence(tmp_path: Path) -> None:
    """What cameras number, a few scans, a mixture, an unnumbered one among them, and a film."""
    touch(tmp_path / "camera", *numbered("IMG_", range(30), ".jpg", 4))
    touch(tmp_path / "few", *numbered("scan", range(FEWEST - 1), ".tif", 3))
    touch(tmp_path / "mixed", *numbered("scan", range(FEWEST), ".tif", 3), "cover.jpg")
    touch(tmp_path / "title", *numbered("scan", range(FEWEST), ".tif", 3), "title.tif")
    touch(tmp_path / "one", "still000001.dpx")
    touch(tmp_path / "empty")
    for folder in tmp_path.iterdir():
        assert find_sequence(folder) is None, folder
    assert find_sequence(tmp_path / "one" / "still000001.dpx") is None
    assert find_sequence(tmp_path / "absent.dpx") is None
    assert find_sequence(touch(tmp_path / "many", *numbered("scan", range(FEWEST), ".tif", 3))) is not None
    assert find_sequence(tmp_path / "camera" / "IMG_%04d.jpg") is not None  # named outright


def test_a_file_with_a_strange_name_is_a_file(tmp_path: Path) -> None:
    """%d and brackets are allowed in names."""
    touch(tmp_path, "100%d.dpx", "a[1-2].dpx")
    assert find_sequence(tmp_path / "100%d.dpx") is None
    assert find_sequence(tmp_path / "a[1-2].dpx") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("reel_%04d.dpx", "no frame has such a name"),
        ("absent/reel_%06d.dpx", "no such folder"),
        ("reel_[000009-000012].dpx", "no frame has a number in this range"),
        ("reel_[000004-000001].dpx", "before its first"),
    ],
)
def test_names_that_mean_nothing_are_one_line(tmp_path: Path, text: str, why: str) -> None:
    """Told apart from a single file that is absent."""
    touch(tmp_path, *numbered("reel_", range(1, 5)))
    with pytest.raises(InputError, match=why):
        find_sequence(tmp_path / text)


def test_names_of_outputs() -> None:
    """One number, in the file's name."""
    name = parse_numbered("out/reel_%06d.dpx")
    assert name is not None
    assert (name.path(12), name.suffix) == (Path("out/reel_000012.dpx"), ".dpx")
    assert name.number("reel_000012.dpx") == 12
    assert [
        name.number(other) for other in ("reel_12.dpx", "reel_0000012.dpx", "real_000012.dpx", "reel_00001²dpx")
    ] == [None] * 4
    assert parse_numbered("out/reel.dpx") is None
    for wrong in ("out/%d/reel_%06d.dpx", "out/%02d_%06d.dpx"):
        with pytest.raises(OutputError, match="one number"):
            parse_numbered(wrong)
