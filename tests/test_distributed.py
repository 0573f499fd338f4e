"""A film planned once, worked anywhere and joined is that of one machine, to the byte; what differs is told by name."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calls import stop_at
from children import Child
from reels import SHOT, SHOTS, digest, transparent_film, write_reel, write_scan
from vidcolor.cli.app import main
from vidcolor.errors import InputError, OutputError, PartsError, UnfitError
from vidcolor.film.encoding.packets import PacketFile
from vidcolor.pipeline.distributed.joiner import join
from vidcolor.pipeline.distributed.parts import Parts, as_ranges
from vidcolor.pipeline.distributed.plan import Plan, read_plan
from vidcolor.pipeline.distributed.planner import make_plan
from vidcolor.pipeline.distributed.worker import work
from vidcolor.pipeline.film import colorize_film
from vidcolor.pipeline.segments import cutting as segments
from vidcolor.pipeline.shotlist.shot import parse_numbers
from vidcolor.settings import RunSettings, ShotSettings

SMALL: dict[str, Any] = {"size": 32, "batch_size": 4}
pytestmark = pytest.mark.usefixtures("short_segments", "tiny_network")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_reel(tmp_path / "film.mkv")


@pytest.fixture
def plan(tmp_path: Path, film: Path) -> Plan:
    """A plan of that film, as it lies in plan.json."""
    make_plan(film, suffix=".mp4", settings=RunSettings(**SMALL)).write(tmp_path / "plan.json")
    return read_plan(tmp_path / "plan.json")


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command in this process and the test's folder: exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["vidcolor", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    return run


@pytest.mark.whole_network  # as the other process does
@pytest.mark.parametrize(("codec", "suffix"), [("libx264", ".mp4"), ("ffv1", ".mkv")])
def test_joined_film_is_that_of_one_machine(tmp_path: Path, film: Path, codec: str, suffix: str) -> None:
    """Two workers, one of them another process, some segments twice, in mixed order: the same film to the byte."""
    settings = RunSettings(codec=codec, **SMALL)
    colorize_film(film, tmp_path / f"whole{suffix}", settings=settings)
    plan = make_plan(film, suffix=suffix, settings=settings)
    plan.write(tmp_path / "plan.json")
    count = len(plan.segments)
    assert count >= 4
    assert plan.frames == SHOT * SHOTS
    parts = tmp_path / "parts"
    with pytest.MonkeyPatch.context() as patch:  # two at the same segment: neither sees the other's
        patch.setattr(Parts, "receipt", lambda self, number: None)
        assert work(plan, parts, [count - 1, 1, count - 1]).made == (count - 1, 1)
        work(plan, parts, [1])
    others = [n for n in range(count) if n not in (1, count - 1)]
    if codec == "ffv1":
        assert sorted(work(plan, parts).made) == others
    else:
        found = Child("work", "plan.json", "--parts", "parts", "--json", cwd=tmp_path).ended()
        assert found.code == 0, found.err
        assert sorted(json.loads(found.out)["made"]) == others
    result = join(read_plan(tmp_path / "plan.json"), parts, tmp_path / f"joined{suffix}")
    assert result.frames == SHOT * SHOTS
    assert digest(tmp_path / f"joined{suffix}") == digest(tmp_path / f"whole{suffix}")
    assert not [name for name in os.listdir(parts) if name.endswith(".part")]


def test_parted_takes_join_as_on_one_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A take that is too long has frames of its neighbors as context; so in a range of a film with a reference."""
    monkeypatch.setattr(segments, "LONGEST", 20)
    film = write_reel(tmp_path / "film.mkv", shot=90, shots=1)
    cv2.imwrite(str(tmp_path / "some.png"), np.full((64, 96, 3), (40, 90, 160), np.uint8))
    monkeypatch.chdir(tmp_path)
    settings = RunSettings(start=0.5, reference=("some.png",), **SMALL)
    colorize_film(film, tmp_path / "whole.mp4", settings=settings)
    make_plan(film, suffix=".mp4", settings=settings).write(tmp_path / "plan.json")
    monkeypatch.chdir("/")
    plan = read_plan(tmp_path / "plan.json")
    assert [segment.start.lead > 0 for segment in plan.segments] == [False, True, True]
    for number in (2, 0, 1):
        work(plan, tmp_path / "parts", [number])
    join(plan, tmp_path / "parts", tmp_path / "joined.mp4")
    assert digest(tmp_path / "joined.mp4") == digest(tmp_path / "whole.mp4")


