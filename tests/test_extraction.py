"""Frames from footage: on films made here, whose shots, flaws and copies are known, and on real ones."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.data import astronaut, chelsea, coffee, rocket

from vidcolor.cli import app as cli
from vidcolor.data.candidates import LONG_SHOT, Candidate, _Shots
from vidcolor.data.extraction import extract, extract_once
from vidcolor.data.quality import judge
from vidcolor.errors import DataError, InputError, OutputError
from vidcolor.film.shots import Boundary
from vidcolor.settings import ExtractSettings

Image = NDArray[np.uint8]
SIZE = (160, 120)
SHOT = 30  # frames
PHOTOS = {"astronaut": astronaut, "coffee": coffee, "chelsea": chelsea, "rocket": rocket}


def shot(name: str, frames: int = SHOT, left: int = 0) -> list[Image]:
    """A slow pan over a photograph."""
    photo = cv2.resize(PHOTOS[name](), (SIZE[0] + 40, SIZE[1] + 30), interpolation=cv2.INTER_AREA)
    return [photo[10 : 10 + SIZE[1], left + i // 4 : left + i // 4 + SIZE[0]] for i in range(frames)]


def grey(frames: Sequence[Image]) -> list[Image]:
    return [np.repeat(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2) for f in frames]


def sepia(frames: Sequence[Image]) -> list[Image]:
    return [np.clip(f * np.array([1.0, 0.85, 0.65]), 0, 255).astype(np.uint8) for f in grey(frames)]


def write_film(path: Path, frames: Sequence[Image], crf: str = "12") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": crf, "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = SIZE[0], SIZE[1], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def manifest(folder: Path) -> list[dict[str, str]]:
    with open(folder / "manifest.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of films: four color shots with a black, a grey and a sepia one between; a copy; a damaged film."""
    folder = tmp_path_factory.mktemp("films")
    black = [np.zeros((SIZE[1], SIZE[0], 3), np.uint8)] * SHOT
    frames = [*shot("astronaut"), *grey(shot("chelsea")), *shot("coffee"), *black, *sepia(shot("rocket"))]
    frames += [*shot("chelsea"), *shot("rocket")]
    write_film(folder / "a" / "film.mp4", frames)
    write_film(folder / "b" / "film.mkv", [*shot("coffee", left=4), *shot("astronaut")], crf="30")
    (folder / "b" / "broken.mp4").write_bytes(b"no film" * 99)
    (folder / "notes.txt").write_text("no film")
    return folder


