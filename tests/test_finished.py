"""Packets taken from a finished film are those that its encoder gave, and make the same film once more."""

from __future__ import annotations

import hashlib
from contextlib import closing
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcolor.film.containers.demuxing import OtherStreams
from vidcolor.film.encoding.encode import EncodeSettings, Encoding, VideoEncoder, choose_encoding
from vidcolor.film.encoding.essence import Essence
from vidcolor.film.encoding.finished import EssenceDigest, FinishedPicture
from vidcolor.film.encoding.packets import FilePackets, PacketFile, joined
from vidcolor.film.reader import frames, open_video
from vidcolor.film.writer import FilmWriter

LENGTH = 8  # frames of a segment, of which there are three
SIZE = 256, 128  # pixels, as small as DNxHR takes
CASES = [
    *(("even", *case) for case in ((".mp4", "libx265"), (".avi", "mpeg4"), (".mxf", "dnxhd"), (".avi", "libx264"))),
    *(("uneven", *case) for case in ((".mp4", "libx264"), (".mkv", "libx264"), (".mp4", "libsvtav1"))),
    *(("with alpha", *case) for case in ((".webm", "libvpx-vp9"), (".mov", "prores_ks"), (".mkv", "ffv1"))),
]
OTHERS = [
    *(("even", *case) for case in ((".mkv", "libsvtav1"), (".mp4", "mpeg2video"), (".mxf", "prores_ks"))),
    *(("uneven", *case) for case in (
        (".mov", "libx264"), (".avi", "libx264"), (".mkv", "libx265"), (".mp4", "mpeg4"), (".mov", "dnxhd"),
    )),
]  # fmt: skip


@lru_cache
def noise(folder: Path, kind: str) -> Path:
    """A film of noise, at an even rate or at times that vary, or with alpha."""
    path = folder / f"{kind}.mkv"
    form = "yuva420p" if kind == "with alpha" else "yuv420p"
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(24000, 1001))
        stream.width, stream.height, stream.pix_fmt = *SIZE, form
        unit = Fraction(1, 1000) if kind == "uneven" else Fraction(1001, 24000)
        stream.codec_context.time_base = stream.time_base = unit
        for number in range(3 * LENGTH):
            picture = av.VideoFrame(*SIZE, form)
            for plane in picture.planes:
                plane.update(rng.integers(100, 140, plane.buffer_size).astype(np.uint8).tobytes())
            picture.pts = 42 * number + number % 3 if kind == "uneven" else number
            picture.time_base = unit
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def segments(source: Path, folder: Path, suffix: str, codec: str) -> tuple[Encoding, list[Path], int]:
    """The film as three files of packets, and the pts of its first frame."""
    files = []
    with open_video(source) as video:
        preset = {"libsvtav1": "12", "dnxhd": "dnxhr_sq"}.get(codec, "")
        encoding = choose_encoding(folder / f"x{suffix}", video.info, 8, EncodeSettings(codec, preset=preset))
        video.keeps_alpha = encoding.alpha
        taken = list(frames(video))
    chroma = [np.full(encoding.chroma_size[::-1], 128 << (encoding.bits - 8), np.uint16)] * 2
    for place in range(3):
        encoder = VideoEncoder(encoding)
        files.append(folder / f"{place}.packets")
        file = PacketFile(files[-1], encoder.header)
        for frame in taken[LENGTH * place : LENGTH * (place + 1)]:
            file.push(encoder.push(frame, chroma))
        file.push(encoder.flush())
        file.close()
    return encoding, files, taken[0].pts


def digest_of(run: FilePackets, codec: str) -> str:
    """The digest of what an encoder gave."""
    digest, essence = EssenceDigest(), Essence(codec)
    for packet in run:
        digest.add(essence.of_encoder(packet.data), packet.sides)
    return digest.text()


@pytest.mark.parametrize(
    ("kind", "suffix", "codec"),
    [*CASES, *(pytest.param(*each, marks=pytest.mark.thorough) for each in OTHERS)],
    ids=[f"{k} {c}{s}" for k, s, c in CASES + OTHERS],
)
def test_packets_of_a_finished_film_make_it_again(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, kind: str, suffix: str, codec: str
) -> None:
    """All but the middle taken from the film, which comes from the encoder: the new file is the old one to the byte."""
    source = noise(tmp_path_factory.getbasetemp(), kind)
    encoding, files, begin = segments(source, tmp_path, suffix, codec)
    first, again = tmp_path / f"first{suffix}", tmp_path / f"again{suffix}"
    with open_video(source) as video:
        info = video.info
    with closing(OtherStreams(source)) as others, FilmWriter(first, info, encoding, others=others) as writer:
        writer.write(joined(files, encoding.time_base))
    kept = [FilePackets(file) for file in files]
    finished = FinishedPicture(first, encoding, begin, kept[0].header)
    taken = list(finished.runs([LENGTH] * 3))
    assert [run.digest for run in taken] == [digest_of(run, codec) for run in kept]
    assert [list(run.times()) for run in taken] == [list(run.times()) for run in kept]
    with closing(OtherStreams(source)) as others, FilmWriter(again, info, encoding, others=others) as writer:
        writer.write(joined([taken[0], files[1], taken[2]], encoding.time_base))
    assert hashlib.sha256(again.read_bytes()).hexdigest() == hashlib.sha256(first.read_bytes()).hexdigest()


def test_another_picture_has_another_digest(tmp_path: Path) -> None:
    """One bit is enough, and so is one that went from a packet to the next."""
    digests = []
    for packets in ((b"ab", b"c"), (b"a", b"bc"), (b"ab", b"b")):
        digest = EssenceDigest()
        for packet in packets:
            digest.add(packet, ())
        digests.append(digest.text())
    assert len(set(digests)) == 3


@given(st.lists(st.binary(min_size=1).filter(lambda unit: b"\0\0" not in unit and unit[-1]), min_size=1))
def test_units_come_back_from_lengths(units: list[bytes]) -> None:
    """Whatever the length of the start codes, units are the same, and can be given start codes again."""
    essence = Essence("libx264")
    for code in (b"\0\0\1", b"\0\0\0\1"):
        packet = b"".join(code + unit for unit in units)
        bare = essence.of_encoder(packet)
        assert bare == b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)
        assert essence.of_container(bare, b"\1rest") == essence.of_container(packet, b"\0\0\1rest") == bare
        assert essence.of_encoder(essence.for_encoder(bare, b"\1rest")) == bare
        assert essence.for_encoder(packet, b"\0\0\1rest") == packet
    with pytest.raises(ValueError, match="after the end of its packet"):
        essence.for_encoder(bare[:-1], b"\1rest")
