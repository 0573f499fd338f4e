"""Photos for training and evaluation: folders, single files and tar shards, cut into random squares.

Nothing here has a state: the photo order of an epoch, the crop of a photo and every batch follow from
(seed, epoch, position) alone. So an interrupted run goes on exactly where it stopped, and worker
processes need no common generator.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from vidcolor.color.arrays import RgbImage
from vidcolor.data.frame_folder import ABOUT, CONTACT
from vidcolor.errors import DataError, InputError, reason
from vidcolor.files import PHOTOS, SHARDS, has_suffix, is_photo, named_files
from vidcolor.film.images.reading import read_image
from vidcolor.film.prefetch import one_cv2_thread

_BY_OPENCV = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".webp"})  # what it decodes right, and fastest
MAX_BROKEN = 0.05  # the share of unreadable photos above which a run stops


@dataclass(frozen=True)
class Photo:
    """Where one encoded photo lies: a whole file, or a byte range of a tar shard."""

    path: Path
    offset: int = 0
    length: int = -1
    member: str = ""

    @property
    def name(self) -> str:
        """Return the path of the photo, or the name of its shard and its own name there."""
        return f"{self.path.name}:{self.member}" if self.member else str(self.path)

    @property
    def source(self) -> str:
        """Return the folder that the photo lies in: data sets put their classes or origins there."""
        return Path(self.member).parent.name if self.member else self.path.parent.name

    @property
    def split(self) -> str:
        """Return "train" or "val" for a frame that was extracted from a film, "" for any other photo."""
        return self.path.parent.name if not self.member and _is_frame_folder(self.path.parent.parent) else ""

    def load(self) -> RgbImage:
        """Return the photo as sRGB, ``(H, W, 3)``.

        Raises:
            DataError: the file does not decode, or is gone.
        """
        if not self.member and not has_suffix(self.path, _BY_OPENCV):
            return _of_rarer_kind(self.path)
        try:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                data = np.frombuffer(file.read(self.length), np.uint8)
        except OSError as error:
            what = f"cannot read the photo {self.name}"
            raise DataError(what, reason(error), "Keep the data until the run ends") from error
        try:
            image: RgbImage | None = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if data.size else None
        except cv2.error:  # a header that claims more pixels than OpenCV takes
            image = None
        if image is None:
            raise DataError(f"cannot read the photo {self.name}", "it does not decode", "Remove it")
        return image


def _of_rarer_kind(path: Path) -> RgbImage:
    try:
        pixels = read_image(path).as_shown(8).pixels
    except InputError as error:
        raise DataError(f"cannot read the photo {path}", error.why, "Remove it") from error
    return np.ascontiguousarray(np.broadcast_to(pixels[..., None], (*pixels.shape, 3)) if pixels.ndim == 2 else pixels)


def _photos_in_shard(path: Path) -> list[Photo]:
    """Index a tar file; the bytes stay where they are."""
    try:
        with tarfile.open(path, "r:") as shard:
            return [
                Photo(path, member.offset_data, member.size, member.name)
                for member in shard
                if member.isfile() and is_photo(member.name) and not Path(member.name).name.startswith(".")
            ]
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"cannot read the shard {path}", str(error), "Shards are uncompressed tar files") from error


def find_photos(paths: Sequence[Path | str]) -> list[Photo]:
    """Return the photos in folders and shards, and the photo files themselves, sorted, each once.

    Folders are searched at any depth for photos and shards, which covers the layouts of Places365 (a
    tree of classes, or one flat folder) and of WebDataset.

    Raises:
        DataError: nothing at all was found; InputError: a path is absent.
    """
    photos = search_photos(paths)
    if not photos:
        raise DataError(
            f"no photos in {', '.join(map(str, paths))}",
            "neither pictures nor tar shards were found",
            f"Supported: {' '.join(sorted(PHOTOS | SHARDS))}",
        )
    return photos


def search_photos(paths: Sequence[Path | str]) -> list[Photo]:
    """Return the photos as :func:`find_photos` does; there may be none."""
    photos: list[Photo] = []
    for file in named_files(paths, PHOTOS | SHARDS):
        if has_suffix(file, SHARDS):
            photos += _photos_in_shard(file)
        elif is_photo(file) and not _is_contact_sheet(file):
            photos.append(Photo(file))
    return photos


def _is_contact_sheet(path: Path) -> bool:
    return path.name == CONTACT and _is_frame_folder(path.parent)


@lru_cache(maxsize=1024)  # asked for every photo
def _is_frame_folder(folder: Path) -> bool:
    """Return whether extracted frames lie in a folder."""
    return (folder / ABOUT).is_file()


@dataclass
class BrokenPhotos:
    """Counts the photos that did not decode, and stops a run that has too many of them."""

    total: int
    names: set[str] = field(default_factory=set)

    def add(self, names: Sequence[str]) -> None:
        """Count photos that did not decode, each once.

        Raises:
            DataError: there are too many of them.
        """
        self.names.update(names)
        if len(self.names) > max(MAX_BROKEN * self.total, 1):
            raise DataError(
                f"{len(self.names)} of {self.total} photos do not decode",
                f"more than {MAX_BROKEN:.0%}, first: {sorted(self.names)[0]}",
                "Repair or remove them",
            )


def random_crop(
    image: RgbImage, size: int, rng: np.random.Generator, *, smallest: float = 0.6, mirror: bool = True
) -> RgbImage:
    """Return a random square of ``smallest`` to 1 times the short side, scaled to ``size``, half of them mirrored."""
    height, width = image.shape[:2]
    side = max(1, round(min(height, width) * rng.uniform(smallest, 1.0)))
    top = int(rng.integers(0, height - side + 1))
    left = int(rng.integers(0, width - side + 1))
    crop = image[top : top + side, left : left + side]
    if rng.random() < 0.5 and mirror:
        crop = crop[:, ::-1]
    return _square(crop, size)


def center_crop(image: RgbImage, size: int) -> RgbImage:
    """Return the middle square, scaled to ``size``."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return _square(image[top : top + side, left : left + side], size)


