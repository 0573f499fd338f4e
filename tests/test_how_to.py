"""The how-tos: every command in them runs, in their order, on a small film; their pictures are there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from networks import let_color
from vidcolor.cli.app import main
from vidcolor.network.build import build_network
from vidcolor.network.checkpoint import save_model
from vidcolor.network.config import NetworkConfig
from walkthrough import PAGES, ROOT, Step, pictures, steps

RATE, LENGTH = 5, 10  # frames a second, and of each of five shots: ten seconds, as in the reel
SIZE = 288, 432  # pixels, width and height: as small as the places in the pages allow
NET = NetworkConfig(encoder="test_efficientnet", encoder_options={}, embedding=8, fusion=8, decoder=(8, 8, 8), size=64)


def frame_of(shot: int, number: int) -> NDArray[np.uint8]:
    """A drifting pattern of its own, grey, uint8."""
    spots = np.random.default_rng(10 + shot).random((9, 9))
    pattern = cv2.resize(spots, (SIZE[0] + 20, SIZE[1]), interpolation=cv2.INTER_CUBIC)
    codes = 20 + 25 * shot + 110 * pattern[:, number : number + SIZE[0]]
    luma: NDArray[np.uint8] = np.rint(np.clip(codes, 16, 235)).astype(np.uint8)
    return luma


def write_reel(path: Path) -> None:
    """Five shots with sound: what samples/reel.mp4 is in the pages, at a fifth of its frames."""
    neutral = np.full((SIZE[1] // 2, SIZE[0]), 128, np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        (stream.width, stream.height), stream.pix_fmt = SIZE, "yuv420p"
        sound = container.add_stream("aac", rate=8000, layout="mono")
        for count in range(5 * LENGTH):
            codes = np.concatenate([frame_of(*divmod(count, LENGTH)), neutral])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(codes, format="yuv420p")))
            tone = np.sin(np.arange(8000 // RATE) / 5, dtype=np.float32)[None]
            block = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = 8000, count * 8000 // RATE, Fraction(1, 8000)
            container.mux(sound.encode(block))
        container.mux(stream.encode(None))
        container.mux(sound.encode(None))


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader has at first, and a network that hardly has colors of its own."""
    folder = tmp_path_factory.mktemp("begin")
    write_reel(folder / "reel.mp4")
    colors = np.random.default_rng(9).random((3, 4, 3)).astype(np.float32)
    cup = (
        cv2.cvtColor(frame_of(2, 0)[:, 60:], cv2.COLOR_GRAY2RGB) * 0.6
        + cv2.resize(colors, (SIZE[0] - 60, SIZE[1])) * 90
    )
    cv2.imwrite(str(folder / "cup.jpg"), cup)
    painted = cv2.cvtColor(frame_of(2, 0), cv2.COLOR_GRAY2RGB) * 0.8 + np.array([0, 20, 40])
    cv2.imwrite(str(folder / "painted.png"), painted)
    torch.manual_seed(0)
    config = NET.with_(hints=8)
    network = build_network(config)
    let_color(network, std=0.1)
    save_model(folder / "small.safetensors", network, config)
    return folder


@pytest.fixture
def reader(begin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a reader who begins a page."""
    for name in ("reel.mp4", "cup.jpg", "painted.png"):
        os.link(begin / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VIDCOLOR_MODEL", str(begin / "small.safetensors"))
    monkeypatch.setenv("VIDCOLOR_DEVICE", "cpu")
    return tmp_path


def take(step: Step, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what a page says: it must succeed, and what it names with -o must be there."""
    if step.table:
        step.write(folder)
        return
    monkeypatch.setattr("sys.argv", ["vidcolor", *step.command])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert not stopped.value.code, step.command
    if "-o" in step.command and "--dry-run" not in step.command:
        made = step.command[step.command.index("-o") + 1]
        assert list(folder.glob(made.replace("%06d", "*").replace("%03d", "*"))), step.command


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


DRESS = ROOT / "docs" / "how-to-dress.md"


@pytest.mark.parametrize("page", [page for page in PAGES if page != DRESS], ids=lambda page: page.stem)
def test_every_command_runs(page: Path, reader: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first to the last, in one folder; each page stands for at least five."""
    told = list(steps(page))
    assert len(told) >= 5
    for step in told:
        take(step, reader, monkeypatch)


def test_a_dress_is_mended_as_the_page_says(reader: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command runs; after the second run, packets of this shot have changed and none of the others."""
    monkeypatch.setattr("vidcolor.pipeline.segments.cutting.LISTED", 4)
    made, seen = reader / "reel.color.mp4", []
    for step in steps(DRESS):
        take(step, reader, monkeypatch)
        if step.command[:1] == ("colorize",):
            seen.append(packets(made))
    first, second = seen
    changed = [number for number, (one, other) in enumerate(zip(first, second, strict=True)) if one != other]
    assert changed
    assert {*changed} <= {*range(LENGTH, 2 * LENGTH)}


def test_pictures_are_there_and_small() -> None:
    """Each page shows at least one, and the front page leads to all pages."""
    front = (ROOT / "README.md").read_text()
    for page in PAGES:
        shown = pictures(page)
        assert shown
        for picture in shown:
            assert picture.is_file(), picture
            assert picture.stat().st_size < 400_000, picture
        assert f"docs/{page.name}" in front


@pytest.fixture(autouse=True)
def _quietly(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    capsys.readouterr()
