"""What a film holds beside its picture comes out as it went in, and what cannot is named."""

from __future__ import annotations

import io
import os
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from planes import rows_of
from rewriting import rewrite
from vidcolor.errors import OutputError
from vidcolor.film.encoding.encode import EncodeSettings, choose_encoding
from vidcolor.film.frame import Frame
from vidcolor.film.info import orientation
from vidcolor.film.reader import frames, open_video, probe
from vidcolor.film.streams.trial import fullest_suffix
from vidcolor.film.writer import FilmWriter
from vidcolor.pipeline.film import colorize_film
from vidcolor.settings import RunSettings

TRICKY = Path(os.environ.get("VIDCOLOR_FOOTAGE", "/nonexistent")) / "tricky"
needs_footage = pytest.mark.skipif(not TRICKY.is_dir(), reason="VIDCOLOR_FOOTAGE names no folder with tricky/")


def write_source(path: Path, *, begin: int = 0, sound_at: int = 0, rotation: tuple[int, bool] | None = None) -> None:
    """Twelve frames with two languages, subtitles, chapters, an attachment and tags where the container takes them.

    Args:
        begin, sound_at: First times of picture and sound, in ms.
    """
    matroska = path.suffix == ".mkv"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Le Voyage"
        stream = container.add_stream("mpeg4" if path.suffix == ".ts" else "libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.max_b_frames = 0
        stream.codec_context.sample_aspect_ratio = Fraction(16, 11)
        if rotation:
            stream.set_display_rotation(rotation[0], hflip=rotation[1])
        sounds = [container.add_stream("libmp3lame", rate=44100, layout="stereo") for _ in range(2)]
        for sound, language in zip(sounds, ("ger", "spa"), strict=True):
            sound.metadata["language"] = language
        if matroska:
            container.add_attachment("font.ttf", "application/x-truetype-font", b"\0\1\0\0" + b"f" * 500)
        container.set_chapters(
            [
                {"id": 1, "start": 0, "end": 200, "time_base": Fraction(1, 1000), "metadata": {"title": "Moon"}},
                {"id": 2, "start": 200, "end": 480, "time_base": Fraction(1, 1000), "metadata": {"title": "Home"}},
            ]
        )
        for i in range(12):
            picture = av.VideoFrame.from_ndarray(np.full((72, 64), 40 + 10 * i, np.uint8), format="yuv420p")
            picture.pts, picture.time_base = begin + 40 * i, Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
        for number, sound in enumerate(sounds):
            tone = (np.sin(np.arange(22050) / (20 + number)) * 9000).astype(np.int16)
            for k in range(0, 22050 - 1152, 1152):
                block = av.AudioFrame.from_ndarray(np.stack([tone[k : k + 1152]] * 2), format="s16p", layout="stereo")
                block.sample_rate, block.time_base = 44100, Fraction(1, 44100)
                block.pts = k + sound_at * 44100 // 1000
                container.mux(sound.encode(block))
            container.mux(sound.encode(None))


def held(path: Path) -> dict[str, Any]:
    """What a file holds, as PyAV reads it."""
    with av.open(str(path)) as container:
        first: dict[int, float] = {}
        data: dict[int, list[bytes]] = {}
        for packet in container.demux():
            if packet.size and packet.pts is not None:
                time = float(packet.pts * packet.time_base)
                first[packet.stream.index] = min(time, first.get(packet.stream.index, time))
                data.setdefault(packet.stream.index, []).append(bytes(packet))
        sounds = container.streams.audio
        return {
            "kinds": sorted(s.type for s in container.streams),
            "languages": [s.metadata.get("language") for s in sounds],
            "sound": [data[s.index] for s in sounds],
            "offsets": [first[s.index] - first[container.streams.video[0].index] for s in sounds],
            "begin": first[container.streams.video[0].index],
            "chapters": [c["metadata"].get("title") for c in container.chapters()],
            "title": container.metadata.get("title") or container.metadata.get("TITLE"),
            "aspect": container.streams.video[0].sample_aspect_ratio,
            "attachments": [s.data for s in container.streams if s.type == "attachment"],
        }


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_everything_is_kept(tmp_path: Path, suffix: str) -> None:
    """Both languages, byte for byte and in sync; chapters, title, pixel shape and attachment."""
    source, target = tmp_path / f"film{suffix}", tmp_path / f"out{suffix}"
    write_source(source, begin=80, sound_at=150)
    assert rewrite(source, target) == []
    before, after = held(source), held(target)
    for key in before:
        if key in ("offsets", "begin"):
            assert np.allclose(after[key], before[key], atol=0.002), key
        else:
            assert after[key] == before[key], key
    assert before["languages"] == ["ger", "spa"]
    assert before["chapters"] == ["Moon", "Home"]


def test_what_cannot_be_held_is_named(tmp_path: Path) -> None:
    """One line tells what AVI and MP4 drop, and which name would keep it."""
    write_source(tmp_path / "film.mkv", rotation=(90, False))
    (line,) = rewrite(tmp_path / "film.mkv", tmp_path / "out.avi")
    assert "2 chapters" in line
    assert "rotation" in line
    assert "attachment" in line
    assert "-o film.color.mkv keeps it" in line
    (line,) = rewrite(tmp_path / "film.mkv", tmp_path / "raw.avi", EncodeSettings("ffv1"))
    assert "the shape of the pixels, 16/11" in line
    (line,) = rewrite(tmp_path / "film.mkv", tmp_path / "out.mp4")
    assert "attachment stream 3 (font.ttf)" in line
    assert "chapters" not in line


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov", ".webm"])
def test_orientation_is_kept(tmp_path: Path, suffix: str, mirrored: bool) -> None:
    """Players turn and mirror the result as they did the source."""
    write_source(tmp_path / "film.mov", rotation=(-90, mirrored))
    rewrite(tmp_path / "film.mov", tmp_path / f"out{suffix}")
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert orientation(next(container.decode(video=0))) == (-90, mirrored)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("out.mkv", "ffv1"), ("out.webm", "libvpx-vp9"), ("out.mkv", "libx265"), ("out.mov", "prores_ks")],
)
def test_pixel_shape_is_kept(tmp_path: Path, name: str, codec: str) -> None:
    """Anamorphic film stays so, also with codecs that do not tell it themselves; the file stays whole."""
    write_source(tmp_path / "film.mkv")
    rewrite(tmp_path / "film.mkv", tmp_path / name, EncodeSettings(codec))
    assert held(tmp_path / name)["aspect"] == Fraction(16, 11)
    assert probe(tmp_path / name).sample_aspect == Fraction(16, 11)
    assert len(held(tmp_path / name)["chapters"]) == 2
    if name.endswith("mkv"):
        check_matroska((tmp_path / name).read_bytes())


