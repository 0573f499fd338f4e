"""Numbered files get their names when all of them are written, whatever ends a run before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from calls import stop_at
from reels import SHOT, write_scan
from scans import SMALL, run, state
from vidcolor.errors import InputError, OutputError
from vidcolor.settings import RunSettings

pytestmark = pytest.mark.usefixtures("short_segments", "tiny_network")


def test_a_stopped_run_goes_on_without_writing_finished_frames_again(tmp_path: Path) -> None:
    """Nothing has its name before all have; what was finished keeps its very file, and all is as in one go."""
    write_scan(tmp_path / "scan", 5 * SHOT)
    source, out, whole = tmp_path / "scan", tmp_path / "out", tmp_path / "whole"
    run(source, whole / "c_%06d.dpx")
    with pytest.raises(KeyboardInterrupt, match="frames are kept, and the same command goes on"):
        run(source, out / "c_%06d.dpx", progress=stop_at(4 * SHOT - 1))
    assert state(out) == {}
    work = out / ".c_%06d.dpx.vidcolor" / "frames"
    before = {name: found for folder in work.iterdir() for name, found in state(folder).items()}
    result = run(source, out / "c_%06d.dpx")
    assert 2 * SHOT <= result.resumed < result.frames == 5 * SHOT
    after = state(out)
    kept = [name for name in before if after[name] == before[name]]
    assert result.resumed <= len(kept)
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in whole.iterdir())
    for path in whole.iterdir():
        assert path.read_bytes() == (out / path.name).read_bytes(), path.name


def test_frames_that_were_lost_or_changed_are_made_again(tmp_path: Path) -> None:
    """A segment is whole only when all of its files are as they were written."""
    write_scan(tmp_path / "scan", 4 * SHOT)
    out = tmp_path / "out" / "c_%06d.dpx"
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "scan", out, progress=stop_at(4 * SHOT - 1))
    work = out.parent / ".c_%06d.dpx.vidcolor" / "frames"
    (lost,) = work.rglob(f"c_{86400 + SHOT + 2:06d}.dpx")
    lost.unlink()
    result = run(tmp_path / "scan", out)
    assert (result.resumed, result.frames) == (2 * SHOT, 4 * SHOT)  # of three that were finished


def test_a_run_killed_while_frames_get_their_names_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some files have their names, others not yet: the same command ends it, without asking about what is there."""
    write_scan(tmp_path / "scan", 2 * SHOT)
    out, count, replace = tmp_path / "out" / "c_%06d.dpx", [0], os.replace

    def killed(source: Path, target: Path) -> None:
        if Path(target).parent == out.parent:
            count[0] += 1
            if count[0] == 10:
                raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "scan", out)
    monkeypatch.undo()
    assert len(state(out.parent)) == 9
    result = run(tmp_path / "scan", out)
    assert (result.resumed, result.frames) == (2 * SHOT, 2 * SHOT)
    assert len(list(out.parent.iterdir())) == 2 * SHOT


@pytest.mark.parametrize("resume", [True, False])
def test_what_is_there_stays_until_all_is_written(tmp_path: Path, resume: bool) -> None:
    """Without -y nothing is begun; with it, an error in the middle leaves the old frames as they were."""
    write_scan(tmp_path / "scan", SHOT + 6)
    out = tmp_path / "out"
    write_scan(out, SHOT + 6)
    before = state(out)
    with pytest.raises(OutputError, match=r"15 of its frames exist, reel1_086400\.dpx first\. Use -y"):
        run(tmp_path / "scan", out / "reel1_%06d.dpx")
    last = tmp_path / "scan" / f"reel1_{86400 + SHOT + 3:06d}.dpx"
    data = bytearray(last.read_bytes())
    data[800] = 9  # no longer a picture that is known: found only when it is read
    settings = RunSettings(resume=resume, **SMALL)
    whole = last.read_bytes()
    monkey = pytest.MonkeyPatch()
    monkey.setattr("vidcolor.film.sequences.reading.picture_size", lambda path: None)
    last.write_bytes(data)
    with pytest.raises(InputError, match="composite video"):
        run(tmp_path / "scan", out / "reel1_%06d.dpx", settings=settings, overwrite=True)
    monkey.undo()
    assert state(out) == before
    last.write_bytes(whole)
    result = run(tmp_path / "scan", out / "reel1_%06d.dpx", settings=settings, overwrite=True)
    assert result.frames == SHOT + 6
    assert state(out).keys() == before.keys()
    assert not (state(out).items() & before.items())
    assert not list(out.glob(".*"))


def test_the_input_is_never_written_over(tmp_path: Path) -> None:
    """Not even with -y, and by whatever way the folder is written."""
    write_scan(tmp_path / "scan", 3)
    (tmp_path / "link").symlink_to(tmp_path / "scan")
    for folder in ("scan", "link"):
        with pytest.raises(OutputError, match="it is the input itself"):
            run(tmp_path / "scan", tmp_path / folder / "reel1_%06d.dpx", overwrite=True)
