"""Masters that editors take: timecode, fields, MXF, crops, whole languages and disabled tracks stay what they were."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from beats import beeps, flashes, write_beats
from masters import MARKS, film, interlaced, marked, written
from vidcolor.errors import OutputError
from vidcolor.film.encoding.encode import EncodeSettings, choose_encoding
from vidcolor.film.field_order import FieldOrder, field_order
from vidcolor.film.marks import matroska, mp4
from vidcolor.film.marks.tracks import PictureShape, TrackMarks
from vidcolor.film.reader import open_video, probe
from vidcolor.film.writer import FilmWriter


def timecodes(path: Path) -> set[str]:
    """Every timecode that a file tells, of itself or of a stream."""
    with av.open(str(path)) as container:
        owners: list[Any] = [container, *container.streams]
        return {value for owner in owners for key, value in owner.metadata.items() if key.lower() == "timecode"}


@pytest.mark.parametrize(
    ("source", "target"), [(".mov", ".mp4"), (".mp4", ".mkv"), (".mkv", ".avi"), (".avi", ".mov"), (".mov", ".mov")]
)
def test_timecode_goes_from_one_container_to_the_other(tmp_path: Path, source: str, target: str) -> None:
    """Whole, and moved by as many frames as a part leaves out."""
    path = film(tmp_path / f"film{source}", timecode="01:00:00:00")
    assert timecodes(path) == {"01:00:00:00"}
    assert written(path, tmp_path / f"out{target}", "mpeg4", duration=0.2) == []
    assert timecodes(tmp_path / f"out{target}") == {"01:00:00:00"}
    assert written(path, tmp_path / f"part{target}", "mpeg4", start=1.0, duration=0.2) == []
    assert timecodes(tmp_path / f"part{target}") == {"01:00:01:00"}


@pytest.mark.parametrize(
    ("rate", "timecode", "start", "moved"),
    [
        (Fraction(30000, 1001), "00:00:59;20", 1.0, "00:01:00;22"),  # frames 0 and 1 of the minute have no name
        (Fraction(30000, 1001), "00:00:59:20", 1.0, "00:01:00:20"),
        (Fraction(60000, 1001), "00:00:59;50", 1.0, "00:01:00;54"),
        (Fraction(24000, 1001), "00:00:59:20", 1.0, "00:01:00:20"),
        (Fraction(25), "23:59:59:20", 0.5, "00:00:00:08"),
    ],
)
def test_timecode_of_a_part(tmp_path: Path, rate: Fraction, timecode: str, start: float, moved: str) -> None:
    """Drop-frame or not, as the film has it; the first frame of the part is the one that is shown first."""
    path = film(tmp_path / "film.mov", rate=rate, count=70, timecode=timecode)
    written(path, tmp_path / "out.mov", "mpeg4", start=start, duration=0.1)
    assert timecodes(tmp_path / "out.mov") == {moved}


def test_timecode_that_a_rate_does_not_have_is_told(tmp_path: Path) -> None:
    """QuickTime has no drop-frame timecode at 25 frames a second; the film is written all the same."""
    path = film(tmp_path / "film.mkv", count=5, timecode="01:00:00;00")
    (line,) = written(path, tmp_path / "out.mov", "mpeg4")
    assert "the timecode 01:00:00;00 at 25 frames a second" in line
    assert timecodes(tmp_path / "out.mov") == set()
    assert written(path, tmp_path / "out.mkv", "mpeg4") == []
    assert timecodes(tmp_path / "out.mkv") == {"01:00:00;00"}


def second_readers_agree(path: Path) -> None:
    """FFmpeg's own program and mediainfo read a file without a complaint, where they are installed."""
    if shutil.which("ffprobe"):
        count = ["-count_frames", "-show_entries", "stream=nb_read_frames"]
        found = subprocess.run(["ffprobe", "-v", "warning", *count, str(path)], capture_output=True, text=True)
        assert (found.returncode, found.stderr) == (0, "")
        assert "nb_read_frames=50" in found.stdout
    if shutil.which("mediainfo"):
        text = subprocess.run(["mediainfo", str(path)], capture_output=True, text=True, check=True).stdout
        assert not [line for line in text.splitlines() if line.startswith(("Conformance", "IsTruncated"))]
        assert "OP-1a" in text if path.suffix == ".mxf" else "QuickTime" in text