def check_matroska(data: bytes) -> None:
    """The index points at what it names, and checksums hold (RFC 9559, RFC 8794)."""

    def element(place: int) -> tuple[int, int, int]:
        n = 9 - data[place].bit_length()
        m = 9 - data[place + n].bit_length()
        size = int.from_bytes(data[place + n : place + n + m], "big") & ((1 << 7 * m) - 1)
        return int.from_bytes(data[place : place + n], "big"), place + n + m, place + n + m + size

    _, _, end = element(0)
    _, segment, _ = element(end)
    place, seen = segment, {}
    while place < len(data):
        number, body, end = element(place)
        seen[place - segment] = number
        child, inner, after = element(body)
        if child == 0xBF:
            assert struct.unpack("<I", data[inner:after])[0] == zlib.crc32(data[after:end]), hex(number)
        place = end
    _, body, end = element(segment)
    while body < end:
        number, inner, after = element(body)
        if number == 0x4DBB:
            _, a, b = element(inner)
            _, c, d = element(b)
            assert seen[int.from_bytes(data[c:d], "big")] == int.from_bytes(data[a:b], "big")
        body = after


def test_no_blank_lead_in_mp4(tmp_path: Path) -> None:
    """Cut film, and streams whose clock begins anywhere, begin at once in MP4; Matroska keeps the times."""
    write_source(tmp_path / "film.ts", begin=5000, sound_at=5100)
    rewrite(tmp_path / "film.ts", tmp_path / "out.mp4")
    before, after = held(tmp_path / "film.ts"), held(tmp_path / "out.mp4")
    assert after["begin"] < 0.2
    assert np.allclose(after["offsets"], before["offsets"], atol=0.002)
    write_source(tmp_path / "film.mkv")
    rewrite(tmp_path / "film.mkv", tmp_path / "cut.mp4", start=0.2, duration=0.2)
    rewrite(tmp_path / "film.mkv", tmp_path / "cut.mkv", start=0.2, duration=0.2)
    assert held(tmp_path / "cut.mp4")["begin"] == 0
    assert held(tmp_path / "cut.mkv")["begin"] == pytest.approx(0.2, abs=0.03)  # sound may begin a frame earlier
    assert abs(held(tmp_path / "cut.mp4")["offsets"][0]) < 0.03


