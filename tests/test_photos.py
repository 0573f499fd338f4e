"""Photos in every layout that people have, and batches that follow from their position alone."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from vidcolor.data.photos import BrokenPhotos, Photo, PhotoReader, center_crop, find_photos, random_crop, split_photos
from vidcolor.errors import DataError, InputError

Folder = Callable[..., Path]
Picture = Callable[..., NDArray[np.uint8]]


def test_photo_of_a_folder_is_decoded_as_rgb(photo_folder: Folder, picture: Picture) -> None:
    """A lossless file comes back byte for byte, red first."""
    photos = find_photos([photo_folder(count=3)])
    assert [p.path.name for p in photos] == ["000.png", "001.png", "002.png"]
    assert np.array_equal(photos[1].load(), picture(1))


def test_shard_and_folder_hold_the_same_photos(photo_folder: Folder, photo_shard: Folder) -> None:
    """Reading a byte range of a tar gives the pixels that the file gives."""
    packed, loose = find_photos([photo_shard()]), find_photos([photo_folder()])
    assert len(packed) == len(loose) == 8
    for a, b in zip(packed, loose, strict=True):
        assert np.array_equal(a.load(), b.load())
    assert packed[0].source == "source"
    assert packed[0].name == "train-000.tar:source/000.png"


def test_layouts_are_found_at_any_depth(tmp_path: Path, photo_folder: Folder, photo_shard: Folder) -> None:
    """A tree of classes, a flat folder and shards in a folder; text files and hidden clutter are no photos."""
    photo_folder("photos/val_256", 2)
    photo_folder("photos/train/a/abbey/indoor", 2, first=2)
    photo_folder("photos/train/z/zoo", 1, first=4)
    photo_shard("photos/deep-000.tar", 3)  # its loose copies lie beside it, in photos' sister
    (tmp_path / "photos" / "labels.txt").write_text("abbey 0")
    found = find_photos([tmp_path / "photos"])
    assert sum(bool(p.member) for p in found) == 3
    assert {p.source for p in found} == {"val_256", "indoor", "zoo", "source"}
    assert len(found) == 8


def test_single_files_are_photos(photo_folder: Folder) -> None:
    """A photo named directly is taken, and once if it is named twice."""
    path = photo_folder(count=1) / "000.png"
    assert find_photos([path, str(path)]) == [Photo(path)]


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 3)])
def test_crops_of_the_smallest_photos(shape: tuple[int, int]) -> None:
    """Even a line has squares."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert random_crop(np.zeros((*shape, 3), np.uint8), 32, rng).shape == (32, 32, 3)


def test_header_that_claims_too_much_is_a_broken_photo(tmp_path: Path) -> None:
    """OpenCV refuses ten thousand megapixels by an exception of its own."""
    (tmp_path / "vast.ppm").write_bytes(b"P6\n100000 100000\n255\nabc")
    with pytest.raises(DataError, match="does not decode"):
        find_photos([tmp_path])[0].load()


@pytest.mark.parametrize("suffix", [".jpg", ".JPG", ".png", ".webp", ".bmp", ".tif", ".ppm"])
def test_kinds_of_photos(tmp_path: Path, picture: Picture, suffix: str) -> None:
    """Every kind that is listed decodes, near to what was written."""
    cv2.imwrite(str(tmp_path / f"photo{suffix}"), picture(5)[..., ::-1])
    found = find_photos([tmp_path])[0].load()
    assert np.abs(found.astype(int) - picture(5)).mean() < 8  # JPEG and WebP lose a little


