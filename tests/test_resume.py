"""A run that is stopped by anything goes on where it stopped, and the film is the same to the byte."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from beats import write_beats
from calls import noted, stop_at
from reels import SHOT, SHOTS, digest, write_reel
from vidcolor.errors import InputError, OutputError
from vidcolor.film.encoding.packets import PacketFile
from vidcolor.film.frame import Frame
from vidcolor.film.reader import Video, frames, open_video
from vidcolor.pipeline import assembly, work
from vidcolor.pipeline.batch import colorize_all
from vidcolor.pipeline.film import colorize_film
from vidcolor.pipeline.result import Result
from vidcolor.pipeline.segments import cutting as segments
from vidcolor.pipeline.segments.cutting import Start
from vidcolor.pipeline.segments.journal import Journal
from vidcolor.pipeline.segments.recorder import Recording
from vidcolor.pipeline.work import Work, segment_pictures
from vidcolor.settings import RunSettings, ShotSettings

pytestmark = pytest.mark.usefixtures("short_segments", "tiny_network")
SMALL: dict[str, Any] = {"size": 32, "batch_size": 4}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five shots of moving texture with uneven times and keyframes within them, and sound."""
    return write_reel(tmp_path_factory.mktemp("film") / "film.mkv")


@cache
def whole(film: Path) -> str:
    """What tells the film that is made in one go."""
    colorize_film(film, film.with_name("whole.mp4"), settings=RunSettings(**SMALL))
    return digest(film.with_name("whole.mp4"))


@cache
def stopped(film: Path) -> Path:
    """A folder with what is left of a run that was stopped in its fifth shot."""
    out = film.parent / "stopped" / "out.mp4"
    out.parent.mkdir()
    with pytest.raises(KeyboardInterrupt):
        colorize_film(film, out, settings=RunSettings(**SMALL), progress=stop_at(4 * SHOT))
    return out.parent


@pytest.fixture
def begun(tmp_path: Path, film: Path) -> Path:
    """The output of such a run, which is not there yet; what is finished lies beside it."""
    shutil.copytree(stopped(film), tmp_path, dirs_exist_ok=True)
    return tmp_path / "out.mp4"


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