MASTERS = [
    ("", "", "dnxhd", "DNXHR HQX", "yuv422p10le"),
    ("prores_ks", "4444", "prores", "4444", "yuv444p12le"),  # which libav decodes to 12 bits
]
OTHER_MASTERS = [
    ("dnxhd", "dnxhr_444", "dnxhd", "DNXHR 444", "yuv444p10le"),
    ("dnxhd", "dnxhr_sq", "dnxhd", "DNXHR SQ", "yuv422p"),
    ("prores_ks", "hq", "prores", "HQ", "yuv422p10le"),
]


@pytest.mark.parametrize(
    ("codec", "preset", "name", "profile", "pix_fmt", "suffix"),
    [
        *((*master, suffix) for master in MASTERS for suffix in (".mxf", ".mov")),
        *(pytest.param(*master, ".mxf", marks=pytest.mark.thorough) for master in OTHER_MASTERS),
    ],
)
def test_masters_with_sound(
    tmp_path: Path, codec: str, preset: str, name: str, profile: str, pix_fmt: str, suffix: str
) -> None:
    """DNxHR and ProRes in MXF (OP1a) and QuickTime, with two tracks of sound in sync."""
    source = write_beats(tmp_path / "film.mov", 2, sounds=("pcm_s24le", "pcm_s16le"), size=(256, 144))
    assert written(source, tmp_path / f"out{suffix}", codec or "dnxhd", preset) == []
    second_readers_agree(tmp_path / f"out{suffix}")
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.profile, context.pix_fmt) == (name, profile, pix_fmt)
    assert flashes(tmp_path / f"out{suffix}") == pytest.approx([0, 1], abs=0.001)
    for track in (0, 1):
        assert beeps(tmp_path / f"out{suffix}", track) == pytest.approx([0, 1], abs=0.002)


def test_mxf_fills_what_is_missing_of_the_sound(tmp_path: Path) -> None:
    """Sound that begins late begins late there too, after silence; what MXF does not take is named."""
    source = write_beats(
        tmp_path / "film.mkv", 3, sounds=("pcm_s16le", "aac"), size=(256, 144), sound_from=1.5, begin=1
    )
    (line,) = written(source, tmp_path / "out.mxf")
    assert line == ".mxf cannot hold audio stream 2 (aac) (-o film.color.mkv keeps it)"
    assert flashes(tmp_path / "out.mxf") == pytest.approx([0, 1, 2], abs=0.001)
    assert beeps(tmp_path / "out.mxf") == pytest.approx([2], abs=0.002)


def test_sound_at_44100_hertz_is_left_out_of_mxf_with_its_reason(tmp_path: Path) -> None:
    """The codec alone was named, which MXF does take."""
    source = write_beats(tmp_path / "film.mov", 1, sounds=("pcm_s24le",), rate=44100, size=(256, 144))
    (line,) = written(source, tmp_path / "out.mxf")
    assert line.startswith(".mxf cannot hold audio stream 1 (pcm_s24le, 44100 Hz where 48000 are asked for) (-o film.")


def test_what_mxf_cannot_be_is_said_before_any_work(tmp_path: Path) -> None:
    """Uneven times, other codecs, other rates and pictures too small: one line each, and no file."""
    small = film(tmp_path / "small.mov", count=3)
    with pytest.raises(OutputError, match="at least 256x120 pixels, not 64x48"):
        written(small, tmp_path / "out.mxf")
    with pytest.raises(OutputError, match="mpeg4 does not fit"):
        written(small, tmp_path / "out.mxf", "mpeg4")
    slow = film(tmp_path / "slow.mov", rate=Fraction(18), count=3)
    with open_video(slow) as video:
        encoding = choose_encoding(tmp_path / "out.mxf", video.info, 8, EncodeSettings("ffv1"))
        with pytest.raises(OutputError, match="at 18 frames a second"):
            FilmWriter(tmp_path / "out.mxf", video.info, encoding, others=video.others).rehearse()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["slow.mov", "small.mov"]


