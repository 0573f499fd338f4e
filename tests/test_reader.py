"""Reading films: clocks, damage, interlacing, orientation, and containers that say strange things."""

from __future__ import annotations

import os
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from av.codec.hwaccel import hwdevices_available
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from planes import rows_of
from vidcolor.errors import DeviceError, InputError
from vidcolor.film import info
from vidcolor.film.clock import choose_timestamps, measured_rate, rising, sensible_rate
from vidcolor.film.containers import decode
from vidcolor.film.containers.container import readable
from vidcolor.film.containers.decode import MAX_BAD_PACKETS
from vidcolor.film.deinterlace import Deinterlacer, is_combed
from vidcolor.film.frame import EVEN
from vidcolor.film.info import orientation
from vidcolor.film.reader import frames, open_video, probe

RNG = np.random.default_rng(3)
TRICKY = Path(os.environ.get("VIDCOLOR_FOOTAGE", "/nonexistent")) / "tricky"
needs_footage = pytest.mark.skipif(not TRICKY.is_dir(), reason="VIDCOLOR_FOOTAGE names no folder with tricky/")


def picture(width: int, height: int, shift: int = 0) -> np.ndarray:
    """Soft shapes with a little grain, uint8."""
    y, x = np.mgrid[:height, :width]
    codes: NDArray[np.float64] = 128 + 90 * np.sin((x - shift) / 11) * np.cos(y / 17) + RNG.normal(0, 3, x.shape)
    return np.clip(codes, 0, 255).astype(np.uint8)


def write_grey(path: Path, pictures: list[np.ndarray], pts: list[int] | None = None, **options: object) -> None:
    """A lossless grey film."""
    height, width = pictures[0].shape
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png" if path.suffix == ".mov" else "ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "gray"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        if "rotation" in options:
            stream.set_display_rotation(options["rotation"], hflip=bool(options.get("mirrored")))
        for i, values in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(values, format="gray")
            frame.pts, frame.time_base = pts[i] if pts else 40 * i, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@given(
    st.lists(st.one_of(st.none(), st.integers(-(10**6), 10**6)), max_size=60),
    st.integers(1, 5000),
    st.integers(1, 10**5),
)
def test_repaired_times_rise(times: list[int | None], step: int, jump: int) -> None:
    """Whatever a container says: every frame comes out once, in order, later than the one before."""
    out = list(rising(((i, t) for i, t in enumerate(times)), step, jump))
    assert [i for i, _ in out] == list(range(len(times)))
    assert all(b > a for (_, a), (_, b) in pairwise(out))


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60, unique=True))
def test_good_times_stay(times: list[int]) -> None:
    """Times that rise already are not touched."""
    times.sort()
    assert [t for _, t in rising(((t, t) for t in times), 40, 1000)] == times


def test_times_between() -> None:
    """A missing time lies a step after the last, one that stands still midway to the next, a jump back goes on."""
    given_times = [0, None, 80, 80, 120, 5000, 0, 40]
    out = [t for _, t in rising(((None, t) for t in given_times), 40, 1000)]
    assert out == [0, 40, 80, 100, 120, 5000, 5040, 5080]


def test_clock_of_containers_without_presentation_times() -> None:
    """The times of packed B-frames in AVI go to and fro: the decoder's clock is taken."""
    assert choose_timestamps([1, 2, 4, 3, 5, 7, 6], [1, 2, 3, 4, 5, 6, 7]) == "dts"
    assert choose_timestamps([0, 40, 80], [None, None, 0]) == "pts"
    assert choose_timestamps([None, None], [None, None]) == "none"


@pytest.mark.parametrize(
    ("average", "times", "rate"),
    [
        (Fraction(25), [0, 40, 80, 120], Fraction(25)),
        (Fraction(1000), [67, 100, 134, 167, 200, 234, 267, 300, 334, 367, 400, 434], Fraction(30000, 1001)),
        (Fraction(600), [0, 2, 3, 5, 7, 8, 10], Fraction(600)),
        (Fraction(60000), [0, 40, 80, 120, 160], Fraction(25)),
        (None, [], Fraction(25)),
    ],
)
def test_absurd_rates(average: Fraction | None, times: list[int], rate: Fraction) -> None:
    """A clock's tick rate is no frame rate, unless frames do come that fast."""
    assert sensible_rate(average, measured_rate(times, Fraction(1, 1000)), None) == rate


def test_combing() -> None:
    """Two moments in one picture are seen; one moment, still or grainy, is not, nor a still picture of fine lines."""
    still, moved = picture(320, 240), picture(320, 240, shift=8)
    woven = still.copy()
    woven[1::2] = moved[1::2]
    grain = np.clip(128 + RNG.normal(0, 25, still.shape), 0, 255).astype(np.uint8)
    assert is_combed(woven)
    assert not is_combed(still)
    assert not is_combed(grain)
    assert is_combed((woven.astype(np.uint16) << 2), bits=10)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_orientation(tmp_path: Path, degrees: int, mirrored: bool) -> None:
    """A display matrix is read as the turn and mirror that it was written as."""
    write_grey(tmp_path / "turned.mov", [picture(64, 48)], rotation=degrees, mirrored=mirrored)
    with av.open(str(tmp_path / "turned.mov")) as container:
        turn, flipped = orientation(next(container.decode(video=0)))
    assert (turn % 360, flipped) == (degrees % 360, mirrored)