CODECS = [(".mp4", "libx264"), (".mp4", "libx265"), (".webm", "libvpx-vp9")]
OTHERS = [
    (".mkv", "libx264"), (".avi", "libx264"), (".mkv", "ffv1"), (".mov", "prores_ks"), (".mp4", "libsvtav1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [*CODECS, *(pytest.param(*each, marks=pytest.mark.thorough) for each in OTHERS)],
    ids=[f"{c}{s}" for s, c in CODECS + OTHERS],
)
def test_interrupted_run_gives_the_same_bytes(tmp_path: Path, film: Path, suffix: str, codec: str) -> None:
    """Stopped in its third segment and taken up, a film is what it is in one go, whatever encodes it."""
    settings = RunSettings(codec=codec, preset="8" if codec == "libsvtav1" else "", **SMALL)
    whole, halting = tmp_path / f"whole{suffix}", tmp_path / f"halting{suffix}"
    colorize_film(film, whole, settings=settings)
    with pytest.raises(KeyboardInterrupt, match="the same command goes on"):
        colorize_film(film, halting, settings=settings, progress=stop_at(3 * SHOT - 1))
    assert not halting.exists()
    result = colorize_film(film, halting, settings=settings)
    assert SHOT <= result.resumed < result.frames == SHOT * SHOTS
    assert digest(halting) == digest(whole)
    assert files(tmp_path) == {whole.name, halting.name}


def test_joined_film_keeps_every_pts(film: Path) -> None:
    """Times and their number are those of the source; decoding times rise and are never late."""
    whole(film)
    out = film.with_name("whole.mp4")
    with av.open(str(film)) as source, av.open(str(out)) as colored:
        times = [float(f.pts * f.time_base) for f in source.decode(video=0)]
        assert [float(f.pts * f.time_base) for f in colored.decode(video=0)] == pytest.approx(times, abs=1e-3)
    with av.open(str(out)) as colored:
        packets = [p for p in colored.demux(video=0) if p.size]
    assert sum(p.is_keyframe for p in packets) >= SHOTS - 1
    assert any(p.dts < p.pts for p in packets)  # frames are reordered
    assert all(p.dts <= p.pts for p in packets)
    assert all(a.dts < b.dts for a, b in pairwise(packets))


@pytest.mark.parametrize(("smooth", "shortest", "longest", "tolerance"), [(0.0, 10, 7, 1), (0.92, 99, 30, 2)])
def test_segments_do_not_show(
    tmp_path: Path,
    film: Path,
    monkeypatch: pytest.MonkeyPatch,
    smooth: float,
    shortest: int,
    longest: int,
    tolerance: int,
) -> None:
    """Wherever takes are parted, luma is the same, and chroma but for the order of sums and far-off neighbors."""
    found = {}
    for name, lengths in (("whole", (1000, 1000)), ("parted", (shortest, longest))):
        monkeypatch.setattr(segments, "SHORTEST", lengths[0])
        monkeypatch.setattr(segments, "LONGEST", lengths[1])
        settings, shot = RunSettings(codec="ffv1", **SMALL), ShotSettings(smooth=smooth)
        colorize_film(film, tmp_path / f"{name}.mkv", settings=settings, shot=shot)
        with av.open(str(tmp_path / f"{name}.mkv")) as container:
            found[name] = [f.to_ndarray() for f in container.decode(video=0)]
    for whole, parted in zip(found["whole"], found["parted"], strict=True):
        assert np.array_equal(whole[:64], parted[:64])
        assert np.abs(whole[64:].astype(int) - parted[64:]).max() <= tolerance


def test_a_slip_in_an_option_costs_nothing(tmp_path: Path, film: Path, begun: Path) -> None:
    """Finished parts that were made otherwise are neither used nor removed: the difference is named, and -y decides."""
    folder, dull = tmp_path / ".out.mp4.vidcolor", ShotSettings(saturation=0.5)
    kept = files(folder)
    with pytest.raises(OutputError, match="frames of it are finished with another saturation"):
        colorize_film(film, begun, settings=RunSettings(**SMALL), shot=dull)
    assert files(folder) == kept
    assert colorize_film(film, begun, settings=RunSettings(**SMALL)).resumed >= 2 * SHOT
    assert digest(begun) == whole(film)
    begun.unlink()
    shutil.copytree(stopped(film) / folder.name, folder)
    said: list[str] = []
    result = colorize_film(film, begun, settings=RunSettings(**SMALL), shot=dull, overwrite=True, report=said.append)
    assert result.resumed == 0
    assert said == [f"{begun} was begun with another saturation: starting afresh"]


def test_a_run_goes_on_with_the_cores_it_was_begun_with(tmp_path: Path, film: Path) -> None:
    """Some encoders work otherwise in more threads: taken up on another machine, a film is that of the first one."""
    out = {cores: tmp_path / f"{cores}.avi" for cores in (0, 1, 3)}
    for cores in (1, 3):
        colorize_film(film, out[cores], settings=RunSettings(threads=cores, **SMALL))
    assert digest(out[1]) != digest(out[3])
    with pytest.raises(KeyboardInterrupt):
        colorize_film(film, out[0], settings=RunSettings(threads=3, **SMALL), progress=stop_at(3 * SHOT))
    assert colorize_film(film, out[0], settings=RunSettings(**SMALL)).resumed >= 2 * SHOT
    assert digest(out[0]) == digest(out[3])


def test_another_source_starts_afresh(tmp_path: Path, film: Path) -> None:
    """Parts of a film that has changed since are of no use to anybody."""
    source, out = tmp_path / "source.mkv", tmp_path / "out.mp4"
    source.write_bytes(film.read_bytes())
    with pytest.raises(KeyboardInterrupt):
        colorize_film(source, out, settings=RunSettings(**SMALL), progress=stop_at(2 * SHOT))
    os.utime(source, (1, 1))
    said: list[str] = []
    assert colorize_film(source, out, settings=RunSettings(**SMALL), report=said.append).resumed == 0
    assert said == [f"{out} was begun with another input: starting afresh"]


def test_source_out_of_reach_while_joining_keeps_finished_segments(
    tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network drive that is gone for a minute costs no finished frame."""
    out = tmp_path / "out.mp4"

    def gone(*arguments: object) -> None:
        raise InputError(f"cannot open {film}", "no such file", "Check the path")

    with monkeypatch.context() as patch:
        patch.setattr(assembly, "joined", gone)
        with pytest.raises(InputError, match="no such file"):
            colorize_film(film, out, settings=RunSettings(**SMALL))
    assert colorize_film(film, out, settings=RunSettings(**SMALL)).resumed == SHOT * SHOTS


def test_a_source_that_is_taken_away_before_joining_is_missed(tmp_path: Path) -> None:
    """Its sound is not copied from a file that nobody can reach any more, though it is open since the trial of it."""
    source, away, out = tmp_path / "film.mkv", tmp_path / "away.mkv", tmp_path / "out.mkv"
    write_beats(source, 1)

    def take_away(done: int, total: int) -> None:
        if done == 25:
            source.rename(away)

    with pytest.raises(InputError, match=r"cannot open .*film\.mkv: no such file"):
        colorize_film(source, out, settings=RunSettings(**SMALL), progress=take_away)
    away.rename(source)
    assert colorize_film(source, out, settings=RunSettings(**SMALL)).resumed == 25


def test_finished_packets_are_read_once_and_only_to_go_on(
    film: Path, begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be as large as the film: a refused run does not read them, one that goes on does so once."""
    read = noted(monkeypatch, Journal, "_is_whole")
    begun.touch()
    with pytest.raises(OutputError, match="it exists"):
        colorize_film(film, begun, settings=RunSettings(**SMALL))
    assert not read
    begun.unlink()
    colorize_film(film, begun, settings=RunSettings(**SMALL))
    assert len(read) == len({call.arguments[1].number for call in read}) >= 2


def test_a_segment_worked_alone_has_the_bytes_of_the_row(
    tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any machine can make any segment: in any order, the packets are those of the run that made them all."""
    out, works = tmp_path / "out.mp4", noted(monkeypatch, Work, "of")
    with pytest.raises(KeyboardInterrupt):
        colorize_film(film, out, settings=RunSettings(**SMALL), progress=stop_at(4 * SHOT))
    with Journal(out) as journal:
        finished = journal.segments
    assert len(finished) >= 3
    starts = [Start(0, 0, ()), *(segment.following for segment in finished[:-1])]
    for segment, start in sorted(zip(finished, starts, strict=True), key=lambda pair: -pair[0].number):
        assert start is not None
        with open_video(film) as video:
            alone = replace(works[0].result, video=video)
            recording = Recording(tmp_path / "alone", tmp_path / "part", alone.encoding)
            with segment_pictures(alone, start) as pictures:
                for step, planes in pictures:
                    recording.push(step, planes)
            assert recording.finish().sha256 == segment.sha256


@pytest.mark.parametrize("harm", ["torn line", "zeros", "truncated segment", "missing segment", "no journal"])
def test_damaged_journal_is_noticed(tmp_path: Path, film: Path, begun: Path, harm: str) -> None:
    """What a power cut may leave is redone from the last segment that is whole."""
    folder = tmp_path / ".out.mp4.vidcolor"
    journal, last = folder / "journal.jsonl", sorted(folder.glob("*.packets"))[-1]
    if harm == "torn line":
        journal.write_bytes(journal.read_bytes()[:-9])
    elif harm == "zeros":
        journal.write_bytes(journal.read_bytes() + bytes(500))
    elif harm == "truncated segment":
        last.write_bytes(last.read_bytes()[:-1])
    elif harm == "missing segment":
        last.unlink()
    else:
        journal.unlink()
    colorize_film(film, begun, settings=RunSettings(**SMALL))
    assert digest(begun) == whole(film)


def test_source_that_cannot_be_sought_is_read_from_the_start(
    film: Path, begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the frames after seeking are not those of before, the film is read from its beginning."""
    asked: list[int | None] = []

    def lost(video: Video, *arguments: Any, near: int | None = None, **how: Any) -> Iterator[Frame]:
        asked.append(near)
        found = frames(video, *arguments, **how)
        return (f for f in found if f.pts > near) if near is not None else found

    monkeypatch.setattr(work, "frames", lost)
    assert colorize_film(film, begun, settings=RunSettings(**SMALL)).resumed >= SHOT
    assert asked[-1] is None
    assert asked[-2] is not None
    assert digest(begun) == whole(film)


def test_two_runs_do_not_share_an_output(tmp_path: Path, film: Path) -> None:
    """While one run is at work on an output, another is refused."""
    part = tmp_path / ".out.part.mp4"
    with Journal(tmp_path / "out.mp4") as journal:
        journal.claim()
        journal.begin({"film": "other"})
        part.write_text("what the other run has joined")
        for resume in (True, False):
            with pytest.raises(OutputError, match="another run is at work"):
                colorize_film(film, tmp_path / "out.mp4", settings=RunSettings(resume=resume, **SMALL))
        assert part.read_text() == "what the other run has joined"
        assert files(tmp_path) == {part.name, journal.folder.name}


def test_a_finished_film_is_tidied_up_by_the_next_batch(tmp_path: Path, film: Path) -> None:
    """Killed between rename and tidying: the film is skipped, its finished parts go."""
    film, out = Path(shutil.copy(film, tmp_path)), tmp_path / "film.color.mkv"

    def killed(self: Journal) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            colorize_film(film, out, settings=RunSettings(**SMALL))
    assert files(tmp_path) == {"film.mkv", out.name, f".{out.name}.vidcolor"}
    assert [o.status for o in colorize_all([(film, tmp_path)], settings=RunSettings(**SMALL))] == ["skipped"]
    assert files(tmp_path) == {"film.mkv", out.name}


def test_full_disk_keeps_what_is_finished(tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No space: one clear error, the finished segments stay, and with space the film is the same."""
    out, in_one_go = tmp_path / "out.mp4", whole(film)

    def full(self: PacketFile) -> None:
        if len(list((tmp_path / ".out.mp4.vidcolor").glob("*.packets"))) == 2:
            raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(PacketFile, "sync", full)
        with pytest.raises(OutputError, match="no space left on device"):
            colorize_film(film, out, settings=RunSettings(**SMALL))
    assert colorize_film(film, out, settings=RunSettings(**SMALL)).resumed >= 2 * SHOT
    assert digest(out) == in_one_go


def test_no_resume_leaves_no_folder(tmp_path: Path, film: Path, begun: Path) -> None:
    """--no-resume writes straight to the part file, and tidies up after an earlier run."""
    result: Result = colorize_film(film, begun, settings=RunSettings(resume=False, **SMALL))
    assert (result.frames, result.resumed) == (SHOT * SHOTS, 0)
    assert files(tmp_path) == {"out.mp4"}