@pytest.mark.parametrize(
    ("codec", "suffix", "order"),
    [
        *(("libx264", ".mp4", "tff"), ("libx264", ".mov", "bff"), ("ffv1", ".mkv", "tff"), ("ffv1", ".mkv", "bff")),
        *(("prores_ks", ".mov", "tff"), ("mpeg2video", ".mkv", "bff"), ("mpeg4", ".avi", "tff")),
    ],
)
def test_fields_stay_fields(tmp_path: Path, order: FieldOrder, codec: str, suffix: str) -> None:
    """With --deinterlace off frames and container say which field is first, as the film did."""
    source = interlaced(tmp_path / "film.mkv", order)
    assert probe(source).field_order == order
    assert written(source, tmp_path / f"out{suffix}", codec, deinterlace="off") == []
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        stream = container.streams.video[0]
        if suffix != ".avi":
            assert stream.codec_context.field_order == {"tff": 2, "bff": 3}[order]
        assert [field_order(picture) for picture in container.decode(stream)] == [order] * 6


def test_fields_without_a_mark_are_told(tmp_path: Path) -> None:
    """Encoders that know progressive frames only; deinterlaced film is progressive, and no loss."""
    source = interlaced(tmp_path / "film.mkv", "tff")
    (line,) = written(source, tmp_path / "out.mkv", "libx265", deinterlace="off")
    assert "libx265 does not mark fields" in line
    assert written(source, tmp_path / "out.mkv", "ffv1", deinterlace="on") == []
    assert probe(tmp_path / "out.mkv").field_order == ""


def test_the_containers_word_on_fields_counts(tmp_path: Path) -> None:
    """Some encoders mark their pictures wrong, and their container right."""
    source = interlaced(tmp_path / "film.mov", "bff", "prores_ks", "yuv422p10le")
    data = source.read_bytes()
    assert data.count(b"fiel\x02\x06") == 1
    (tmp_path / "mixed.mov").write_bytes(data.replace(b"fiel\x02\x06", b"fiel\x02\x01"))
    assert probe(tmp_path / "mixed.mov").field_order == "tff"