def test_alpha_is_kept(tmp_path: Path) -> None:
    """An opacity plane comes out as it went in, where the encoder takes one."""
    alpha = np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))
    with av.open(str(tmp_path / "film.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuva420p"
        picture = av.VideoFrame(64, 48, "yuva420p")
        for number, plane in enumerate(picture.planes):
            rows = rows_of(plane)
            rows[:, : plane.width] = alpha if number == 3 else 90
        container.mux([*stream.encode(picture), *stream.encode(None)])
    for name, codec in (("out.mkv", "ffv1"), ("out.webm", "libvpx-vp9"), ("out.mov", "prores_ks")):
        rewrite(tmp_path / "film.mkv", tmp_path / name, EncodeSettings(codec, crf=4 if codec == "libvpx-vp9" else None))
        with open_video(tmp_path / name) as video:
            found = next(frames(video))
            assert video.info.alpha
            assert video.transparent == 1
            video.keeps_alpha = False
            assert "alpha is not kept" in video.warnings[-1]
        assert found.alpha is not None
        assert np.abs((found.alpha >> (found.bits - 8)).astype(int) - alpha).max() <= (0 if codec == "ffv1" else 3)


def test_cover_is_kept(tmp_path: Path) -> None:
    """A cover picture goes with the film, into MP4 and Matroska."""
    write_source(tmp_path / "plain.mp4")
    cover = io.BytesIO()
    with av.open(cover, "w", format="image2pipe") as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "rgb24"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((32, 32, 3), 99, np.uint8), format="rgb24")))
    with av.open(str(tmp_path / "plain.mp4")) as source, av.open(str(tmp_path / "film.mp4"), "w") as container:
        picture = container.add_stream("png", rate=1)  # the cover is the first video stream
        picture.width, picture.height, picture.pix_fmt = 32, 32, "rgb24"
        picture.disposition = 1 << 10
        film = container.add_stream_from_template(source.streams.video[0], opaque=True)
        container.start_encoding()
        packet = av.Packet(cover.getvalue())
        packet.stream, packet.pts, packet.dts, packet.time_base = picture, 0, 0, Fraction(1, 25)
        container.mux(packet)
        for other in source.demux(video=0):
            if other.size:
                other.stream = film
                container.mux(other)
    assert probe(tmp_path / "film.mp4").width == 64
    cut: dict[str, Any] = {"start": 0.2}
    for suffix, part in ((".mp4", {}), (".mkv", {}), (".mp4", cut)):
        assert rewrite(tmp_path / "film.mp4", tmp_path / f"out{suffix}", **part) == []
        with av.open(str(tmp_path / f"out{suffix}")) as container:
            covers = [s for s in container.streams.video if s.disposition & s.disposition.attached_pic]
            packets = {p.stream.index: bytes(p) for p in container.demux(covers) if p.size}
            assert list(packets.values()) == [cover.getvalue()]


def test_depth_on_request(tmp_path: Path) -> None:
    """--pix-fmt takes more bits exactly, and fewer by rounding."""
    write_source(tmp_path / "film.mkv")
    with open_video(tmp_path / "film.mkv") as video:
        luma = next(frames(video)).luma
    rewrite(tmp_path / "film.mkv", tmp_path / "deep.mkv", EncodeSettings("ffv1", pix_fmt="yuv422p10le"))
    rewrite(tmp_path / "deep.mkv", tmp_path / "flat.mkv", EncodeSettings("ffv1", pix_fmt="yuv444p"))

    def first(name: str) -> Frame:
        with open_video(tmp_path / name) as video:
            return next(frames(video))

    assert np.array_equal(first("deep.mkv").luma, luma.astype(np.uint16) << 2)
    assert np.array_equal(first("flat.mkv").luma, luma)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine may have the encoder's device")
