"""Many photographs in one go: as each comes out alone, with one network, and in bounded memory."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from calls import noted
from vidcolor.errors import DeviceError
from vidcolor.network import predictor
from vidcolor.network.predictor import Predictor
from vidcolor.pipeline.batch import colorize, colorize_all
from vidcolor.pipeline.inputs import find_inputs
from vidcolor.pipeline.photos import batch as photo_batch
from vidcolor.pipeline.photos.batch import PhotographBatch
from vidcolor.pipeline.result import Job, Outcome
from vidcolor.settings import RunSettings, ShotSettings

SMALL = RunSettings(size=64, device="cpu", precision="fp32")
SIZES = [(60, 90), (90, 60), (64, 64), (61, 92), (60, 90), (50, 120), (90, 60)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven grey pictures of several shapes."""
    (tmp_path / "in").mkdir()
    for number, (height, width) in enumerate(SIZES):
        y, x = np.mgrid[:height, :width]
        grey = 128 + 100 * np.sin((x + 5 * number) / 13) * np.cos(y / 17)
        cv2.imwrite(str(tmp_path / "in" / f"{number}.png"), np.rint(grey).astype(np.uint8))
    return tmp_path / "in"


def test_photographs_come_out_as_they_do_alone(folder: Path, tmp_path: Path) -> None:
    """Whatever they share a batch with: the same picture, to a code that rounds the other way."""
    outcomes = list(colorize_all(find_inputs([folder]), tmp_path / "out", settings=SMALL))
    assert [o.status for o in outcomes] == ["done"] * len(SIZES)
    assert [o.source.name for o in outcomes] == [f"{n}.png" for n in range(len(SIZES))]
    for outcome in outcomes:
        alone = colorize(outcome.source, tmp_path / "alone.png", overwrite=True, settings=SMALL)
        pictures = [cv2.imread(str(path)).astype(int) for path in (outcome.job.output, alone.output)]
        assert np.abs(pictures[0] - pictures[1]).max() <= 1


@pytest.mark.prepares
@pytest.mark.usefixtures("one_lane")
def test_a_folder_shares_one_network(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is loaded, folded and lowered once, and asked in batches of one size; and not at all without work."""
    folds = noted(monkeypatch, predictor, "fold_batch_norms")
    forwards = noted(monkeypatch, Predictor, "_colors")
    inputs = find_inputs([folder])
    list(colorize_all(inputs, tmp_path / "out", settings=SMALL))
    assert len(folds) == 1
    batches = [call.arguments[1].shape for call in forwards]
    assert sum(shape[0] for shape in batches) == len(SIZES)
    assert len(batches) == len({shape[1:] for shape in batches}) < len(SIZES)
    assert [o.status for o in colorize_all(inputs, tmp_path / "out", settings=SMALL)] == ["skipped"] * len(SIZES)
    assert len(folds) == 1


def test_one_broken_photograph_among_others(folder: Path, tmp_path: Path) -> None:
    """It is told in its place; outputs that are there already are passed over in theirs."""
    (folder / "2.png").write_bytes(b"no picture")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "4.color.png").touch()
    outcomes = list(colorize_all(find_inputs([folder]), tmp_path / "out", settings=SMALL))
    assert [o.status for o in outcomes] == ["done", "done", "failed", "done", "skipped", "done", "done"]
    assert "cannot open" in outcomes[2].error


def test_memory_does_not_grow_with_the_number_of_photographs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading waits while as many pixels are held as may be: one picture more at most."""
    largest, most = 60 * 92 + 92, 3 * 5400
    monkeypatch.setattr(photo_batch, "IN_MEMORY", most)
    monkeypatch.setattr(photo_batch, "PIXELS", 5400)
    held: list[int] = []
    add = photo_batch._Memory.add

    def counted(self: photo_batch._Memory, pixels: int) -> None:
        add(self, pixels)
        held.append(self._held)

    monkeypatch.setattr(photo_batch._Memory, "add", counted)
    outcomes = list(colorize_all(find_inputs([folder]), tmp_path / "out", settings=SMALL))
    assert [o.status for o in outcomes] == ["done"] * len(SIZES)
    assert max(held) <= most + largest
    assert held[-1] == 0


def test_a_device_without_memory_fails_photographs_and_not_the_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is told, memory is given back, and the run ends."""

    def short(self: Predictor, *_: object, **__: object) -> None:
        raise DeviceError("cannot color on cpu", "its memory does not take one frame", "Try a smaller --size")

    monkeypatch.setattr(Predictor, "predict", short)
    monkeypatch.setattr(photo_batch, "IN_MEMORY", 6000)
    monkeypatch.setattr(photo_batch, "PIXELS", 3000)
    outcomes = list(colorize_all(find_inputs([folder]), tmp_path / "out", settings=SMALL))
    assert [o.status for o in outcomes] == ["failed"] * len(SIZES)
    assert all("does not take one frame" in o.error for o in outcomes)


def test_a_run_that_is_left_early_ends(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes only the first outcome is not kept waiting by the reader, even if that waits for room."""
    monkeypatch.setattr(photo_batch, "IN_MEMORY", 6000)
    monkeypatch.setattr(photo_batch, "PIXELS", 3000)
    shared = Predictor.load(SMALL)
    jobs = [Job(path, tmp_path / path.name) for path in sorted(folder.iterdir())]
    outcomes = PhotographBatch(lambda: shared, SMALL, ShotSettings()).colorize(iter(jobs))
    assert isinstance(next(outcomes), Outcome)
    outcomes.close()  # type: ignore[attr-defined]  # a generator, as it happens


def test_settings_of_films_are_told_with_a_photograph(folder: Path, tmp_path: Path) -> None:
    """A codec does nothing for a photograph, and that is no secret."""
    settings = RunSettings(size=64, codec="ffv1", crf=20, pix_fmt="yuv420p")
    (note,) = colorize(folder / "0.png", tmp_path / "0.png", settings=settings).notes
    assert note == "codec, crf, pix_fmt are for films: a photograph is colored without"
    assert colorize(folder / "0.png", tmp_path / "1.png", settings=SMALL).notes == ()


def test_a_file_found_twice_is_one_job(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its folder, named outright, and by another way of writing its path."""
    monkeypatch.chdir(tmp_path)
    inputs = find_inputs([folder, folder / "0.png", Path("in") / "0.png", Path("in") / ".." / "in" / "1.png"])
    assert [source.name for source, _ in inputs] == [f"{n}.png" for n in range(len(SIZES))]
    assert [o.status for o in colorize_all(inputs, settings=SMALL)] == ["done"] * len(SIZES)