def test_metadata_in_forgotten_encodings() -> None:
    """UTF-8 is read as such, other bytes as the Windows code page."""
    assert readable("Méliès") == "Méliès"
    assert readable(b"M\xe9li\xe8s".decode("utf-8", "surrogateescape")) == "Méliès"


def test_names_are_names(tmp_path: Path) -> None:
    """A colon is no protocol and a percent sign no numbering."""
    for name in ("part 1: intro.mkv", "http:x.mkv", "50%d.mkv", "-y.mkv", "%03d.png"):
        path = tmp_path / name
        if name.endswith("png"):
            path.write_bytes(av_png(picture(32, 32)))
        else:
            write_grey(path, [picture(32, 32)])
        assert probe(path).width == 32


def av_png(values: np.ndarray) -> bytes:
    context = av.CodecContext.create("png", "w")
    context.width, context.height, context.pix_fmt, context.time_base = *values.shape[::-1], "gray", Fraction(1, 25)
    return b"".join(bytes(p) for p in context.encode(av.VideoFrame.from_ndarray(values, format="gray")))


def test_no_regular_file() -> None:
    """A device is refused instead of being read for ever."""
    with pytest.raises(InputError, match="no regular file"):
        probe("/dev/zero")


@pytest.mark.parametrize(("kind", "why"), [("abacus", "no such kind"), ("cuda", "no such device")])
def test_an_absent_decoder_is_not_replaced(tmp_path: Path, kind: str, why: str) -> None:
    """Asked for a device that is not there, vidcolor stops and says so; the processor does not step in."""
    if kind == "cuda" and (torch.cuda.is_available() or kind not in hwdevices_available()):
        pytest.skip("this machine has a GPU, or this PyAV knows none")
    write_grey(tmp_path / "film.mkv", [picture(64, 48)] * 3)
    with pytest.raises(DeviceError, match=why), open_video(tmp_path / "film.mkv", hwaccel=kind):
        pass


