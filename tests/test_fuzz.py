"""Hostile files: whatever is flipped, cut or added, a film comes out or one clear error, and soon.

``VIDCOLOR_FUZZ=5000 pytest tests/test_fuzz.py`` tries so many instead of the usual few; ``VIDCOLOR_FUZZ_SEED`` begins
elsewhere.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from attacks import MANY, outcome, survive, tries
from beats import write_beats

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


def with_another_clock(data: bytes, chance: random.Random) -> bytes:
    """A film whose times are wrong: of packets in transport and program streams, of streams in the headers of AVI."""
    changed = bytearray(data)
    if data.startswith(b"RIFF"):
        heads = [place for place in range(len(data) - 56) if data[place : place + 4] == b"strh"]
        for head in chance.sample(heads, chance.randrange(1, len(heads) + 1)):
            field = 8 + chance.choice(
                (16, 20, 24, 28, 32, 44)
            )  # priority, frames, scale, rate, start, length, sample size
            value = chance.choice(
                (0, 1, 2, 25, 0x7FFFFFFF, 0xFFFFFFFF, chance.randrange(1 << 32), chance.randrange(5000))
            )
            struct.pack_into("<I", changed, head + field, value)
        return bytes(changed)
    starts = [n for n in range(len(data) - 14) if data[n : n + 3] == b"\0\0\1" and 0xC0 <= data[n + 3] <= 0xEF]
    for place in chance.sample(starts, min(len(starts), chance.choice((1, 2, 8, 64)))):
        changed[place + 7] = chance.choice((data[place + 7], 0x80, 0xC0, 0x00))
        time = chance.choice((0, (1 << 33) - 1, chance.randrange(1 << 33), chance.randrange(1 << 20)))
        top, middle, low = time >> 30, (time >> 15) & 0x7FFF, time & 0x7FFF
        struct.pack_into(">BHH", changed, place + 9, 0x21 | top << 1, middle << 1 | 1, low << 1 | 1)
    return bytes(changed)


def clocked_seeds(folder: Path) -> list[tuple[str, bytes]]:
    """Films whose clocks want care: two reels joined in a transport and a program stream, and an AVI that counts."""
    found = []
    for suffix in (".ts", ".vob"):
        reels = [write_beats(folder / f"{n}{suffix}", 0.6, sounds=("mp2",), picture="mpeg2video") for n in (1, 2)]
        found.append((suffix, b"".join(reel.read_bytes() for reel in reels)))
    film = write_beats(folder / "seed.avi", 0.6, sounds=("pcm_s16le", "ac3", "adpcm_ms"))
    return [*found, (".avi", film.read_bytes())]


def attack(folder: Path, first: int, count: int) -> None:
    """Try mutations in this process; prints the number of each before it begins."""
    from rewriting import rewrite

    (folder / "seeds").mkdir()
    seeds: list[tuple[str, bytes, Callable[[bytes, random.Random], bytes]]] = []
    for suffix, codec in KINDS.items():
        path = folder / "seeds" / f"seed{suffix}"
        write_seed(path, codec)
        seeds.append((suffix, path.read_bytes(), mutated))
    for suffix, data in clocked_seeds(folder / "seeds"):
        seeds += [(suffix, data, way) for way in (with_another_clock, mutated)]
    for number in range(first, first + count):
        chance = random.Random(number)
        suffix, data, way = seeds[number % len(seeds)]
        path, output = folder / f"mutant{suffix}", folder / chance.choice(("out.mkv", "out.mkv", "out.avi", "out.mov"))
        path.write_bytes(way(data, chance))
        with outcome(number, output):
            rewrite(path, output, duration=60.0)


class Scan:
    """A numbered sequence of DPX frames, which mutations tear holes into."""

    def __init__(self, folder: Path) -> None:
        from test_dpx import header
        from vidcolor.film.images.bitpacking import Packing

        folder.mkdir()
        self.folder = folder
        codes = np.random.default_rng(0).integers(0, 1 << 10, (8, 35, 1)).astype(np.uint16)
        self.data = header(35, 8, 10, 6, 1, ">") + Packing(10, 1, 1, True).pack(codes).tobytes()

    def mutate(self, chance: random.Random) -> str:
        """Lay the files out anew, some of them damaged, missing, doubled or of other names; return how it is named."""
        from test_fuzz_images import mutated as damaged

        for file in self.folder.iterdir():
            file.unlink()
        for number in range(chance.choice((0, 1, 2, 7)), 9):
            kind = chance.randrange(12)
            name = f"f_{number:0{chance.choice((4, 4, 4, 4, 5)) if kind == 0 else 4}d}.dpx"
            data = damaged(bytes(self.data), chance, True) if kind in (1, 2) else b"" if kind == 3 else self.data
            if kind != 4:
                (self.folder / name).write_bytes(data)
        return chance.choice(
            ("", "f_%04d.dpx", "f_%d.dpx", "f_[0002-0006].dpx", "f_[6-2].dpx", "*.dpx", "f_[0-99999].dpx")
        )


def attack_sequences(folder: Path, first: int, count: int) -> None:
    """Read sequences with holes and damaged headers; prints the number of each before it begins."""
    from fractions import Fraction

    from vidcolor.film.reader import frames, open_video

    scan, output = Scan(folder / "scan"), folder / "out.txt"
    for number in range(first, first + count):
        chance = random.Random(number)
        name = scan.mutate(chance)
        with outcome(number, output), open_video(scan.folder / name, fps=Fraction(24)) as video:
            start = chance.choice((0.0, 0.0, 0.1, 7.0))
            output.write_text(str(sum(frame.luma.size for frame in frames(video, start))))


@MANY
def test_mutations(tmp_path: Path, count: int) -> None:
    """No traceback, no hang, no crash of the process, nothing left behind."""
    survive("test_fuzz", tmp_path, tries(count))


@MANY
def test_mutated_sequences(tmp_path: Path, count: int) -> None:
    """Holes, damaged headers, other names: the frames come, or one clear line."""
    survive("test_fuzz", tmp_path, tries(count), "attack_sequences")


def test_mutations_differ() -> None:
    """The attack changes what it is given, and seeds give other changes."""
    data = bytes(range(256)) * 8
    assert len({mutated(data, random.Random(n)) for n in range(50)} | {data}) == 51
