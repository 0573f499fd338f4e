"""Hostile files: whatever is flipped, cut or added, a film comes out or one clear error, and soon.

``VIDCOLOR_FUZZ=5000 pytest tests/test_fuzz.py`` tries so many instead of the usual few; ``VIDCOLOR_FUZZ_SEED`` begins
elsewhere.
"""

from __future__ import annotations

import random
from pathlib import Path

import av
import numpy as np

from attacks import outcome, survive, tries

KINDS = {
    ".mp4": "libx264", ".mkv": "ffv1", ".avi": "mjpeg", ".ts": "mpeg2video", ".webm": "libvpx", ".mov": "prores_ks",
    ".flv": "flv1", ".gif": "gif",
}  # fmt: skip


def write_seed(path: Path, codec: str) -> None:
    """A small film with sound where the container takes some."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif" if codec == "gif" else "flv" if codec == "flv1" else codec, rate=25)
        formats = [f.name for f in stream.codec_context.codec.video_formats or ()]
        stream.width, stream.height = 48, 32
        first_choice = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.pix_fmt = next(f for f in (first_choice, "yuv422p10le", "rgb8") if f in formats)
        sound = None
        if path.suffix not in (".gif", ".webm"):
            sound = container.add_stream("mp2" if path.suffix in (".ts", ".avi", ".mkv") else "aac", rate=44100)
            sound.layout = "mono"
        for i in range(8):
            values = np.random.default_rng(i).integers(0, 255, (32, 48, 3), dtype=np.uint8)
            picture = av.VideoFrame.from_ndarray(values, format="rgb24").reformat(format=stream.pix_fmt)
            picture.pts = i
            container.mux(stream.encode(picture))
        if sound:
            size = sound.codec_context.frame_size or 1152
            for k in range(6):
                layout = {"format": sound.codec_context.format.name, "layout": "mono"}
                block = av.AudioFrame.from_ndarray(np.zeros((1, size), _KIND[layout["format"]]), **layout)
                block.sample_rate, block.pts = 44100, k * size
                container.mux(sound.encode(block))
            container.mux(sound.encode(None))
        container.mux(stream.encode(None))


_KIND = {"fltp": np.float32, "flt": np.float32, "s16": np.int16, "s16p": np.int16}


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A file with a few bytes flipped, a piece cut out, doubled or filled, or its end gone."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 2, 4, 16, 64))):
        place = chance.randrange(len(changed))
        if chance.random() < 0.4:
            place = min(place, chance.randrange(600))  # headers are where it hurts
        match chance.randrange(6):
            case 0 | 1 | 2:
                changed[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            case 3:
                del changed[place : place + chance.randrange(1, 40)]
            case 4:
                changed[place:place] = changed[place : place + chance.randrange(1, 40)]
            case _:
                length = chance.randrange(1, 8)
                changed[place : place + length] = bytes([chance.choice((0, 0xFF))] * length)
        if len(changed) < 16:
            break
    if chance.random() < 0.15:
        del changed[chance.randrange(len(changed)) :]
    return bytes(changed)


def attack(folder: Path, first: int, count: int) -> None:
    """Try mutations in this process; prints the number of each before it begins."""
    from rewriting import rewrite

    seeds = []
    for suffix, codec in KINDS.items():
        path = folder / f"seed{suffix}"
        write_seed(path, codec)
        seeds.append((suffix, path.read_bytes()))
    for number in range(first, first + count):
        chance = random.Random(number)
        suffix, data = seeds[number % len(seeds)]
        path = folder / f"mutant{suffix}"
        path.write_bytes(mutated(data, chance))
        with outcome(number, folder / "out.mkv"):
            rewrite(path, folder / "out.mkv", duration=60.0)


def test_mutations(tmp_path: Path) -> None:
    """No traceback, no hang, no crash of the process, nothing left behind."""
    survive("test_fuzz", tmp_path, tries(200))


def test_mutations_differ() -> None:
    """The attack changes what it is given, and seeds give other changes."""
    data = bytes(range(256)) * 8
    assert len({mutated(data, random.Random(n)) for n in range(50)} | {data}) == 51
