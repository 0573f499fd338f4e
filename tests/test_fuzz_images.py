"""Hostile pictures: whatever is flipped, cut or added in a photograph or a DPX header, it comes out or one clear error.

``VIDCOLOR_FUZZ=5000 pytest tests/test_fuzz_images.py`` tries so many instead of the usual few; ``VIDCOLOR_FUZZ_SEED``
begins elsewhere.
"""

from __future__ import annotations

import random
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np

from attacks import outcome, survive, tries


def make_seeds(folder: Path) -> list[Path]:
    """Small pictures of every format, with metadata and profiles, and DPX of several packings."""
    import imagecodecs
    import tifffile

    from test_dpx import header
    from test_images_writing import XMP, camera_exif
    from tones import profile_of, seeds
    from vidcolor.film.images.bitpacking import Packing
    from vidcolor.film.images.image import Image
    from vidcolor.film.images.metadata import Metadata
    from vidcolor.film.images.writing import write_image

    seeds(folder)
    rng = np.random.default_rng(0)
    values = rng.integers(0, 65536, (24, 40, 3)).astype(np.uint16)
    grey = np.ascontiguousarray(values[..., 0])
    rich = Image(values, 16, grey, metadata=Metadata(camera_exif(6), XMP, (300, 300)))
    for name in ("m.png", "n.tif", "o.jp2"):
        write_image(folder / name, rich)
    shown = replace(rich.as_shown(8), alpha=None)
    for name in ("p.jpg", "q.webp", "r.heic", "s.avif"):
        write_image(folder / name, shown)
    tifffile.imwrite(folder / "t.tif", grey, photometric="miniswhite", iccprofile=profile_of(1.8), tile=(16, 16))
    tifffile.imwrite(folder / "u.tif", values, photometric="rgb", compression="zstd", bigtiff=True)
    (folder / "v.png").write_bytes(imagecodecs.png_encode(grey))
    for number, (bits, method, descriptor) in enumerate([(10, 1, 50), (10, 2, 6), (12, 0, 50), (16, 0, 51), (8, 0, 6)]):
        channels = {6: 1, 50: 3, 51: 4}[descriptor]
        codes = rng.integers(0, 1 << bits, (8, 35, channels)).astype(np.uint16)
        stored = Packing(bits, method, channels, number % 2 == 0).pack(codes).tobytes()
        head = header(35, 8, bits, descriptor, method, "><"[number % 2])
        (folder / f"w{number}.dpx").write_bytes(head + stored)
    return sorted(folder.iterdir())


def mutated(data: bytes, chance: random.Random, dpx: bool) -> bytes:
    """A picture mutated as films are; in DPX files mostly the fields of the header that tell of pixels."""
    from test_fuzz import mutated as anyhow

    if not dpx or chance.random() < 0.3:
        return anyhow(data, chance)
    changed = bytearray(data)
    for _ in range(chance.choice((1, 2, 4))):
        place = chance.choice((4, 768, 770, 772, 776, 780, 800, 801, 803, 804, 806, 808, 812, 1628, 1724, 1920, 1940))
        value = chance.choice((0, 1, 2, 255, 0x7FFFFFFF, 0xFFFFFFFF, chance.randrange(1 << 32), chance.randrange(4096)))
        form = chance.choice("BHI")
        struct.pack_into(chance.choice("<>") + form, changed, place, value & ((1 << 8 * struct.calcsize(form)) - 1))
    return bytes(changed)


def attack(folder: Path, first: int, count: int) -> None:
    """Try mutations in this process; prints the number of each before it begins."""
    from vidcolor.film.images.reading import read_image
    from vidcolor.film.images.writing import losses, suffix_for, write_image

    (folder / "seeds").mkdir()
    seeds = [(path, path.read_bytes()) for path in make_seeds(folder / "seeds")]
    read = 0
    for number in range(first, first + count):
        chance = random.Random(number)
        path, data = seeds[number % len(seeds)]
        mutant = folder / f"mutant{path.suffix}"
        mutant.write_bytes(mutated(data, chance, path.suffix == ".dpx"))
        output = folder / f"out{suffix_for(mutant)}"
        with outcome(number, output):
            image = read_image(mutant)
            losses(output, image)
            luma = image.luma()
            assert image.frame(luma).luma.shape == luma.shape
            write_image(output, replace(image, pixels=np.repeat(luma[..., None], 3, axis=2)))
            read += 1
    assert count < 100 or 0.05 < read / count < 0.95  # neither blind nor strangled


def test_mutated_pictures(tmp_path: Path) -> None:
    """No traceback, no hang, no crash of the process, nothing said by libraries, nothing left behind."""
    assert survive("test_fuzz_images", tmp_path, tries(120)) == ""
