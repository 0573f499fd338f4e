"""vidcolor shots: a list, a sheet whose numbers match, lists for editors, and a check that names what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from vidcolor.errors import OutputError
from vidcolor.film.reader import probe
from vidcolor.film.shots import Thumbnail, thumbnail
from vidcolor.pipeline.shotlist.check import check_list
from vidcolor.pipeline.shotlist.landmark import Landmark, look_of
from vidcolor.pipeline.shotlist.listing import list_shots
from vidcolor.pipeline.shotlist.reading import read_shots
from vidcolor.pipeline.shotlist.survey import Survey, survey

REEL = Path(__file__).parent.parent / "samples" / "reel.mp4"


@cache
def one_pass() -> tuple[Survey, list[Thumbnail]]:
    """What a pass over the sample film finds, and a thumbnail of each of its frames."""
    thumbnails: list[Thumbnail] = []
    return survey(REEL, watch=lambda number, frame, picture: thumbnails.append(picture)), thumbnails


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists are checked against that pass, without another one."""

    def again(film: Path, *, watch: Callable[[int, None, Thumbnail], None], **how: object) -> Survey:
        found, thumbnails = one_pass()
        for number, picture in enumerate(thumbnails):
            watch(number, None, picture)
        return found

    monkeypatch.setattr("vidcolor.pipeline.shotlist.check.survey", again)


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The list of the sample film, with all that can be written beside it."""
    return list_shots(REEL, tmp_path_factory.mktemp("listed") / "reel.shots.csv", edl=True, otio=True).output


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def changed(listing: Path, folder: Path, old: str, new: str) -> Path:
    """The list with one text in place of another, which it must hold."""
    text = listing.read_text()
    assert old in text
    copy = folder / "changed.shots.csv"
    copy.write_text(text.replace(old, new))
    return copy


def test_all_lists_tell_the_same_shots(listing: Path) -> None:
    """The table, the edit decision list and the timeline, read back for the film."""
    info = probe(REEL)
    table, edl, otio = (read_shots(listing.with_suffix(suffix), info) for suffix in (".csv", ".edl", ".otio"))
    found = one_pass()[0].shots
    assert table == found
    for other in (edl, otio):
        assert [(s.start, s.end, s.transition.frames) for s in other.shots] == [
            (s.start, s.end, s.transition.frames) for s in found.shots
        ]


def test_the_sheet_has_a_picture_of_each_shot(listing: Path) -> None:
    """In the order of their numbers: each tile is most like a frame of its own shot."""
    sheet = cv2.imread(str(listing.with_suffix(".jpg")))
    found, _ = one_pass()
    tiles = [sheet[22 : 22 + 108, 4 + 164 * n : 164 * (n + 1)] for n in range(len(found.pictures))]
    likeness = [
        [np.corrcoef(cv2.resize(picture, (144, 108)).ravel(), tile[:, 8:152].ravel())[0, 1] for tile in tiles]
        for picture in found.pictures
    ]
    assert np.argmax(likeness, axis=1).tolist() == list(range(5))
    assert min(np.diag(likeness)) > 0.9


def test_a_list_is_not_written_over(listing: Path, tmp_path: Path) -> None:
    """It may hold hours of work; nor is the sheet, nor is anything written when one of the files is there."""
    with pytest.raises(OutputError, match=r"it exists. Use -y"):
        list_shots(REEL, listing)
    (tmp_path / "film.shots.jpg").write_text("mine")
    with pytest.raises(OutputError, match="it exists"):
        list_shots(REEL, tmp_path / "film.shots.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["film.shots.jpg"]
    with pytest.raises(OutputError, match="the list is a table"):
        list_shots(REEL, tmp_path / "film.edl", edl=True)


def test_a_right_list_is_right(listing: Path) -> None:
    """As it was written."""
    found = check_list(listing, REEL)
    assert (found.shots, found.problems, found.remarks) == (5, (), ())


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (",240,cut,", ",250,cut,", "line 6, column end: 00:00:10:00 is frame 240, but end_frame says 250"),
        ("194,240,cut,", "194,240,cut,sepia", "line 6, column mode: mode='sepia': there is no such choice"),
        ("\n3,", "\n2,", "line 4, column shot: there is another shot 2"),
        ("f92-", "f93-", ""),
    ],
)
def test_what_is_wrong_is_named(listing: Path, tmp_path: Path, old: str, new: str, why: str) -> None:
    """With its line and column; a landmark that is off by a frame is still seen."""
    found = [str(problem) for problem in check_list(changed(listing, tmp_path, old, new), REEL).problems]
    assert (found[0] if found else "").startswith(why)
    assert bool(found) == bool(why)


@pytest.mark.usefixtures("remembered")
def test_files_that_are_not_there_are_named(listing: Path, tmp_path: Path) -> None:
    """References and hints, in the folder of the list."""
    (tmp_path / "there.png").write_bytes(b"")
    text = listing.read_text().replace("reference,hints", "hints,reference", 1)
    row = next(line for line in text.splitlines() if line.startswith("1,"))
    cells = dict(zip(text.splitlines()[0].split(","), row.split(","), strict=True))
    cells |= {"hints": "no.csv", "reference": "there.png; 00:00:01:00=gone.png"}
    copy = tmp_path / "film.shots.csv"
    copy.write_text(text.replace(row, ",".join(cells.values())))
    problems = [str(problem) for problem in check_list(copy, REEL).problems]
    assert problems == [
        f"line 2, column reference: there is no file {tmp_path / 'gone.png'}",
        f"line 2, column hints: there is no file {tmp_path / 'no.csv'}",
    ]


@pytest.mark.usefixtures("remembered")
def test_what_may_be_a_slip_is_remarked(tmp_path: Path) -> None:
    """A boundary that nobody sees, one that the list lacks, frames in no shot, and a shot after the film's end."""
    path = tmp_path / "film.shots.csv"
    path.write_text("shot,start_frame,end_frame\n1,0,50\n2,50,92\n3,92,194\n4,200,245\n")
    found = check_list(path, REEL)
    assert [str(problem) for problem in found.problems] == [
        "line 5, column end: it ends with frame 245, but the film has 240 frames"
    ]
    told = [str(remark) for remark in found.remarks]
    assert told[0] == "line 2: another shot seems to begin at frame 30, inside this one"
    assert told[1] == "line 3, column start: no change of shot was found at frame 50; the nearest is at frame 30"
    assert told[2].startswith("line 4: another shot seems to begin at frame 14")
    assert told[3] == "the list: frames 194 to 199 are in no shot: they are colored as usual"
    assert told[4] == "line 5, column start: no change of shot was found at frame 200; the nearest is at frame 194"
    assert len(told) == 5