def test_ffv1_comes_in_slices_with_checksums(tmp_path: Path) -> None:
    """A flipped bit costs a part of one picture: the rest of it is right, and the damaged part is known as such."""
    source = film(tmp_path / "film.mkv", "ffv1", "yuv420p", count=2, size=(96, 96))
    written(source, tmp_path / "out.mkv", "ffv1")
    with av.open(str(tmp_path / "out.mkv")) as container:
        stream = container.streams.video[0]
        packets = [bytes(packet) for packet in container.demux(stream) if packet.size]
        whole = decoded_with(stream, packets)
        torn = bytearray(packets[1])
        torn[len(torn) // 3] ^= 0x10
        damaged = decoded_with(stream, [packets[0], bytes(torn)])
    changed = np.any(whole[1] != damaged[1], axis=1).mean(), np.any(whole[1] != damaged[1], axis=0).mean()
    assert 0 < changed[0] <= 0.5
    assert 0 < changed[1] <= 0.5
    assert np.array_equal(whole[0], damaged[0])


def decoded_with(stream: Any, packets: list[bytes]) -> list[np.ndarray]:
    """The luma of packets, decoded as one stream's."""
    context = av.CodecContext.create("ffv1", "r")
    context.extradata = stream.codec_context.extradata
    context.width, context.height = stream.codec_context.width, stream.codec_context.height
    context.thread_type = "NONE"
    return [frame.to_ndarray()[: frame.height] for data in packets for frame in context.decode(av.Packet(data))]


def marks_of(path: Path) -> list[TrackMarks]:
    if path.suffix == ".mkv":
        return matroska.read_marks(path)
    return [header.marks for header in mp4.read_headers(path)]


@pytest.mark.parametrize(("source", "target"), [(".mkv", ".mkv"), (".mkv", ".mp4"), (".mp4", ".mkv"), (".mp4", ".mov")])
def test_marks_stay_on_tracks(tmp_path: Path, source: str, target: str) -> None:
    """Crop, whole languages and disabled tracks, from Matroska and MP4 into both; picture and sound as they were."""
    path = marked(tmp_path / f"film{source}", MARKS)
    assert marks_of(path)[:3] == list(MARKS.values())
    assert written(path, tmp_path / f"out{target}", "mpeg4") == []
    found = marks_of(tmp_path / f"out{target}")[:3]
    assert found[0].crop == MARKS[0].crop
    assert [each.language for each in found] == ["", "en-GB", "en-US"]
    assert found[2].enabled is (source == ".mp4" and target == ".mkv")  # there an alternate of an enabled one
    assert flashes(tmp_path / f"out{target}") == pytest.approx(flashes(path), abs=0.03)
    assert len(beeps(tmp_path / f"out{target}", 1)) == 1
    with av.open(str(tmp_path / f"out{target}")) as container:
        assert [stream.metadata["language"] for stream in container.streams.audio] == ["eng", "eng"]


@pytest.mark.skipif(not shutil.which("mkvmerge"), reason="mkvmerge is not installed")
def test_marks_are_read_by_mkvtoolnix(tmp_path: Path) -> None:
    """Languages of two and three parts, the crop and the disabled track, in a Matroska file of ours."""
    marks = {**MARKS, 1: TrackMarks(language="sr-Latn")}
    written(marked(tmp_path / "film.mkv", marks), tmp_path / "out.mkv", "mpeg4")
    told = subprocess.run(["mkvmerge", "-J", str(tmp_path / "out.mkv")], capture_output=True, check=True).stdout
    picture, *sounds = [track["properties"] for track in json.loads(told)["tracks"]]
    assert picture["cropping"] == "4,8,2,6"
    assert picture["display_dimensions"] == "58x34"
    assert [each["language_ietf"] for each in sounds] == ["sr-Latn", "en-US"]
    assert [each["enabled_track"] for each in sounds] == [True, False]


def test_marks_that_do_not_fit_are_named(tmp_path: Path) -> None:
    """AVI has no place for any of them."""
    path = marked(tmp_path / "film.mkv", MARKS)
    (line,) = written(path, tmp_path / "out.avi", "mpeg4")
    for what in ("the crop of 4,8,2,6", "language of audio stream 1 (ac3), en-GB", "audio stream 2 (ac3) is disabled"):
        assert what in line


def test_an_index_that_grows_keeps_its_chunks(tmp_path: Path) -> None:
    """Every packet of an MP4 is found where the index says, after languages have made it longer."""
    path = write_beats(tmp_path / "film.mp4", 2, sounds=("ac3",), marks={"language": "eng"})
    written(path, tmp_path / "plain.mp4", "mpeg4")
    with av.open(str(tmp_path / "plain.mp4")) as container:
        before = [bytes(packet) for packet in container.demux() if packet.size]
    assert mp4.write_marks(tmp_path / "plain.mp4", {1: TrackMarks(language="en-GB")}, PictureShape(64, 48))
    with av.open(str(tmp_path / "plain.mp4")) as container:
        assert [bytes(packet) for packet in container.demux() if packet.size] == before
    data = (tmp_path / "plain.mp4").read_bytes()
    place, boxes = 0, []
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        boxes.append(kind)
        place += size
    assert place == len(data)
    assert boxes[:2] == [b"ftyp", b"moov"]


@pytest.mark.parametrize("junk", [b"", b"\x1a\x45\xdf\xa3", b"\0\0\0\x08moov", b"\0" * 4000, bytes(range(256)) * 20])
def test_marks_of_what_is_no_film(tmp_path: Path, junk: bytes) -> None:
    """Damaged heads have none, and raise nothing; a file that is laid out in another way stays as it is."""
    (tmp_path / "junk").write_bytes(junk)
    assert matroska.read_marks(tmp_path / "junk") == []
    assert [header for header in mp4.read_headers(tmp_path / "junk") if header.marks.crop] == []
    assert not matroska.write_marks(tmp_path / "junk", MARKS, PictureShape(64, 48))
    assert not mp4.write_marks(tmp_path / "junk", MARKS, PictureShape(64, 48)) or junk.startswith(b"\0\0\0\x08moov")
    assert (tmp_path / "junk").read_bytes() == junk