def test_photo_of_a_camera_held_upright_stands_upright(tmp_path: Path, picture: Picture) -> None:
    """The orientation in a photo's Exif data is followed (6: turned clockwise to be shown)."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture(0)).save(tmp_path / "photo.jpg", quality=95, exif=exif)
    found = find_photos([tmp_path])[0].load()
    assert found.shape == (64, 48, 3)
    assert np.abs(found.astype(int) - np.rot90(picture(0), -1)).mean() < 3


def test_hidden_twins_of_a_mac_are_no_photos(tmp_path: Path, photo_folder: Folder) -> None:
    """._photo.png holds no picture: neither in a folder nor in a shard is it counted as broken."""
    folder = photo_folder(count=2)
    (folder / "._000.png").write_bytes(b"Mac OS X")
    with tarfile.open(tmp_path / "photos.tar", "w") as shard:
        shard.add(folder, "photos")
    assert [p.path.name for p in find_photos([folder])] == ["000.png", "001.png"]
    assert [Path(p.member).name for p in find_photos([tmp_path / "photos.tar"])] == ["000.png", "001.png"]


def test_grey_and_deep_photos_become_rgb_of_eight_bits(tmp_path: Path) -> None:
    """A grey file has three equal channels; 16 bits are cut to 8."""
    grey = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 20
    cv2.imwrite(str(tmp_path / "deep.png"), grey)
    image = find_photos([tmp_path])[0].load()
    assert image.shape == (48, 64, 3)
    assert image.dtype == np.uint8
    assert np.ptp(image, axis=2).max() == 0
    assert np.abs(image[..., 0] - grey / 257).max() < 1.01


def test_nothing_found_says_what_would_be(tmp_path: Path) -> None:
    """An empty folder and an absent one are told apart."""
    with pytest.raises(DataError, match=r"neither pictures nor tar shards.*\.jpg"):
        find_photos([tmp_path])
    with pytest.raises(InputError, match="no such file or folder"):
        find_photos([tmp_path / "absent"])


def test_damaged_shard_is_named(tmp_path: Path) -> None:
    """A text file called .tar is one clear line."""
    (tmp_path / "train-000.tar").write_text("not a tar " * 200)
    with pytest.raises(DataError, match=r"cannot read the shard .*train-000\.tar"):
        find_photos([tmp_path])


def test_photo_that_does_not_decode_is_named(tmp_path: Path) -> None:
    """An empty file and a text file are refused by name."""
    for name, content in (("empty.jpg", b""), ("text.jpg", b"no photo")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=name):
            Photo(tmp_path / name).load()


def test_photo_that_vanishes_is_a_broken_photo(tmp_path: Path) -> None:
    """A file removed while a run goes on is refused like a damaged one."""
    with pytest.raises(DataError, match=r"gone\.jpg"):
        Photo(tmp_path / "gone.jpg").load()


def test_broken_photos_are_replaced_and_named(photo_folder: Folder) -> None:
    """A batch keeps its size when a photo does not decode, and says which it was."""
    folder = photo_folder(count=4)
    (folder / "001.png").write_bytes(b"\x89PNG but not really")
    (batch,) = PhotoReader(find_photos([folder]), batch_size=4, sizes=[32], seed=0).epoch(0)
    assert batch.rgb.shape == (4, 3, 32, 32)
    assert batch.broken == (str(folder / "001.png"),)


def test_too_many_broken_photos_stop_the_run() -> None:
    """Five in a hundred are passed over, also when they turn up every epoch; the sixth stops the run."""
    broken = BrokenPhotos(100)
    for _ in range(3):
        broken.add([f"{i}.jpg" for i in range(5)])
    assert len(broken.names) == 5
    with pytest.raises(DataError, match=r"6 of 100 photos do not decode: more than 5%, first: 0\.jpg"):
        broken.add(["5.jpg"])


def batches(folder: Path, *, epoch: int = 2, first_step: int = 0, **changes: Any) -> list[torch.Tensor]:
    options: dict[str, Any] = {"batch_size": 4, "sizes": [32, 64], "seed": 1}
    reader = PhotoReader(find_photos([folder]), **{**options, **changes})
    return [batch.rgb for batch in reader.epoch(epoch, first_step)]


def test_resuming_inside_an_epoch_gives_the_same_batches(photo_folder: Folder) -> None:
    """Batch i is the same whether the epoch began at 0 or at i: nothing has hidden state."""
    folder = photo_folder(count=16)
    whole = batches(folder)
    for first in range(1, 4):
        later = batches(folder, first_step=first)
        assert len(later) == 4 - first
        assert all(torch.equal(a, b) for a, b in zip(whole[first:], later, strict=True))


def test_epochs_and_seeds_differ(photo_folder: Folder) -> None:
    """Another epoch, or another seed, sees other crops in another order."""
    folder = photo_folder(count=8)
    a, *others = (torch.cat(batches(folder, sizes=[32], **c)) for c in ({}, {"epoch": 3}, {"seed": 2}))
    assert all(not torch.equal(a, b) for b in others)


def test_workers_give_the_same_batches(photo_folder: Folder) -> None:
    """Reading in worker processes changes nothing."""
    folder = photo_folder(count=8)
    assert all(torch.equal(a, b) for a, b in zip(batches(folder), batches(folder, workers=2), strict=True))


def test_ranks_share_each_batch_without_overlap(photo_folder: Folder) -> None:
    """The parts of two processes are together the batch of one."""
    folder = photo_folder(count=8)
    whole = batches(folder)
    first, second = (batches(folder, rank=r, ranks=2) for r in (0, 1))
    for batch, a, b in zip(whole, first, second, strict=True):
        together = torch.stack([a, b], dim=1).flatten(0, 1)  # the ranks take turns
        assert torch.equal(together, batch)


def test_every_photo_comes_once_an_epoch(tmp_path: Path) -> None:
    """An epoch is a permutation: flat photos, each of its own grey, come once each."""
    for i in range(12):
        cv2.imwrite(str(tmp_path / f"{i:02}.png"), np.full((40, 40, 3), i * 20, np.uint8))
    seen = torch.cat(batches(tmp_path, sizes=[32])).float().mean(dim=(1, 2, 3))
    assert sorted(seen.round().int().tolist()) == [i * 20 for i in range(12)]


def test_random_crops_stay_inside_and_vary(picture: Picture) -> None:
    """Crops of the smallest and the odd photo have the size asked for; sizes below are enlarged."""
    rng = np.random.default_rng(0)
    for width, height in ((2, 2), (33, 97), (640, 31)):
        assert random_crop(picture(0, width, height), 64, rng).shape == (64, 64, 3)
    crops = [random_crop(picture(0), 32, rng) for _ in range(8)]
    assert all(not np.array_equal(a, b) for a, b in pairwise(crops))


def test_crops_are_mirrored_half_of_the_time() -> None:
    """A ramp that rises to the right falls in about half of its crops."""
    ramp = np.repeat(np.arange(100, dtype=np.uint8)[None, :, None].repeat(100, 0), 3, axis=2)
    rng = np.random.default_rng(0)
    falling = sum(int(c[0, 0, 0] > c[0, -1, 0]) for c in (random_crop(ramp, 32, rng) for _ in range(200)))
    assert 70 < falling < 130


def test_center_crop_takes_the_middle() -> None:
    """The middle square of a wide picture, unscaled when it fits."""
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, 10:20] = 200
    assert center_crop(image, 10).min() == 200


def test_split_holds_out_the_share_and_is_stable(photo_folder: Folder) -> None:
    """Nothing is on both sides, nothing is lost, and the same seed holds out the same photos."""
    photos = find_photos([photo_folder(count=20)])
    train, val = split_photos(photos, 0.2, seed=3)
    assert len(val) == 4
    assert set(train).isdisjoint(val)
    assert set(train) | set(val) == set(photos)
    assert split_photos(photos, 0.2, seed=3) == (train, val)
    assert split_photos(photos, 0.2, seed=4) != (train, val)


def test_truncated_shard_is_refused(photo_shard: Folder) -> None:
    """A shard cut short in the middle of a photo is one clear line or a broken photo, never a wrong picture."""
    path = photo_shard()
    with tarfile.open(path) as shard:
        last = shard.getmembers()[-1]
    path.write_bytes(path.read_bytes()[: last.offset_data + last.size // 2])
    with pytest.raises(DataError):
        find_photos([path])[-1].load()


def test_readers_start_beside_threads_of_opencv(photo_folder: Callable[..., Path]) -> None:
    """A host that lets OpenCV use several threads, and has used them: the readers' processes do not wait for these."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(4)
    try:
        cv2.resize(np.zeros((2000, 2000, 3), np.uint8), (1000, 1000))
        photos = find_photos([photo_folder(count=8)])
        found = PhotoReader(photos, batch_size=4, sizes=(32,), seed=1, workers=2).epoch(0)
        assert len(list(found)) == 2
        assert cv2.getNumThreads() == 4
    finally:
        cv2.setNumThreads(before)