@pytest.mark.usefixtures("remembered")
def test_a_list_of_another_film_is_noticed(listing: Path, tmp_path: Path) -> None:
    """Most landmarks are other pictures: one line."""
    text = listing.read_text()
    for line in lines(listing)[1:]:
        mark = Landmark.parse(line.rsplit(",", 1)[1])
        text = text.replace(mark.look, f"{int(mark.look, 16) ^ 0x5555555555555555:016x}")
    other = tmp_path / "other.csv"
    other.write_text(text)
    (problem,) = check_list(other, REEL).problems
    assert str(problem) == "the list: it is a list of another film: 5 of 5 shots begin with other pictures in this film"


def test_looks_outlast_what_happens_to_pictures() -> None:
    """Half as bright, with grain, as a poor JPEG, a frame is still the same; a mirrored one and a blank one are not."""
    rng = np.random.default_rng(1)
    for picture in one_pass()[0].pictures:
        grey = picture[..., 0]
        small = thumbnail(grey)
        mark = Landmark(0, 0, look_of(small))
        dim = np.clip(grey * 0.5 + rng.normal(0, 8, grey.shape), 0, 255).astype(np.uint8)
        spoiled = cv2.imdecode(cv2.imencode(".jpg", dim, [cv2.IMWRITE_JPEG_QUALITY, 20])[1], cv2.IMREAD_GRAYSCALE)
        assert mark.is_seen_in(thumbnail(spoiled))
        assert not mark.is_seen_in(np.ascontiguousarray(small[:, ::-1]))
        assert not mark.is_seen_in(np.full_like(small, 90))
    assert look_of(np.full((36, 48), 16, np.uint8)) == ""


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit code of a command."""
    from vidcolor.cli.app import main

    monkeypatch.setattr("sys.argv", ["vidcolor", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


@pytest.mark.usefixtures("remembered")
def test_the_command_lists_and_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line with what was written; then what is wrong, with exit code 1; and as JSON."""
    path = tmp_path / "list.csv"
    assert command(monkeypatch, "shots", REEL, "-o", path, "--edl") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{path}  (5 shots, 240 frames; {tmp_path / 'list.jpg'})",
        str(tmp_path / "list.edl"),
    ]
    assert command(monkeypatch, "shots", path, "--check", REEL) == 0
    assert capsys.readouterr().out == f"{path} is right: 5 shots of {REEL}\n"
    path.write_text(path.read_text().replace("194,240,cut,,", "194,240,cut,,9"))
    assert command(monkeypatch, "shots", path, "--check", REEL) == 1
    assert capsys.readouterr().out == f"{path}: line 6, column saturation: saturation=9.0: it is above 5\n"
    assert command(monkeypatch, "shots", path, "--check", REEL, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["problems"][0]["place"] == "line 6, column saturation"


def test_listing_needs_no_network() -> None:
    """What reads films and lists their shots does not wait for torch to be imported, which takes a second."""
    code = "import sys, vidcolor.cli.app, vidcolor.pipeline.shotlist.listing; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