def test_the_rest_of_a_film_is_not_dropped_in_silence(tmp_path: Path) -> None:
    """A thousand packets in a row that do not decode end the film: from when on is told, as a warning."""
    png = av_png(picture(32, 32))
    with av.open(str(tmp_path / "film.mov"), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "gray"
        for number in range(MAX_BAD_PACKETS + 60):
            packet = av.Packet(png if number < 50 or number >= MAX_BAD_PACKETS + 50 else b"torn")
            packet.pts = packet.dts = number
            packet.time_base, packet.stream = Fraction(1, 25), stream
            container.mux(packet)
    with open_video(tmp_path / "film.mov") as video:
        assert len(list(frames(video))) == 50
        assert f"the film is given up from 2.0 s on: {MAX_BAD_PACKETS} packets in a row do not decode" in video.warnings


@pytest.mark.parametrize("address", ["http://example.org/film.mp4", "rtsp://camera/1"])
def test_addresses_are_not_read(address: str) -> None:
    """The line repeats the address as it was typed, and says that none is read."""
    with pytest.raises(InputError, match="addresses are not read") as error:
        probe(Path(address))
    assert address in str(error.value)


def test_a_film_cut_short_says_so(tmp_path: Path) -> None:
    """Frames up to the cut come out as they are, and the loss is told."""
    films = [picture(160, 120, 3 * i) for i in range(100)]
    write_grey(tmp_path / "whole.mkv", films)
    data = (tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "torn.mkv").write_bytes(data[: len(data) * 6 // 10])
    with open_video(tmp_path / "torn.mkv") as video:
        found = list(frames(video))
        assert 50 < len(found) < 65
        assert any("cut short" in line for line in video.warnings)
    for frame, luma in zip(found, films, strict=False):
        assert np.array_equal(frame.luma, luma)
    with open_video(tmp_path / "whole.mkv") as video:
        assert len(list(frames(video))) == 100
        assert video.warnings == []


# Frames that decode with one thread, as the footage's README measured them (mvhevc: with its side data left alone;
# not_utf8: once opened), and the clock that the container gives.
DECODED = {
    "packed_bframes.avi": (15, "dts"),
    "vc1_wmapro.ism.mp4": (120, "dts"),
    "metadata_not_utf8.mov": (10, "dts"),
    "ps_missing_pts.mpeg": (180, "pts"),
    "raw_no_timestamps.h264": (245, "none"),
    "mvhevc_side_data.mov": (11, "pts"),
    "corrupt_frames.mp4": (49, "pts"),
    "corrupt_many_errors.mp4": (163, "pts"),
    "truncated_rot90_sar.mp4": (33, "pts"),
    "derived_truncated_faststart.mp4": (87, "pts"),
    "interlaced_avchd.mts": (13, "pts"),
    "ts_no_initial_keyframe.ts": (15, "pts"),
}


@needs_footage
@pytest.mark.parametrize("name", sorted(DECODED))
def test_every_frame_that_decodes(name: str) -> None:
    """Damage and disorder cost no frame that one careful thread would find."""
    with open_video(TRICKY / name) as video:
        pts = [f.pts for f in frames(video)]
        assert (len(pts), video.info.timestamps) == DECODED[name]
        assert all(b > a for a, b in pairwise(pts))


@needs_footage
def test_mpeg4_comes_out_alike_each_time() -> None:
    """Frames held while the next ones are decoded: as one thread alone decodes them, every time."""
    path = TRICKY / "mxf_mpeg4_four_audio.mxf"
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "NONE"
        expected = [f.to_ndarray()[: f.height] for f in islice(container.decode(video=0), 12)]
    for _ in range(8):
        with open_video(path) as video:
            for frame, true in zip(list(islice(frames(video), 12)), expected, strict=True):
                assert np.array_equal(frame.luma, true)


@needs_footage
def test_deinterlacing_takes_the_combs_out() -> None:
    """auto leaves no combed frame in interlaced film, and no frame of progressive film is touched."""
    with open_video(TRICKY / "interlaced_avchd.mts") as video:
        assert not any(is_combed(f.luma) for f in frames(video))
        assert video.deinterlacer.changed > 0
    with open_video(TRICKY / "interlaced_avchd.mts", deinterlace="off") as video:
        assert any(is_combed(f.luma) for f in frames(video))
    with open_video(TRICKY / "derived_dv_pal.dv") as video:  # marked as interlaced, of one moment each
        assert len(list(frames(video))) == 12
        assert (video.deinterlacer.marked, video.deinterlacer.changed) == (12, 0)


@needs_footage
def test_second_video_stream() -> None:
    """--stream takes another picture; a cover is no film; sound is none either."""
    path = TRICKY / "two_video_two_audio_subs.mp4"
    assert (probe(path).width, probe(path, 3).width) == (320, 480)
    with pytest.raises(InputError, match="Its video streams are: 0, 3"):
        probe(path, 1)
    with pytest.raises(InputError, match="cover"):
        probe(TRICKY / "audio_only_cover.flac")


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "nv12", "yuyv422", "uyvy422"])
def test_formats_of_cameras_and_devices_are_deinterlaced(pix_fmt: str) -> None:
    """Combs go whatever the order of the bytes, and what was whole stays as it was, bit for bit."""
    wide = 128 + 60 * np.sin(np.arange(200) / 5)
    neutral = np.full((32, 96), 128, np.uint8)
    for combed in (True, False):
        deinterlacer, done, lumas = Deinterlacer("on"), [], []
        for number in range(4):
            luma = np.full((64, 96), 90, np.uint8)
            if combed:  # a pan: the lower field is half a frame later
                luma[::2], luma[1::2] = wide[12 * number :][:96], wide[12 * number + 6 :][:96]
            raw = av.VideoFrame.from_ndarray(np.concatenate([luma, neutral]), "yuv420p").reformat(format=pix_fmt)
            raw.pts, raw.time_base = number, Fraction(1, 25)
            done += deinterlacer.push(raw)
            lumas.append(luma)
        done += deinterlacer.flush()
        assert deinterlacer.changed == len(done) == 4
        for (_, whole), luma in zip(done, lumas, strict=True):
            assert whole is not None
            assert is_combed(luma) == combed
            assert not is_combed(whole)
            assert combed or np.array_equal(whole, luma)


def test_side_data_of_a_kind_that_pyav_does_not_know() -> None:
    """A film of two views (MV-HEVC) ended in a traceback: PyAV gives no side data at all beside an unknown kind."""

    class Frame:
        rotation = 90

        @property
        def side_data(self) -> dict[str, bytes]:
            raise ValueError("29 is not a valid Type")

    assert orientation(Frame()) == (90, False)  # type: ignore[arg-type]
    assert info._side_data([Frame()]) == set()  # type: ignore[list-item]


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_torn_end_keeps_alpha(tmp_path: Path, codec: str) -> None:
    """Pictures behind a torn packet are decoded again, by the decoder that reads alpha, too."""
    path = tmp_path / "alpha.webm"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"auto-alt-ref": "0"})
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuva420p"
        for number in range(6):
            frame = av.VideoFrame(32, 32, "yuva420p")
            for plane in frame.planes:
                rows_of(plane)[:] = 100 + 20 * number
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    found = list(decode._tail(path, 0, 40, EVEN))  # milliseconds, of the second frame
    assert len(found) == 4
    assert [round(float(rows_of(picture.planes[3])[:, :32].mean())) for picture in found] == pytest.approx(
        [140, 160, 180, 200], abs=4
    )