@pytest.fixture(scope="module")
def extracted(mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "frames"
    found = extract([mixed], folder, settings=ExtractSettings(per_shot=2, max_side=128, val_share=0.25))
    assert (found.films, found.frames) == (2, 9 * SHOT)
    assert len(found.warnings) == 1
    assert "broken.mp4" in found.warnings[0]
    return folder


def test_every_color_shot_is_kept_once(extracted: Path) -> None:
    """Four photographs in color give four shots with pictures; what is grey, sepia or black gives none, and why."""
    rows = [row for row in manifest(extracted) if row["film"].endswith("film.mp4")]
    assert {row["shot"] for row in rows if row["file"]} == {"1", "3", "5", "6"}
    reasons = {shot: {row["dropped"] for row in rows if row["shot"] == shot} for shot in "234"}
    assert reasons["2"] == {"grey"}
    assert "black" in reasons["3"]  # no cut leads from a picture to black
    assert reasons["4"] == {"tinted"}


def test_copies_in_another_film_are_duplicates(extracted: Path) -> None:
    """The second film shows two scenes of the first, cropped and badly encoded: nothing of it is kept, and why."""
    rows = [row for row in manifest(extracted) if row["film"].endswith("film.mkv")]
    assert rows
    assert {row["dropped"] for row in rows} <= {"duplicate"}
    for row in rows:
        assert (extracted / row["like"]).is_file()


def test_manifest_accounts_for_every_picture(extracted: Path) -> None:
    """The files of the manifest are the files that lie there; what is not kept says why; times fit frames."""
    rows = manifest(extracted)
    files = {str(p.relative_to(extracted)) for p in extracted.rglob("*.jpg")}
    assert {row["file"] for row in rows if row["file"]} == files
    for row in rows:
        assert bool(row["file"]) != bool(row["dropped"])
        assert row["split"] == (row["file"].split("/")[0] if row["file"] else "")
        assert float(row["time"]) == pytest.approx(int(row["frame"]) / 25, abs=1e-3)


def test_shots_are_held_out_whole(extracted: Path) -> None:
    """A shot lies on one side; of four shots one in four is held out."""
    sides: dict[tuple[str, str], set[str]] = {}
    for row in manifest(extracted):
        if row["file"]:
            sides.setdefault((row["film"], row["shot"]), set()).add(row["split"])
    assert all(len(side) == 1 for side in sides.values())
    assert sorted(next(iter(side)) for side in sides.values()) == ["train"] * 3 + ["val"]


def test_pictures_are_what_the_film_shows(mixed: Path, extracted: Path) -> None:
    """A kept picture is its frame as PyAV decodes it, at the size asked for (JPEG: 3 codes on average)."""
    row = next(row for row in manifest(extracted) if row["file"])
    with av.open(row["film"]) as container:
        frame = next(f for i, f in enumerate(container.decode(video=0)) if i == int(row["frame"]))
    truth = cv2.resize(frame.to_ndarray(format="rgb24"), (128, 96), interpolation=cv2.INTER_AREA)
    picture = cv2.imread(str(extracted / row["file"]), cv2.IMREAD_COLOR_RGB)
    assert np.abs(picture.astype(int) - truth).mean() < 3


def test_contact_sheet_shows_pictures(extracted: Path) -> None:
    """The sheet is a picture with colors, wide enough for eight tiles."""
    sheet = cv2.imread(str(extracted / "contact.png"))
    assert sheet.shape[1] > 8 * 160
    assert np.ptp(sheet.astype(int), axis=2).max() > 100


def test_same_films_give_the_same_pictures(mixed: Path, extracted: Path, tmp_path: Path) -> None:
    """Nothing is drawn by chance: a second run writes the same bytes."""
    extract([mixed], tmp_path / "again", settings=ExtractSettings(per_shot=2, max_side=128, val_share=0.25))
    for path in extracted.rglob("*.*"):
        assert (tmp_path / "again" / path.relative_to(extracted)).read_bytes() == path.read_bytes()


def candidates(*frames: int) -> list[Candidate]:
    image = np.zeros((8, 8, 3), np.uint8)
    return [Candidate(frame, frame / 25, image, judge(image)) for frame in frames]


def takes_of(frames: Sequence[int], boundaries: Sequence[Boundary], total: int) -> list[tuple[int, list[int]]]:
    """Shot numbers and candidate frames, with decisions that come 16 frames late."""
    shots = _Shots()
    waiting = candidates(*frames)
    found = []
    at = {boundary.frame: boundary for boundary in boundaries}
    for number in range(total):
        while waiting and waiting[0].frame <= number + 16:
            shots.add(waiting.pop(0))
        found += list(shots.decide(at.get(number)))
    return [(take.shot, [c.frame for c in take.candidates]) for take in [*found, *shots.finish()]]


def test_candidates_fall_into_their_shots() -> None:
    """Decisions come late; each candidate belongs to the shot of its frame all the same."""
    cut = Boundary(40, "cut", 0)
    assert takes_of([3, 20, 38, 41, 70], [cut], 80) == [(1, [3, 20, 38]), (2, [41, 70])]


def test_frames_amid_transitions_are_left_out() -> None:
    """Half of a dissolve on either side, the whole of a fade before the new scene, and both frames of a cut."""
    assert takes_of([10, 32, 33, 41, 47, 60], [Boundary(40, "dissolve", 12)], 80) == [(1, [10, 32]), (2, [47, 60])]
    assert takes_of([10, 33, 41, 47, 60], [Boundary(40, "fade", 12)], 80) == [(1, [10]), (2, [47, 60])]
    assert takes_of([10, 39, 40, 47], [Boundary(40, "cut", 0)], 80) == [(1, [10]), (2, [47])]


def test_long_shots_come_in_parts() -> None:
    """A shot without end is picked from in parts of one number, so that memory stays bounded."""
    step = 12
    frames = list(range(0, 4000, step))
    takes = takes_of(frames, [], 4010)
    assert {number for number, _ in takes} == {1}
    assert [f for _, part in takes for f in part] == frames
    assert max(len(part) for _, part in takes) <= LONG_SHOT * 25 / step + 2


def test_the_sharpest_frame_of_a_moment_is_taken(tmp_path: Path) -> None:
    """Of a film out of focus but for one frame, that frame is kept."""
    frames = [cv2.GaussianBlur(np.ascontiguousarray(f), (0, 0), 2.5) for f in shot("coffee", 12)]
    frames[7] = shot("coffee", 12)[7]
    write_film(tmp_path / "film.mp4", frames)
    extract([tmp_path / "film.mp4"], tmp_path / "out")
    assert [row["frame"] for row in manifest(tmp_path / "out") if row["file"]] == ["7"]


def test_only_grey_film_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    """Black-and-white film has nothing to teach: an error that counts, and no folder."""
    write_film(tmp_path / "old.mp4", grey(shot("astronaut")))
    with pytest.raises(DataError, match=r"no frame of 1 films is worth keeping: 3 grey"):
        extract([tmp_path / "old.mp4"], tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["old.mp4"]


def test_film_that_is_none_is_an_error(tmp_path: Path) -> None:
    """A text file, an absent file and a folder without films are told apart."""
    (tmp_path / "notes.mp4").write_text("no film" * 99)
    with pytest.raises(InputError, match=r"cannot open .*notes\.mp4"):
        extract([tmp_path / "notes.mp4"], tmp_path / "out")
    with pytest.raises(InputError, match="no such file or folder"):
        extract([tmp_path / "absent.mp4"], tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no file has a film's suffix"):
        extract([tmp_path / "empty"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_peoples_folders_are_safe(tmp_path: Path) -> None:
    """Only frames that were extracted are replaced, and only when told; anything else stays, -y or not."""
    film = write_film(tmp_path / "film.mp4", shot("coffee"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="it holds other things"):
            extract([film], tmp_path / "mine", overwrite=overwrite)
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    extract([film], tmp_path / "frames")
    with pytest.raises(OutputError, match="it holds extracted frames"):
        extract([film], tmp_path / "frames")
    extract([film], tmp_path / "frames", overwrite=True)
    with pytest.raises(OutputError, match="there is no folder"):
        extract([film], tmp_path / "absent" / "frames")


def test_kills_while_folders_change_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before the new frames have their name, the old ones come back; killed after, the rest is tidied up."""
    film = write_film(tmp_path / "film.mp4", shot("coffee"))
    frames, old = tmp_path / "frames", tmp_path / ".frames.old"
    extract([film], frames)
    frames.rename(old)
    with pytest.raises(OutputError, match="it holds extracted frames"):
        extract([film], frames)
    assert (frames / "manifest.csv").is_file()
    shutil.copytree(frames, old)
    extract([film], frames, overwrite=True)
    assert not old.exists()
    monkeypatch.chdir(frames)
    with pytest.raises(OutputError, match="it holds extracted frames"):
        extract([film], Path())


def test_interrupting_leaves_the_earlier_frames(tmp_path: Path) -> None:
    """Ctrl-C in the middle: what was extracted before is untouched, and no part folder stays."""
    film = write_film(tmp_path / "film.mp4", shot("coffee"))
    extract([film], tmp_path / "frames")
    before = (tmp_path / "frames" / "manifest.csv").read_bytes()

    def interrupt(done: int, total: int) -> None:
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract([film], tmp_path / "frames", overwrite=True, progress=interrupt)
    assert (tmp_path / "frames" / "manifest.csv").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["film.mp4", "frames"]


def test_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fills up with the third picture, what was there before is there, and nothing else."""
    film = write_film(tmp_path / "film.mp4", [*shot("coffee"), *shot("rocket"), *shot("chelsea")])
    write_bytes, written = Path.write_bytes, []

    def until_full(path: Path, data: bytes) -> int:
        written.append(path)
        if len(written) == 3:
            raise OSError(28, "no space left on device")
        return write_bytes(path, data)

    monkeypatch.setattr(Path, "write_bytes", until_full)
    with pytest.raises(OutputError, match=r"cannot write .*frames: no space left on device\. Free some space"):
        extract([film], tmp_path / "frames")
    assert [p.name for p in tmp_path.iterdir()] == ["film.mp4"]


def test_extraction_is_not_repeated(tmp_path: Path) -> None:
    """The same films and options are extracted once; a film that changed, or another option, again."""
    film = write_film(tmp_path / "film.mp4", [*shot("coffee"), *shot("rocket")])
    lines: list[str] = []

    def run(**options: int) -> str:
        extract_once([film], tmp_path / "frames", settings=ExtractSettings(**options), report=lines.append)
        return lines[-1]

    assert run().startswith("extracted")
    assert run().startswith("taking the frames that lie in")
    assert run(max_side=96).startswith("extracted")
    os.utime(film, ns=(0, 0))
    assert run(max_side=96).startswith("extracted")
    assert json.loads((tmp_path / "frames" / "extraction.json").read_text())["max_side"] == 96


def test_real_footage_without_duplicates_or_grey(footage: Path, tmp_path: Path) -> None:
    """Of the color clips every one gives a picture and no two pictures are the same; of old film none is kept.

    The witness is another perceptual hash: mean-thresholded 8 x 8 (aHash), and color by saturation.
    """
    extract([footage / "colour", footage / "archive"], tmp_path / "frames")
    rows = manifest(tmp_path / "frames")
    kept = [row for row in rows if row["file"]]
    assert {Path(row["film"]) for row in kept} == set((footage / "colour").glob("*.mp4"))
    hashes = {}
    for row in kept:
        image = cv2.imread(str(tmp_path / "frames" / row["file"]))
        small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (8, 8), interpolation=cv2.INTER_AREA)
        hashes[row["file"]] = small > small.mean()
        assert (cv2.cvtColor(image, cv2.COLOR_BGR2HSV)[..., 1] > 40).mean() > 0.05
    for a, b in combinations(hashes, 2):
        assert np.count_nonzero(hashes[a] != hashes[b]) > 3, (a, b)


def test_command_prints_one_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """--json prints what came out, once, on stdout."""
    write_film(tmp_path / "film.mp4", [*shot("coffee"), *shot("rocket")])
    command = [
        "vidcolor",
        "extract",
        str(tmp_path / "film.mp4"),
        "-o",
        str(tmp_path / "out"),
        "--json",
        "--per-shot",
        "1",
    ]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["train"], found["val"], found["frames"]) == (1, 1, 60)
