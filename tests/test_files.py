"""Files: what is found in folders, and writing that others never see half done."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from calls import noted
from vidcolor.errors import InputError, OutputError, reason, remedy
from vidcolor.files import COLOR_FILMS, FILMS, PHOTOS, SHARDS, files_in, is_photo, named_files, publish, replaced
from vidcolor.film.encoding.codecs import CONTAINERS
from vidcolor.film.images.writing import FORMATS, suffix_for


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("old")


def test_kinds_of_files_are_told_apart() -> None:
    """No suffix is of two kinds; every picture that can be read can be written, every container that can be, too."""
    assert not FILMS & PHOTOS
    assert not SHARDS & (FILMS | PHOTOS)
    assert COLOR_FILMS < FILMS
    assert {suffix_for(Path(f"photo{suffix}")) for suffix in PHOTOS} <= set(FORMATS) <= PHOTOS
    assert set(CONTAINERS) <= FILMS


def test_films_are_found_by_suffix_at_any_depth(tmp_path: Path) -> None:
    """Films among photos and hidden twins; each once, though named twice; a file named outright may have any name."""
    touch(tmp_path, "a/b/one.MKV", "two.mp4", "photo.jpg", "._two.mp4", ".being.made/three.mp4", "reel")
    found = named_files([tmp_path, tmp_path / "two.mp4", str(tmp_path / "reel")], COLOR_FILMS)
    assert [str(p.relative_to(tmp_path)) for p in found] == ["a/b/one.MKV", "two.mp4", "reel"]
    assert files_in(tmp_path, PHOTOS, recursive=False) == [tmp_path / "photo.jpg"]
    with pytest.raises(InputError, match=r"cannot open .*absent: no such file or folder"):
        named_files([tmp_path / "absent"], FILMS)


def test_a_hidden_folder_that_is_named_is_searched(tmp_path: Path) -> None:
    """Hidden is what lies below: a folder named outright is meant."""
    touch(tmp_path, ".frames/train/a.jpg", ".frames/._a.jpg")
    assert named_files([tmp_path / ".frames"], PHOTOS) == [tmp_path / ".frames/train/a.jpg"]
    assert is_photo("A.JPG")


def test_a_file_is_replaced_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the new file is whole and on the disk, the old one has the name; then nothing else is left."""
    touch(tmp_path, "a.txt")
    steps = noted(monkeypatch, os, "fsync", "replace")
    with replaced(tmp_path / "a.txt") as part:
        part.write_text("new")
        assert (tmp_path / "a.txt").read_text() == "old"
        assert part.suffix == ".txt"
        assert part.name.startswith(".")
    assert [step.name for step in steps] == ["fsync", "replace"]
    assert (tmp_path / "a.txt").read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("failure", [ValueError("no picture"), KeyboardInterrupt()])
def test_what_fails_leaves_the_old_file(tmp_path: Path, failure: BaseException) -> None:
    """Whatever ends the block goes on as it is; the old file stays, of the new one nothing."""
    touch(tmp_path, "a.txt")

    def write(text: str) -> None:
        with replaced(tmp_path / "a.txt") as part:
            part.write_text(text)
            raise failure

    with pytest.raises(type(failure)):
        write("half")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_an_output_that_is_a_symbolic_link_is_replaced_instead_of_written_through(tmp_path: Path) -> None:
    """The link stays, and what it leads to is written: also where that does not exist yet."""
    touch(tmp_path, "far/a.txt")
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).symlink_to(Path("far") / name)
        with replaced(tmp_path / name) as part:
            part.write_text("new")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "far" / name).read_text() == "new"
    assert sorted(os.listdir(tmp_path / "far")) == ["a.txt", "b.txt"]


def test_a_seal_comes_between_disk_and_name(tmp_path: Path) -> None:
    """What a journal notes about a finished file is noted when its bytes are safe, before anyone sees it."""
    touch(tmp_path, "part", "film")
    publish(tmp_path / "part", tmp_path / "film", lambda part: (tmp_path / "film").unlink())
    assert os.listdir(tmp_path) == ["film"]


@pytest.mark.parametrize(
    ("number", "why", "to_do"),
    [
        (errno.ENOSPC, "no space left on device", "Free some space"),
        (errno.EACCES, "permission denied", "Choose another folder"),
        (errno.EROFS, "read-only file system", "Choose another folder"),
        (errno.ENAMETOOLONG, "file name too long", "Choose a shorter name"),
        (errno.EIO, "input/output error", "Check the disk, or choose another folder"),
    ],
)
def test_an_unwritable_folder_is_no_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, why: str, to_do: str
) -> None:
    """The advice fits the failure: space helps a full disk alone."""

    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError) as failure, replaced(tmp_path / "a.txt") as part:
        part.write_text("new")
    assert str(failure.value) == f"cannot write {tmp_path / 'a.txt'}: {why}. {to_do}."
    assert not os.listdir(tmp_path)


def test_reasons_are_phrases() -> None:
    """They stand in the middle of a line; names inside them keep their letters."""
    assert reason(OSError(2, "No such file or directory")) == "no such file or directory"
    assert reason(ValueError("GPU of Ann")) == "GPU of Ann"
    assert reason(KeyboardInterrupt()) == "KeyboardInterrupt"
    assert remedy(OSError("I/O error: No space left on device (os error 28)")) == "Free some space"