def test_a_list_of_shots_is_planned(tmp_path: Path, film: Path) -> None:
    """Shots that somebody has set have their own look on all machines."""
    rows = "shot,start_frame,end_frame,saturation,mode\n1,0,12,0.4,\n2,12,30,,grey\n3,30,45,1.5,\n"
    (tmp_path / "shots.csv").write_text(rows)
    settings = RunSettings(shots=tmp_path / "shots.csv", **SMALL)
    colorize_film(film, tmp_path / "whole.mp4", settings=settings)
    make_plan(film, suffix=".mp4", settings=settings).write(tmp_path / "plan.json")
    plan = read_plan(tmp_path / "plan.json")
    assert [segment.start.frame for segment in plan.segments] == [0, 12, 30]
    work(plan, tmp_path / "parts")
    join(plan, tmp_path / "parts", tmp_path / "joined.mp4")
    assert digest(tmp_path / "joined.mp4") == digest(tmp_path / "whole.mp4")
    (tmp_path / "shots.csv").write_text(rows.replace("0.4", "0.6"))
    with pytest.raises(UnfitError, match="another list of shots"):
        work(plan, tmp_path / "other")


def test_an_image_sequence_is_planned(tmp_path: Path) -> None:
    """Frames in a folder, on machines that see it elsewhere; numbered files are not what workers make."""
    write_scan(tmp_path / "scan", 3 * SHOT)
    with pytest.raises(InputError, match="--container"):
        make_plan(tmp_path / "scan", settings=RunSettings(**SMALL))
    make_plan(tmp_path / "scan", suffix=".mkv", settings=RunSettings(**SMALL)).write(tmp_path / "plan.json")
    plan = read_plan(tmp_path / "plan.json")
    assert (plan.frames, len(plan.segments)) == (3 * SHOT, 3)
    colorize_film(tmp_path / "scan", tmp_path / "whole.mkv", settings=RunSettings(**SMALL))
    shutil.copytree(tmp_path / "scan", tmp_path / "copy")
    plan = replace(plan, film=tmp_path / "copy")
    work(plan, tmp_path / "parts")
    join(plan, tmp_path / "parts", tmp_path / "joined.mkv")
    assert digest(tmp_path / "joined.mkv") == digest(tmp_path / "whole.mkv")


def test_warnings_are_those_of_one_machine(tmp_path: Path) -> None:
    """What the planning pass has counted is told when the film is joined, and --strict refuses it."""
    source = transparent_film(tmp_path / "film.mkv")
    whole = colorize_film(source, tmp_path / "whole.mp4", settings=RunSettings(**SMALL))
    plan = make_plan(source, suffix=".mp4", settings=RunSettings(**SMALL))
    work(plan, tmp_path / "parts")
    with pytest.raises(InputError, match="alpha is not kept"):
        join(plan, tmp_path / "parts", tmp_path / "joined.mp4", strict=True)
    assert not (tmp_path / "joined.mp4").exists()
    result = join(plan, tmp_path / "parts", tmp_path / "joined.mp4")
    assert result.warnings == whole.warnings
    assert digest(tmp_path / "joined.mp4") == digest(tmp_path / "whole.mp4")


def test_missing_and_damaged_parts_are_named_with_the_command_that_makes_them(
    tmp_path: Path, plan: Plan, command: Callable[..., tuple[int, str, str]]
) -> None:
    """The command from the error line, word by word, makes the film whole again."""
    parts = tmp_path / "the parts"
    work(plan, parts)
    damaged = parts / "00002.packets"
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    (parts / "00000.json").unlink()
    (parts / "00001.packets").unlink()
    code, _, told = command("join", "plan.json", "--parts", "the parts", "-o", "joined.mp4")
    assert code == PartsError.exit_code == 4
    assert "segments 0-1 are missing and segment 2 is damaged" in told
    remedy = re.search(r"vidcolor (work .*)\.\n", told)
    assert remedy is not None
    code, _, told = command(*shlex.split(remedy[1]), "--progress", "json")
    assert code == 0, told
    events = [json.loads(line) for line in told.splitlines()]
    assert {event["segment"] for event in events if event["event"] == "segment"} == {0, 1, 2}
    assert events[-1]["event"] == "finished"
    assert command("join", "plan.json", "--parts", "the parts", "-o", "joined.mp4")[0] == 0
    assert (tmp_path / "joined.mp4").stat().st_size


def test_two_plans_do_not_share_a_folder(tmp_path: Path, film: Path, plan: Plan) -> None:
    """Another look, or another film, is refused before anything is made; the same plan made again is welcome."""
    parts = tmp_path / "parts"
    work(plan, parts, [0])
    before = sorted(os.listdir(parts))
    other = make_plan(film, suffix=".mp4", settings=RunSettings(**SMALL), shot=ShotSettings(saturation=0.5))
    with pytest.raises(OutputError, match=r"another plan: saturation 0.5 instead of 1.0.*folder of its own"):
        work(other, parts)
    second = make_plan(write_reel(tmp_path / "second.mkv", shots=2), suffix=".mp4", settings=RunSettings(**SMALL))
    with pytest.raises(OutputError, match=r"parts of another film, .*film\.mkv"):
        work(second, parts)
    assert sorted(os.listdir(parts)) == before
    again = make_plan(film, suffix=".mp4", settings=RunSettings(**SMALL))
    assert work(again, parts, [0]).present == (0,)


