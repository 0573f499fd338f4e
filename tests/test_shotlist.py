"""Lists of shots: values that hold together, and tables that say the same after a person has edited them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vidcolor.errors import VidcolorError
from vidcolor.film.timecode import TimecodeClock
from vidcolor.pipeline.shotlist.landmark import Landmark
from vidcolor.pipeline.shotlist.shot import KINDS, Shot, ShotList, Transition
from vidcolor.pipeline.shotlist.table import COLUMNS, Reading, read_table, write_table
from vidcolor.settings import ShotSettings, described

PAL = TimecodeClock(Fraction(25))
CLOCKS = [PAL, TimecodeClock(Fraction(24000, 1001)), TimecodeClock(Fraction(30000, 1001), drop=True, start=107892)]

WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12).map(str.strip)
NAMES = WORDS.map(lambda text: text.replace(";", "")).map(str.strip).filter(bool)


def values(each: Any) -> st.SearchStrategy[object]:
    """Values that a setting takes."""
    low, high = each.setting.low, each.setting.high
    if low is None:
        return st.sampled_from(each.kind.__args__)
    return st.floats(low, high)


CHANGES = st.fixed_dictionaries({}, optional={each.name: values(each) for each in described(ShotSettings)})


@st.composite
def shot_lists(draw: st.DrawFn) -> ShotList:
    """Lists of up to six shots, with gaps between them."""
    edges = sorted(draw(st.sets(st.integers(0, 200_000), min_size=2, max_size=12)))
    numbers = draw(st.permutations(range(1, len(edges))))
    shots: list[Shot] = []
    for number, start, end in zip(numbers, edges[::2], edges[1::2], strict=False):
        shots.append(
            Shot(
                number, start, end,
                Transition(draw(st.sampled_from(KINDS)), draw(st.integers(0, 40))),
                draw(CHANGES),
                tuple(draw(st.lists(NAMES, max_size=2))),
                draw(WORDS),
                draw(st.sampled_from([None, *(shot.number for shot in shots)])),
                draw(WORDS),
                draw(st.one_of(st.none(), st.builds(Landmark, st.just(start), st.integers(-9, 9), st.just("0f" * 8)))),
            )
        )  # fmt: skip
    return ShotList(tuple(shots), draw(st.sampled_from(CLOCKS)))


def read(folder: Path, text: str, clock: TimecodeClock = PAL) -> Reading:
    path = folder / "film.shots.csv"
    path.write_bytes(text.encode())
    return read_table(path, clock)


def problems(folder: Path, *lines: str) -> list[str]:
    """What is wrong with a table of these lines."""
    return [str(problem) for problem in read(folder, "\n".join(lines)).problems]


EVERY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@EVERY
@given(shots=shot_lists())
def test_a_table_says_what_the_list_says(tmp_path: Path, shots: ShotList) -> None:
    """Written and read again, every shot is the same."""
    found = read(tmp_path, write_table(shots), shots.clock)
    assert not found.problems
    assert ShotList(tuple(found.shots), shots.clock) == shots
    assert found.places == [f"line {number}" for number in range(2, len(found.shots) + 2)]


@EVERY
@given(shots=shot_lists(), frame=st.integers(-10, 200_010))
def test_a_frame_is_in_the_shot_that_holds_it(shots: ShotList, frame: int) -> None:
    """Looking through all of them finds the same."""
    holding = [shot for shot in shots.shots if shot.start <= frame < shot.end]
    assert len(holding) <= 1
    assert shots.shot_at(frame) == next(iter(holding), None)
    edges = {edge for shot in shots.shots for edge in (shot.start, shot.end)}
    assert shots.is_boundary(frame) == (frame in edges)


def test_what_a_spreadsheet_makes_of_it_is_read(tmp_path: Path) -> None:
    """A mark of UTF-8, semicolons, commas in numbers, ends of lines of Windows, columns moved, empty rows."""
    lines = ["\ufeffnote;Shot;start;end;saturation", '"two\nlines";1;00:00:00:00;00:00:04:00;0,8', ";;;;"]
    text = "\r\n".join([*lines, ";2;00:00:04:00;00:00:05:00;", ""])
    found = read(tmp_path, text)
    assert found.problems == []
    assert found.shots == [Shot(1, 0, 100, changes={"saturation": 0.8}, note="two\nlines"), Shot(2, 100, 125)]
    assert found.places == ["line 2", "line 5"]


def test_frames_alone_and_timecodes_alone_are_enough(tmp_path: Path) -> None:
    """Either names the frames."""
    assert read(tmp_path, "shot,start_frame,end_frame\n1,0,100\n").shots == [Shot(1, 0, 100)]
    assert read(tmp_path, "shot\tstart\tend\n1\t00:00:00:00\t00:00:04:00\n").shots == [Shot(1, 0, 100)]


HEAD = "shot,start,end,start_frame,end_frame,transition,saturation,smooth,like,picture"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("1,,,0,50,,9,,,", "line 2, column saturation: saturation=9.0: it is above 5"),
        ("1,,,0,50,,much,,,", "line 2, column saturation: 'much' is no number"),
        ("1,,,0,50,,,nan,,", "line 2, column smooth: smooth=nan: it is not a number"),
        ("1,,,50,50,,,,,", "line 2, column end: it is not after the start"),
        ("1,,,x,50,,,,,", "line 2, column start_frame: 'x' is no whole number"),
        ("1,,,,50,,,,,", "line 2, column start: neither the timecode nor the number"),
        (",,,0,50,,,,,", "line 2, column shot: the shot has no number"),
        ("1,00:00:01:00,,0,50,,,,,", "line 2, column start: 00:00:01:00 is frame 25, but start_frame says 0"),
        ("1,00:00:01:25,,,50,,,,,", "line 2, column start: cannot read the timecode '00:00:01:25': frames go from"),
        ("1,,,0,50,wipe,,,,", "line 2, column transition: 'wipe' is no transition"),
        ("1,,,0,50,,,,7,", "line 2, column like: there is no shot 7"),
        ("1,,,0,50,,,,1,", "line 2, column like: this shot and those that it is like are like each other in a circle"),
        ("1,,,0,50,,,,,abc", "line 2, column picture: 'abc' was not written by vidcolor"),
        ("1,,,0,50,,,,,,stray", "line 2: it has more cells than the first line has columns"),
    ],
)
def test_a_wrong_cell_is_named(tmp_path: Path, row: str, why: str) -> None:
    """Its line and its column, and what is wrong with it; nothing else is told."""
    (found,) = problems(tmp_path, HEAD, row)
    assert found.startswith(why)


def test_all_that_is_wrong_is_told(tmp_path: Path) -> None:
    """Not the first slip alone."""
    found = problems(tmp_path, "shot,start_frame,end_frame,colour", "1,0,50,", "1,40,90,", "3,x,y,")
    assert [line.split(":")[0] for line in found] == [
        "line 1, column colour",
        "line 4, column start_frame",
        "line 4, column end_frame",
        "line 3, column shot",
        "line 3, column start",
    ]
    assert "frames 40 to 49 are in two shots" in found[-1]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not name the columns"),
        ("\x00\x01", "does not name the columns"),
        ('shot,start\n"1,0', "line 2"),
        ("start,end\n0,1", "does not name the columns"),
    ],
)
def test_what_is_no_table_of_shots_is_refused(tmp_path: Path, text: str, why: str) -> None:
    """One line tells why."""
    with pytest.raises(VidcolorError, match=why):
        read(tmp_path, text)


def test_a_table_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """Its letters would be guessed."""
    path = tmp_path / "film.shots.csv"
    path.write_bytes("shot,start_frame,end_frame,note\n1,0,5,caf\xe9".encode("latin-1"))
    with pytest.raises(VidcolorError, match="not in UTF-8"):
        read_table(path, PAL)
    with pytest.raises(VidcolorError, match="no such file"):
        read_table(tmp_path / "none.csv", PAL)


def test_the_columns_are_documented() -> None:
    """docs/shots.md has a row for each, the settings' with their own help."""
    text = (Path(__file__).parent.parent / "docs" / "shots.md").read_text()
    for column in COLUMNS:
        assert f"`{column}`" in text, column
    for each in described(ShotSettings):
        assert each.setting.help in text, each.name