def _square(crop: RgbImage, size: int) -> RgbImage:
    how = cv2.INTER_AREA if len(crop) > size else cv2.INTER_LINEAR
    square: RgbImage = cv2.resize(crop, (size, size), interpolation=how)
    return square


@dataclass(frozen=True)
class Batch:
    """Photos as ``(N, 3, H, W)`` uint8 sRGB, and the names of those that did not decode (and were replaced)."""

    rgb: Tensor
    broken: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Order:
    """What a batch is to be made of: an epoch's number, a crop size in pixels, and numbers of photos."""

    epoch: int
    size: int
    photos: NDArray[np.int64]


class _Batches(Dataset[Batch]):
    """Makes the batch of an order, whole, in one worker."""

    def __init__(
        self,
        photos: Sequence[Photo],
        seed: int,
        crop: Callable[[RgbImage, int, np.random.Generator], RgbImage],
    ) -> None:
        self.photos, self.seed, self.crop = photos, seed, crop

    def __getitem__(self, order: _Order) -> Batch:
        crops, broken = [], []
        for index in order.photos:
            rng = np.random.default_rng((self.seed, order.epoch, int(index)))
            try:
                crops.append(self.crop(self.photos[index].load(), order.size, rng))
            except DataError:
                broken.append(self.photos[index].name)
        if not crops:
            raise DataError(f"a whole batch of {len(order.photos)} photos does not decode", broken[0], "Check the data")
        for i in range(len(broken)):  # a batch keeps its size: repeat what did decode
            crops.append(crops[i % len(crops)])
        return Batch(torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).contiguous(), tuple(broken))


class _Orders(Sampler[_Order]):
    """The orders of the epoch that is read next."""

    def __init__(self) -> None:
        self.orders: list[_Order] = []

    def __iter__(self) -> Iterator[_Order]:
        return iter(self.orders)

    def __len__(self) -> int:
        return len(self.orders)


class PhotoReader:
    """Reads random squares of photos in batches, in every epoch with the same worker processes.

    Args:
        batch_size: Photos a step over all ranks together.
        sizes: Each batch takes one of these crop sizes at random (pixels).
        smallest_crop, mirror: As for random_crop.
        part: Of each batch that is read, as one over this number; the other photos of the epoch are passed over.
        workers: Processes that read; 0 reads in this one.
        rank, ranks: This process's part of every batch.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        *,
        batch_size: int,
        sizes: Sequence[int],
        seed: int,
        smallest_crop: float = 0.6,
        mirror: bool = True,
        part: int = 1,
        workers: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self._count, self._batch_size, self._sizes, self._seed = len(photos), batch_size, sizes, seed
        self._read, self._rank, self._ranks = batch_size // part, rank, ranks
        self._orders = _Orders()
        self._loader = DataLoader(
            _Batches(photos, seed, partial(random_crop, smallest=smallest_crop, mirror=mirror)),
            batch_size=None,
            sampler=self._orders,
            num_workers=workers,
            pin_memory=torch.cuda.is_available(),
            prefetch_factor=4 if workers else None,
            persistent_workers=bool(workers),
            worker_init_fn=_begin_worker,
        )

    def epoch(self, number: int, first_step: int = 0) -> Iterator[Batch]:
        """Return the batches of an epoch, from ``first_step`` on."""
        order = np.random.default_rng((self._seed, number)).permutation(self._count)
        steps = self._count // self._batch_size
        chosen = np.random.default_rng((self._seed, number, 1)).choice(np.asarray(self._sizes), steps)
        self._orders.orders = [
            _Order(number, int(chosen[s]), order[start : start + self._read][self._rank :: self._ranks])
            for s, start in ((s, s * self._batch_size) for s in range(first_step, steps))
        ]
        # A process that is forked while OpenCV has threads of its own waits forever for them: they are not in the copy.
        with one_cv2_thread():
            return iter(self._loader)


def _begin_worker(worker: int) -> None:
    """Leave the group of processes.

    Ctrl-C and schedulers signal a whole group, and a reader that dies of it would take the run along.
    """
    os.setpgrp()


def spread(photos: Sequence[Photo], limit: int) -> list[Photo]:
    """Return at most ``limit`` photos (0: all), evenly over the list, so that every folder has its share."""
    if not limit or limit >= len(photos):
        return list(photos)
    return [photos[i * len(photos) // limit] for i in range(limit)]


def split_photos(photos: Sequence[Photo], share: float, seed: int) -> tuple[list[Photo], list[Photo]]:
    """Hold a share of the photos out for validation: (training, validation)."""
    held = set(np.random.default_rng((seed, 2)).permutation(len(photos))[: max(1, round(share * len(photos)))].tolist())
    return (
        [p for i, p in enumerate(photos) if i not in held],
        [p for i, p in enumerate(photos) if i in held],
    )
