"""Lists for editing programs: right at every rate, read by another library, and read back after an edit."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import opentimelineio as otio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vidcolor.errors import VidcolorError
from vidcolor.film.timecode import TimecodeClock
from vidcolor.pipeline.shotlist.edl import read_edl, write_edl
from vidcolor.pipeline.shotlist.otio import read_otio, write_otio
from vidcolor.pipeline.shotlist.shot import Shot, ShotList, Transition

FILM, PAL, NTSC = TimecodeClock(Fraction(24000, 1001)), TimecodeClock(Fraction(25)), Fraction(30000, 1001)
DROP = TimecodeClock(NTSC, drop=True)
CLOCKS = [FILM, PAL, DROP, TimecodeClock(PAL.rate, start=90_000)]
SOURCE = Path("a film.mp4")
MOST = 300_000


@st.composite
def lists(draw: st.DrawFn) -> ShotList:
    """Shots as they are found: one after the other, some of them dissolving in."""
    edges = sorted(draw(st.sets(st.integers(0, MOST), min_size=2, max_size=8)))
    shots = []
    for number, (start, end) in enumerate(pairwise(edges), 1):
        how = draw(st.sampled_from([Transition(), Transition("dissolve", 12), Transition("fade", 3)]))
        shots.append(Shot(number, start, end, how))
    return ShotList(tuple(shots), draw(st.sampled_from(CLOCKS)))


EVERY = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


def edl(folder: Path, text: str) -> Path:
    path = folder / "film.edl"
    path.write_text(text)
    return path


@EVERY
@given(shots=lists())
def test_lists_come_back_as_they_went(tmp_path: Path, shots: ShotList) -> None:
    """Both kinds, at every rate: the same shots, to the frame."""
    assert read_edl(edl(tmp_path, write_edl(shots, SOURCE)), shots.clock, MOST) == list(shots.shots)
    (tmp_path / "film.otio").write_text(write_otio(shots, SOURCE, MOST))
    assert read_otio(tmp_path / "film.otio", shots.clock, MOST) == list(shots.shots)


@pytest.mark.parametrize(
    ("clock", "lines"),
    [
        (
            FILM,
            ["FCM: NON-DROP FRAME", "00:00:00:00 00:01:15:00 00:00:00:00 00:01:15:00", "00:01:15:00 00:02:30:01"],
        ),
        (PAL, ["FCM: NON-DROP FRAME", "00:00:00:00 00:01:12:00 00:00:00:00 00:01:12:00", "00:01:12:00 00:02:24:01"]),
        (DROP, ["FCM: DROP FRAME", "00:00:00;00 00:01:00;02 00:00:00;00 00:01:00;02", "00:01:00;02 00:02:00;05"]),
    ],
    ids=["23.976", "25", "29.97"],
)
def test_an_edit_decision_list_is_right_to_the_frame(clock: TimecodeClock, lines: list[str]) -> None:
    """Out points are those of the frame after the last: the next shot's in point."""
    edge = 1800
    shots = ShotList((Shot(1, 0, edge), Shot(2, edge, 2 * edge + 1, Transition("dissolve", 8))), clock)
    text = write_edl(shots, SOURCE)
    assert text.startswith("TITLE: a film\n")
    for line in lines:
        assert line in text
    assert "* FROM CLIP NAME: a film.mp4" in text


def test_opentimelineio_s_reader_of_edit_decision_lists_finds_the_shots(tmp_path: Path) -> None:
    """Its adapter for CMX3600 is the independent witness."""
    pytest.importorskip("otio_cmx3600_adapter", reason="needs otio-cmx3600-adapter")
    for clock in (FILM, PAL, DROP):
        shots = ShotList((Shot(1, 0, 1800), Shot(2, 1800, 3601)), clock)
        rate = float(clock.rate)
        timeline = otio.adapters.read_from_file(str(edl(tmp_path, write_edl(shots, SOURCE))), rate=rate)
        found = [clip.source_range for clip in timeline.video_tracks()[0].find_clips()]
        assert [(each.start_time.value, each.duration.value) for each in found] == [(0, 1800), (1800, 1801)]


def test_a_list_cut_in_an_editor_counts(tmp_path: Path) -> None:
    """As DaVinci Resolve exports it: its edit begins at one hour, a piece is left out, there is sound and black."""
    text = """TITLE: Timeline 1
FCM: NON-DROP FRAME

001  AX       V     C        00:00:00:00 00:00:01:06 01:00:00:00 01:00:01:06
* FROM CLIP NAME: film.mp4
001  AX       A     C        00:00:00:00 00:00:01:06 01:00:00:00 01:00:01:06
002  BL       V     C        00:00:00:00 00:00:00:10 01:00:01:06 01:00:01:16
003  AX       AA/V  C        00:00:02:00 00:00:04:00 01:00:01:16 01:00:03:16
M2   AX       025.0                    00:00:02:00
"""
    assert read_edl(edl(tmp_path, text), PAL, 240) == [Shot(1, 0, 31), Shot(2, 50, 100)]


def test_a_dissolve_of_an_editor_parts_at_its_middle(tmp_path: Path) -> None:
    """The first frame in which the new shot makes half of the picture."""
    text = """FCM: NON-DROP FRAME
001  AX V C        00:00:00:00 00:00:02:00 00:00:00:00 00:00:02:00
002  AX V C        00:00:02:00 00:00:02:00 00:00:02:00 00:00:02:00
002  AX V D    012 00:00:02:00 00:00:04:00 00:00:02:00 00:00:04:00
"""
    found = read_edl(edl(tmp_path, text), PAL, 100)
    assert found == [Shot(1, 0, 56), Shot(2, 56, 100, Transition("dissolve", 12))]


