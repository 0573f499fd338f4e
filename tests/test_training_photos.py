"""What a run says of its photos: few, broken, grey, small, others than before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest

from children import Child
from runs import CONFIG, Folder, run
from vidcolor.data.photos import find_photos, spread
from vidcolor.errors import CheckpointError, DataError
from vidcolor.settings import TrainSettings


def test_run_with_a_broken_held_out_photo_can_be_repeated(photo_folder: Folder, tmp_path: Path) -> None:
    """What validation passed over is passed over again, and still named, when the finished run is given once more."""
    data, val, out = photo_folder(), photo_folder("val", count=25), tmp_path / "run"
    (val / "003.png").write_bytes(b"no picture")
    first = run(data, out, val=[val])
    again = run(data, out, val=[val])
    assert first.broken == again.broken == (str(val / "003.png"),)


def test_other_photos_of_the_same_number_are_refused(photo_folder: Folder, tmp_path: Path) -> None:
    """A run goes on with the photos that it began with, wherever they lie now."""
    data, val, out = photo_folder(), photo_folder("val", first=50), tmp_path / "run"
    run(data, out, val=[val])
    for others, held_out in ((photo_folder("others", first=20), val), (data, data)):
        with pytest.raises(CheckpointError, match=r"photos|held out"):
            run(others, out, val=[held_out])
    (tmp_path / "elsewhere").mkdir()
    run(data.rename(tmp_path / "elsewhere" / data.name), out, val=[val])


def test_photos_that_tell_nothing_about_others_are_told(photo_folder: Folder, tmp_path: Path) -> None:
    """Validating on what is trained on is allowed, with a warning; on grey photos it is refused."""
    said: list[str] = []
    data, grey = photo_folder(), photo_folder("grey")
    run(data, tmp_path / "run", val=[data], config=replace(CONFIG, epochs=1), report=said.append)
    assert any("8 photos are trained on and validated on" in line for line in said)
    grey_photos(grey)
    with pytest.raises(DataError, match="cannot validate on these photos: 8 of 8 are grey"):
        run(data, tmp_path / "other", val=[grey])


def test_validation_is_spread_over_all_folders(photo_folder: Folder, tmp_path: Path) -> None:
    """A limit takes some of each, not the first ones."""
    for name in "abc":
        photo_folder(f"val/{name}", count=8)
    held = spread(find_photos([tmp_path / "val"]), 6)
    assert [p.source for p in held] == ["a", "a", "b", "b", "c", "c"]


def grey_photos(folder: Path) -> None:
    for path in folder.iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))


def broken_photos(folder: Path) -> None:
    for path in sorted(folder.iterdir())[:6]:
        path.write_bytes(b"no picture")


@pytest.mark.parametrize(
    ("spoil", "config", "reason"),
    [
        (lambda folder: [p.unlink() for p in folder.iterdir()], CONFIG, "neither pictures nor tar shards"),
        (grey_photos, CONFIG, r"cannot learn color .* are grey, first"),
        (broken_photos, CONFIG, "photos do not decode: more than 5%"),
        (lambda folder: None, replace(CONFIG, sizes=(32, 96)), r"smaller than the crop.*below 77 pixels.*--sizes"),
        (lambda folder: None, replace(CONFIG, batch_size=64), r"a batch takes 64.*--batch-size"),
    ],
    ids=["empty", "grey", "broken", "small", "few"],
)
def test_bad_data_are_told(
    photo_folder: Folder, tmp_path: Path, spoil: Callable[[Path], Any], config: TrainSettings, reason: str
) -> None:
    """Each kind of unusable data stops the run with its own reason."""
    data = photo_folder(count=20)
    spoil(data)
    with pytest.raises(DataError, match=reason):
        run(data, tmp_path / "run", config=config)


def test_few_bad_photos_are_named_at_the_end(photo_folder: Folder, tmp_path: Path) -> None:
    """One broken photo of training and one of validation are passed over and named; some grey ones are told of."""
    data, val = photo_folder(count=40), photo_folder("val", count=20)
    for path in (data / "007.png", val / "003.png"):
        path.write_bytes(b"no picture")
    grey_photos_of = sorted(data.iterdir())[10:16]
    for path in grey_photos_of:
        cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
    said: list[str] = []
    result = run(data, tmp_path / "run", val=[val], report=said.append)
    assert result.broken == (str(data / "007.png"), str(val / "003.png"))
    assert any("15% of the photos are grey" in line for line in said)


def test_photos_are_trained_on_without_what_reads_films(photo_folder: Folder, tmp_path: Path) -> None:
    """On a machine without PyAV a whole run on photos works."""
    code = (
        "import sys; sys.modules['av'] = None; assert not [name for name in sys.modules if 'vidcolor' in name]\n"
        "from pathlib import Path; from runs import run\n"
        f"run(Path({str(photo_folder(count=10))!r}), Path({str(tmp_path / 'run')!r}))\n"
    )
    done = Child(code=code).ended()
    assert done.code == 0, done.err
    assert (tmp_path / "run" / "model.safetensors").exists()