def test_an_encoder_without_its_device_says_so(tmp_path: Path) -> None:
    """One line before any frame is decoded, and nothing left behind."""
    write_source(tmp_path / "film.mkv")
    if "h264_nvenc" not in av.codec.codecs_available:
        pytest.skip("this PyAV has no such encoder")
    with pytest.raises(OutputError, match="h264_nvenc finds no device"):
        colorize_film(tmp_path / "film.mkv", tmp_path / "out.mp4", settings=RunSettings(codec="h264_nvenc"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mkv"]


@pytest.mark.parametrize("name", ["Film: one.mp4", "3:4.mkv", "100%.mp4", "OUT.MP4", "out.m4v"])
def test_names_of_any_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A colon names no protocol; MP4 in capitals, and by its other name, is MP4 with its index in front."""
    write_source(tmp_path / "film.mp4")
    monkeypatch.chdir(tmp_path)
    assert rewrite(Path("film.mp4"), Path(name)) == []
    assert len(held(tmp_path / name)["sound"]) == 2
    data = (tmp_path / name).read_bytes()
    assert name.endswith(".mkv") or data.index(b"moov") < data.index(b"mdat")


def test_avi_counts_frames(tmp_path: Path) -> None:
    """AVI's clock ticks once a frame where frames come evenly, and more finely where they do not."""
    write_source(tmp_path / "even.mkv")
    rewrite(tmp_path / "even.mkv", tmp_path / "even.avi")
    with av.open(str(tmp_path / "even.avi")) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == 25
        assert stream.frames in (12, 13)  # the sound's lead may put the first picture one tick later
    with av.open(str(tmp_path / "even.mkv")) as source, av.open(str(tmp_path / "odd.mkv"), "w") as container:
        copy = container.add_stream_from_template(source.streams.video[0], opaque=True)
        for number, packet in enumerate(p for p in source.demux(video=0) if p.size):
            packet.pts = packet.dts = 40 * number + 13 * (number % 2)
            packet.stream = copy
            container.mux(packet)
    rewrite(tmp_path / "odd.mkv", tmp_path / "odd.avi")
    with open_video(tmp_path / "odd.mkv") as before, open_video(tmp_path / "odd.avi") as after:
        times = [[round(f.seconds, 3) for f in frames(video)] for video in (before, after)]
    assert times[0] == times[1]


def test_strict_sees_what_shows_only_at_the_end(tmp_path: Path) -> None:
    """Packets of sound that the container refuses after the last frame are a reason too."""
    write_source(tmp_path / "film.mkv")
    told: list[str] = []

    def write() -> None:
        with open_video(tmp_path / "film.mkv") as video:
            encoding = choose_encoding(tmp_path / "out.mkv", video.info, 8, EncodeSettings(preset="ultrafast"))
            writer = FilmWriter(tmp_path / "out.mkv", video.info, encoding, others=video.others)

            def refuse() -> None:
                told.extend(writer.warnings)
                raise OutputError("cannot accept it", "it is damaged")

            writer.accept = refuse
            with writer:
                assert writer._copies is not None
                next(iter(writer._copies._copies.values())).unfit = 1  # as a packet leaves it that does not fit
                encoder = writer.encoder()
                neutral = np.full(encoding.chroma_size[::-1], 128, np.uint8)
                for frame in frames(video):
                    writer.write(encoder.push(frame, (neutral, neutral)))
                writer.write(encoder.flush())

    with pytest.raises(OutputError, match="damaged"):
        write()
    assert "1 damaged packets" in told[0]
    assert [p.name for p in tmp_path.iterdir()] == ["film.mkv"]


@needs_footage
def test_the_fullest_container() -> None:
    """Sources whose own container cannot be written go where their sound can go."""
    assert fullest_suffix(TRICKY / "interlaced_avchd.mts") == ".mkv"
    assert fullest_suffix(TRICKY / "mxf_mpeg4_four_audio.mxf") == ".mkv"
    assert fullest_suffix(TRICKY / "vfr_street_h263_amr.3gp") == ".mkv"  # .mp4 refuses packets of several AMR frames