def test_a_shot_takes_what_it_lacks_from_the_one_it_is_like() -> None:
    """And that one from the one that it is like; what is its own goes before, the defaults come last."""
    shots = ShotList(
        (
            Shot(1, 0, 10, changes={"saturation": 0.5, "smooth": 0.3}, references=("a.png",), hints="h.csv"),
            Shot(2, 10, 20, changes={"saturation": 2.0}, like=1),
            Shot(3, 20, 30, references=("b.png",), like=2),
        ),
        PAL,
    )
    third = shots.with_model(shots.shots[2])
    assert third.changes == {"saturation": 2.0, "smooth": 0.3}
    assert (third.references, third.hints) == (("b.png",), "h.csv")
    found = shots.settings(shots.shots[2], ShotSettings())
    assert (found.saturation, found.smooth) == (2.0, 0.3)
    assert shots.settings(Shot(4, 30, 40), ShotSettings(smooth=0.1)).smooth == 0.1


def test_shots_that_contradict_each_other_make_no_list() -> None:
    """However the list is made."""
    with pytest.raises(VidcolorError, match=r"cannot use shot 2: start: frames 5 to 8 are in two shots"):
        ShotList((Shot(1, 0, 9), Shot(2, 5, 20)), PAL)
    with pytest.raises(VidcolorError, match="in a circle"):
        ShotList((Shot(1, 0, 9, like=2), Shot(2, 10, 20, like=1)), PAL)


def test_single_shots_are_taken_by_their_numbers() -> None:
    """In the order of the film; an unknown one is told."""
    shots = ShotList(tuple(Shot(number, number * 10, number * 10 + 10) for number in range(1, 6)), PAL)
    assert [shot.number for shot in shots.only([5, 2, 3])] == [2, 3, 5]
    with pytest.raises(VidcolorError, match=r"cannot take shot 9: the list has no such shot. Its shots are 1 to 5"):
        shots.only([2, 9])