@pytest.mark.parametrize("start", ["10:00:00:00", "00:00:00:00"])
def test_times_may_begin_with_the_film_s_own_timecode(tmp_path: Path, start: str) -> None:
    """Or with zero, or with a full hour that the film knows nothing of."""
    own = TimecodeClock.of(PAL.rate, "10:00:00:00")
    begin = TimecodeClock.of(PAL.rate, start)
    times = f"{begin.text(25)} {begin.text(75)}"
    path = edl(tmp_path, f"001  AX V C {times} {times}\n")
    assert read_edl(path, own, 100) == [Shot(1, 25, 75)]
    assert read_edl(path, PAL, 100) == [Shot(1, 25, 75)]


EVENT = "001  AX V C 00:00:00:00 00:00:02:00 00:00:00:00 00:00:02:00"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it holds no event with a picture"),
        ("\x00PNG", "it holds no event with a picture"),
        ("FCM: DROP FRAME\n", "line 1: it is in drop-frame timecode, but the film has 25 frames a second"),
        (EVENT.replace("02:00", "02:29"), "line 1: the timecode '00:00:02:29': frames go from 0 to 24"),
        (EVENT.replace("02:00", "01:00", 1), "line 1: it plays its source at another speed"),
        (f"{EVENT}\nM2   AX  050.0  00:00:00:00", "line 2: it plays its source at another speed"),
        (EVENT.replace(" C ", " X "), "line 1: it is no event of CMX3600"),
        (
            EVENT.replace("00:00:02", "00:00:20"),
            "its times reach from 00:00:00:00 to 00:00:20:00, but the film has 100",
        ),
        (EVENT.replace(" C ", " D 060 "), "line 1: its transition is longer than what it shows"),
        ("001  AX V C 00:00:02:00 00:00:01:00 00:00:02:00 00:00:01:00", "line 1: its source ends before it begins"),
    ],
)
def test_a_wrong_edit_decision_list_is_refused(tmp_path: Path, text: str, why: str) -> None:
    """The line is named."""
    with pytest.raises(VidcolorError) as caught:
        read_edl(edl(tmp_path, text), PAL, 100)
    assert why in str(caught.value)


def timeline(*clips: tuple[int, int], rate: float = 25.0) -> otio.schema.Timeline:
    """A timeline of one track with clips from one frame to the one before another."""
    time = otio.opentime.RationalTime
    track = otio.schema.Track("V1", kind=otio.schema.TrackKind.Video)
    for start, end in clips:
        stretch = otio.opentime.TimeRange(time(start, rate), time(end - start, rate))
        track.append(otio.schema.Clip(f"{start}", source_range=stretch))
    found = otio.schema.Timeline("edited")
    found.tracks.append(track)
    return found


def test_a_timeline_of_an_editor_counts(tmp_path: Path) -> None:
    """Clips without our metadata, the second dissolving in, out of order."""
    made = timeline((60, 100), (0, 40))
    time = otio.opentime.RationalTime
    made.tracks[0].insert(1, otio.schema.Transition(in_offset=time(4, 25), out_offset=time(6, 25)))
    otio.adapters.write_to_file(made, str(tmp_path / "film.otio"))
    assert read_otio(tmp_path / "film.otio", PAL, 100) == [
        Shot(1, 0, 40, Transition("dissolve", 10)),
        Shot(2, 60, 100),
    ]


def test_a_timeline_s_gaps_are_in_no_shot(tmp_path: Path) -> None:
    """What the list leaves out is a gap, so that the rest stays where it was."""
    shots = ShotList((Shot(3, 10, 20), Shot(5, 40, 60)), PAL)
    made = json.loads(write_otio(shots, SOURCE, 100))
    kinds = [child["OTIO_SCHEMA"].split(".")[0] for child in made["tracks"]["children"][0]["children"]]
    assert kinds == ["Gap", "Clip", "Gap", "Clip"]


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (timeline(), "0 of its tracks hold pictures"),
        (timeline((0, 50), rate=24.0), "clip '0' has 24 frames a second, the film has 25 frames a second"),
        (timeline((0, 500)), "but the film has 100 frames"),
        (otio.schema.Clip("alone"), "it is no timeline"),
    ],
)
def test_a_wrong_timeline_is_refused(tmp_path: Path, made: otio.core.SerializableObject, why: str) -> None:
    """One line tells why."""
    path = tmp_path / "film.otio"
    path.write_text(made.to_json_string())
    with pytest.raises(VidcolorError) as caught:
        read_otio(path, PAL, 100)
    assert why in str(caught.value)


def test_what_is_no_timeline_is_refused(tmp_path: Path) -> None:
    """A text, and no file at all."""
    path = tmp_path / "film.otio"
    path.write_text("not one")
    with pytest.raises(VidcolorError, match="no timeline of OpenTimelineIO"):
        read_otio(path, PAL, 100)
    with pytest.raises(VidcolorError, match="no such file"):
        read_otio(tmp_path / "none.otio", PAL, 100)


def test_without_opentimelineio_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no dependency of the rest."""
    monkeypatch.setitem(__import__("sys").modules, "opentimelineio", None)
    with pytest.raises(VidcolorError, match=r"pip install 'vidcolor\[otio\]'"):
        write_otio(ShotList((Shot(1, 0, 5),), PAL), SOURCE, 5)
