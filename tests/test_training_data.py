"""What a run learns from: photos and films in any mixture, and nothing that is held out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.data import astronaut, coffee, rocket

from vidcolor.data.extraction import extract
from vidcolor.data.photos import find_photos
from vidcolor.errors import DataError, InputError
from vidcolor.network.config import NetworkConfig
from vidcolor.settings import TrainSettings
from vidcolor.training.data import gather
from vidcolor.training.train import train

Folder = Callable[..., Path]


def write_film(path: Path, *photos: NDArray[np.uint8]) -> Path:
    """A second of each photograph, the camera moving a little."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for photo in photos:
            wide = cv2.resize(photo, (152, 96), interpolation=cv2.INTER_AREA)
            for i in range(25):
                picture = np.ascontiguousarray(wide[:, i // 2 : i // 2 + 128])
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def run(
    data: list[Path], folder: Path, val: tuple[Path, ...] = (), share: float = 0.25
) -> tuple[list[str], list[str], list[str]]:
    """Names of training and validation photos, and what was reported."""
    lines: list[str] = []
    photos, held_out = gather(data, val, folder, share=share, seed=0, report=lines.append)
    return [p.path.name for p in photos], [p.path.name for p in held_out], lines


def test_photos_alone_are_split_by_share(tmp_path: Path, photo_folder: Folder) -> None:
    """Without films nothing is extracted, and a share of the photos is held out."""
    train, val, lines = run([photo_folder(count=8)], tmp_path / "run")
    assert (len(train), len(val), lines) == (6, 2, [])
    assert not (tmp_path / "run").exists()


def test_film_is_a_source_of_photos(tmp_path: Path) -> None:
    """A film named as data is extracted into the run's folder, its held-out shot validates."""
    film = write_film(tmp_path / "film.mp4", astronaut(), coffee(), rocket())
    train, val, lines = run([film], tmp_path / "run")
    assert {name.split("-")[1] for name in train} == {"0001", "0003"}
    assert {name.split("-")[1] for name in val} == {"0002"}
    assert "extracted" in lines[-1]
    assert (tmp_path / "run" / "footage" / "contact.png").is_file()


def test_extraction_happens_once_a_run(tmp_path: Path) -> None:
    """Resuming takes the frames that lie there, the same ones."""
    film = write_film(tmp_path / "film.mp4", astronaut(), coffee())
    first = run([film], tmp_path / "run")
    again = run([film], tmp_path / "run")
    assert again[:2] == first[:2]
    assert again[2] == [f"taking the frames that lie in {tmp_path / 'run' / 'footage'}"]


def test_films_among_photos(tmp_path: Path, photo_folder: Folder) -> None:
    """A folder that holds both gives both; each kind holds out its own."""
    folder = photo_folder("mixed", 8)
    write_film(folder / "deep" / "film.mkv", astronaut(), coffee())
    train, val, _ = run([folder], tmp_path / "run")
    assert sum(name.endswith(".png") for name in train) == 6
    assert sum(name.endswith(".png") for name in val) == 2
    assert any(name.startswith("film-0001") for name in train)
    assert any(name.startswith("film-0002") for name in val)


def test_extracted_frames_named_as_data_keep_their_sides(tmp_path: Path) -> None:
    """Training on a folder of extracted frames never sees what is held out there, nor the contact sheet."""
    film = write_film(tmp_path / "film.mp4", astronaut(), coffee(), rocket())
    extract([film], tmp_path / "frames")
    assert "contact.png" not in {p.path.name for p in find_photos([tmp_path / "frames"])}
    train, val, _ = run([tmp_path / "frames"], tmp_path / "run")
    for side, names in (("train", train), ("val", val)):
        assert sorted(names) == sorted(p.name for p in (tmp_path / "frames" / side).iterdir())
    train, val, _ = run([tmp_path / "frames"], tmp_path / "run", (tmp_path / "frames" / "val",))
    assert {name.split("-")[1] for name in train} == {"0001", "0003"}
    assert {name.split("-")[1] for name in val} == {"0002"}


def test_film_for_validation_is_held_out_whole(tmp_path: Path, photo_folder: Folder) -> None:
    """All shots of a film named with --val validate, none of them trains."""
    film = write_film(tmp_path / "film.mp4", astronaut(), coffee())
    train, val, _ = run([photo_folder(count=4)], tmp_path / "run", (film,))
    assert all(name.endswith(".png") for name in train)
    assert len(train) == 4
    assert {name.split("-")[1] for name in val} == {"0001", "0002"}


def test_single_shot_is_split_by_frames_and_says_so(tmp_path: Path) -> None:
    """One shot cannot be held out from itself: other frames of it validate, told in words."""
    film = write_film(tmp_path / "film.mp4", astronaut())
    extract([film], tmp_path / "frames")
    for number in range(3):  # more of the same shot
        source = next((tmp_path / "frames" / "train").iterdir())
        source.with_name(f"more-{number}.jpg").write_bytes(source.read_bytes())
    train, val, lines = run([tmp_path / "frames"], tmp_path / "run")
    assert len(train) + len(val) >= 4
    assert val
    assert "the footage holds nothing out" in lines[-1]


def test_network_is_trained_on_a_film(tmp_path: Path) -> None:
    """From a film to a checkpoint in one call; the epoch is validated on the shot that was held out."""
    film = write_film(tmp_path / "film.mp4", astronaut(), coffee(), rocket())
    network = NetworkConfig(encoder="test_resnet", encoder_options={}, embedding=8, fusion=8, decoder=(8, 8), size=64)
    settings = TrainSettings(epochs=1, batch_size=2, sizes=(64,))
    result = train([film], tmp_path / "run", network=network, settings=settings)
    assert result.checkpoint.is_file()
    assert result.scores is not None
    assert result.scores.psnr_grey > 0


def test_bad_data_is_one_line(tmp_path: Path) -> None:
    """Nothing at all, a text file, an absent path, and a run among its own data."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"nor films were found.*\.mp4"):
        run([tmp_path / "empty"], tmp_path / "run")
    (tmp_path / "notes.doc").write_text("no film " * 99)
    with pytest.raises(InputError, match=r"cannot open .*notes\.doc"):
        run([tmp_path / "notes.doc"], tmp_path / "run")
    with pytest.raises(InputError, match="no such file or folder"):
        run([tmp_path / "absent"], tmp_path / "run")
    with pytest.raises(DataError, match="whose pictures are the data"):
        run([tmp_path], tmp_path / "run")


def test_old_film_among_photos_does_no_harm(tmp_path: Path, photo_folder: Folder) -> None:
    """Grey or damaged films are warnings where there are photos to learn from."""
    data = photo_folder(count=8)
    write_film(data / "grey.mkv", np.full((90, 120, 3), 90, np.uint8))
    train, val, lines = run([data], tmp_path / "run")
    assert (len(train), len(val)) == (6, 2)
    assert any(line.startswith("warning: no frame of 1 films is worth keeping") for line in lines)
    (data / "damaged.mkv").write_bytes(b"no film " * 99)
    (data / "grey.mkv").unlink()
    assert any("damaged.mkv" in line for line in run([data], tmp_path / "other")[2])


def test_other_processes_wait_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under torchrun one process extracts; the others take its frames."""
    film = write_film(tmp_path / "film.mp4", astronaut(), coffee())
    monkeypatch.setenv("RANK", "1")
    found: list[tuple[list[str], list[str], list[str]]] = []
    second = threading.Thread(target=lambda: found.append(run([film], tmp_path / "run")))
    second.start()
    time.sleep(0.2)
    assert second.is_alive()
    monkeypatch.setenv("RANK", "0")
    first = run([film], tmp_path / "run")
    second.join(timeout=30)
    assert found[0][:2] == first[:2]