def test_a_worker_that_differs_is_refused_by_name(
    tmp_path: Path, film: Path, plan: Plan, command: Callable[..., tuple[int, str, str]]
) -> None:
    """Another version, another model, another film: told by what it is, with exit code 3, and nothing is made."""
    versions = {**plan.identity["version"], "torch": "2.0.1"}
    with pytest.raises(UnfitError, match=r"has torch .* instead of 2.0.1"):
        work(replace(plan, identity={**plan.identity, "version": versions}), tmp_path / "1")
    with pytest.raises(UnfitError, match="has another model"):
        work(replace(plan, identity={**plan.identity, "model": "0" * 64}), tmp_path / "2")
    with pytest.raises(UnfitError, match=r"no such file.*--film"):
        work(plan.moved_to(film=tmp_path / "elsewhere.mkv"), tmp_path / "3")
    changed = tmp_path / "changed.mkv"
    changed.write_bytes(film.read_bytes() + b"x")
    with pytest.raises(UnfitError, match="has another film"):
        work(plan.moved_to(film=changed), tmp_path / "4")
    first = plan.segments[0]
    other = replace(plan, segments=(replace(first, digest="0" * 16), *plan.segments[1:]))
    with pytest.raises(UnfitError, match="do not decode as they did"):
        work(other, tmp_path / "5", [0])
    assert {name for n in range(1, 6) for name in os.listdir(tmp_path / str(n))} == {"plan.json"}
    film.rename(tmp_path / "film moved.mkv")
    code, _, told = command("work", "plan.json", "--parts", "parts")
    assert code == UnfitError.exit_code == 3
    assert "does not see it" in told
    assert told.count("\n") == 1


def test_files_are_found_beside_the_plan(tmp_path: Path, plan: Plan) -> None:
    """A plan that is copied with its film needs no option on the other machine."""
    away = tmp_path / "away"
    away.mkdir()
    for name in ("plan.json", "film.mkv"):
        (tmp_path / name).rename(away / name)
    assert work(read_plan(away / "plan.json").moved_to(), tmp_path / "parts", [1]).made == (1,)


def test_a_worker_that_dies_leaves_no_part(tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is half made has no name, and a full disk is told; the segments before are kept."""
    parts = Parts(tmp_path / "parts", plan)
    work(plan, parts.folder, [0])

    def full(self: PacketFile) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(PacketFile, "sync", full)
        with pytest.raises(OutputError, match="no space left on device"):
            work(plan, parts.folder)
    with pytest.raises(KeyboardInterrupt, match="1 segments are made and kept"):
        work(plan, parts.folder, [0, 1, 2], progress=stop_at(plan.segments[0].frames + plan.segments[1].frames + 3))
    assert {name for name in os.listdir(parts.folder) if not name.startswith("0000")} == {"plan.json"}
    assert parts.missing() == list(range(2, len(plan.segments)))


def test_a_plan_comes_back_from_its_file(tmp_path: Path, film: Path, plan: Plan) -> None:
    """All that was planned, and its digest; the same film planned again gives the same bytes."""
    made = make_plan(film, suffix=".mp4", settings=RunSettings(**SMALL))
    assert plan == made
    assert plan.digest == made.digest
    made.write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "plan.json").read_bytes()


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "vidcolor plan 99"}', "\x00\xff"])
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    """One line, whatever the file holds."""
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(InputError, match="Make it again with vidcolor plan"):
        read_plan(tmp_path / "plan.json")


def test_a_torn_plan_is_refused(tmp_path: Path, plan: Plan) -> None:
    """A plan without its end, or with a segment that lacks something."""
    whole = (tmp_path / "plan.json").read_text()
    for torn in (whole[:-40], whole.replace('"marks"', '"mark"'), whole.replace('"fast"', "17")):
        (tmp_path / "torn.json").write_text(torn)
        with pytest.raises(InputError, match=r"torn\.json"):
            read_plan(tmp_path / "torn.json")


def test_parts_fit_containers_that_want_the_same(tmp_path: Path, plan: Plan) -> None:
    """The name of the film may be chosen when it is joined, as far as its container takes the packets."""
    work(plan, tmp_path / "parts")
    assert join(plan, tmp_path / "parts", tmp_path / "out.mov").frames == plan.frames
    with pytest.raises(OutputError, match=r"made for \.mp4, and \.avi wants another"):
        join(plan, tmp_path / "parts", tmp_path / "out.avi")


def test_a_device_of_other_machines_can_be_planned(film: Path) -> None:
    """A machine without a GPU lays out work for those that have one."""
    plan = make_plan(film, settings=RunSettings(device="cuda", **SMALL))
    assert (plan.run.device, plan.run.precision) == ("cuda", "fp16")


def test_segments_that_do_not_exist_are_told(tmp_path: Path, plan: Plan) -> None:
    """A number too large names those that there are."""
    with pytest.raises(InputError, match="segments 0 to"):
        work(plan, tmp_path / "parts", [99])


@given(st.sets(st.integers(0, 300), max_size=40))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_ranges_are_read_as_they_are_written(numbers: set[int]) -> None:
    """What an error line names is what --segments takes."""
    text = as_ranges(numbers)
    assert (parse_numbers(text, "segment") if numbers else []) == sorted(numbers)
