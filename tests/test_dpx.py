"""DPX as scanners, labs and other programs write it; FFmpeg and numbers worked out by hand are the witnesses."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from vidcolor.errors import InputError
from vidcolor.film.images.bitpacking import FILLED_A, FILLED_B, PACKED, Packing
from vidcolor.film.images.dpx import Header, new_header, read_dpx, read_header, write_dpx
from vidcolor.film.images.image import Image
from vidcolor.film.images.metadata import Metadata
from vidcolor.film.transfer import LINEAR, LOG, VIDEO

LUMA, RGB, RGBA, ABGR = 6, 50, 51, 52
Array = NDArray[Any]


def codes(bits: int, channels: int, width: int = 35, height: int = 8) -> Array:
    values = np.random.default_rng(bits + channels).integers(0, 1 << bits, (height, width, channels))
    return values.astype(np.uint8 if bits == 8 else np.uint16)


def header(
    width: int, height: int, bits: int, descriptor: int, method: int, order: str = ">", transfer: int = 6, **fields: Any
) -> bytearray:
    """A header as a scanner writes it, with something in every part of it."""
    data = bytearray(np.random.default_rng(9).integers(0, 256, 3000, dtype=np.uint8).tobytes())
    struct.pack_into(order + "II", data, 0, 0x53445058, len(data))
    data[8:16] = b"V2.0\0\0\0\0"
    data[160:260] = b"Scan Station 5".ljust(100, b"\0")
    struct.pack_into(order + "HHII", data, 768, 0, 1, width, height)
    struct.pack_into(order + "I", data, 780, 0)
    struct.pack_into(order + "4BHHIII", data, 800, descriptor, transfer, 6, bits, method, 0, len(data), 0, 0)
    data[1556:1588] = b"Imager 7".ljust(32, b"\0")
    for offset, (form, value) in fields.get("fields", {}).items():
        struct.pack_into(order + form, data, offset, value)
    return data


def by_hand(samples: list[int], bits: int, method: int, grey: bool) -> list[int]:
    """The words of a row, one bit at a time: the standard's figures put into a loop."""
    if bits == 10 and method != PACKED:
        words = []
        for start in range(0, len(samples), 3):
            word = 0
            for place, value in enumerate(samples[start : start + 3]):
                position = 10 * place if grey else 20 - 10 * place
                word |= value << (position + (2 if method == FILLED_A else 0))
            words.append(word)
        return words
    stream = 0
    for place, value in enumerate(samples):
        stream |= value << (bits * place)
    count = -(-len(samples) * bits // 32)
    return [(stream >> (32 * n)) & 0xFFFFFFFF for n in range(count)]


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("width", [1, 2, 3, 8, 35])
@pytest.mark.parametrize(("bits", "method"), [(10, PACKED), (10, FILLED_A), (10, FILLED_B), (12, PACKED)])
def test_words_are_those_of_the_standard(bits: int, method: int, width: int, channels: int, order: str) -> None:
    """Samples that share words, against a loop over bits, there and back."""
    values = codes(bits, channels, width, 4)
    packing = Packing(bits, method, channels, order == ">")
    stored = packing.pack(values)
    expected = [by_hand(row.reshape(-1).tolist(), bits, method, channels == 1) for row in values]
    assert stored.view(order + "u4").tolist() == expected
    assert np.array_equal(packing.unpack(stored.reshape(-1), width, 4), values)


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    ("bits", "method"), [(8, PACKED), (12, FILLED_A), (12, FILLED_B), (16, PACKED), (16, FILLED_A)]
)
def test_whole_cells_and_their_padding(bits: int, method: int, channels: int, order: str) -> None:
    """Samples in bytes and words of their own; rows end with a whole word of 32 bits."""
    values = codes(bits, channels)
    packing = Packing(bits, method, channels, order == ">")
    stored = packing.pack(values)
    assert stored.shape[1] % 4 == 0
    cells = stored if bits == 8 else stored.view(order + "u2")
    shift = 4 if (bits, method) == (12, FILLED_A) else 0
    assert np.array_equal(cells[:, : 35 * channels].reshape(values.shape), values << shift)
    assert np.array_equal(packing.unpack(stored.reshape(-1), 35, 8), values)


def pixels_of_ffmpeg(path: Path) -> Array:
    """Samples ``(H, W, channels)`` as FFmpeg decodes them."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    wide = frame.format.components[0].bits > 8
    kind = np.dtype((">u2" if frame.format.is_big_endian else "<u2") if wide else "u1")
    rows = [np.frombuffer(plane, kind).reshape(frame.height, -1) for plane in frame.planes]
    if frame.format.name.startswith("gbr"):
        rows = [rows[place] for place in (2, 0, 1, 3)[: len(rows)]]
    count = 1 if len(rows) > 1 else len(frame.format.components)
    return np.concatenate([row[:, : frame.width * count].reshape(len(row), -1, count) for row in rows], axis=2)


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize(
    ("bits", "method", "descriptor"),
    [
        (8, PACKED, LUMA), (8, PACKED, RGB), (8, PACKED, RGBA), (10, FILLED_A, LUMA), (10, FILLED_B, LUMA),
        (10, FILLED_A, RGB), (10, FILLED_B, RGB), (12, PACKED, LUMA), (12, PACKED, RGB), (12, FILLED_A, RGB),
        (12, FILLED_B, LUMA), (16, PACKED, LUMA), (16, PACKED, RGB), (16, PACKED, RGBA),
    ],
)  # fmt: skip
def test_ffmpeg_reads_the_same(tmp_path: Path, bits: int, method: int, descriptor: int, order: str) -> None:
    """Every kind that FFmpeg knows comes out of both readers alike."""
    channels = {LUMA: 1, RGB: 3, RGBA: 4}[descriptor]
    values = codes(bits, channels, 36, 8)
    stored = Packing(bits, method, channels, order == ">").pack(values)
    (tmp_path / "a.dpx").write_bytes(header(36, 8, bits, descriptor, method, order) + stored.tobytes())
    image = read_dpx(tmp_path / "a.dpx")
    assert image.bits == bits
    assert np.array_equal(image.pixels, values.squeeze()[..., :3] if channels > 1 else values[..., 0])
    assert np.array_equal(pixels_of_ffmpeg(tmp_path / "a.dpx"), values)


@pytest.mark.parametrize("name", ["creator", "device"])
@pytest.mark.parametrize("method", [FILLED_A, FILLED_B])
def test_grey_rows_without_padding(tmp_path: Path, method: int, name: str) -> None:
    """Lasergraphics and Scanity let a row begin in the middle of a word; FFmpeg knows them too, by their names."""
    values = codes(10, 1, 35, 8)
    stored = Packing(10, method, 1, True, padded=False)
    words = by_hand(values.reshape(-1).tolist(), 10, method, grey=True)
    data = header(35, 8, 10, LUMA, method)
    if name == "creator":
        data[160:180] = b"Lasergraphics Inc.\0\0"
    else:
        data[1556:1564] = b"Scanity\0"
    (tmp_path / "a.dpx").write_bytes(bytes(data) + struct.pack(f">{len(words)}I", *words))
    assert stored.size(35, 8) == 4 * len(words)
    assert np.array_equal(read_dpx(tmp_path / "a.dpx").pixels, values[..., 0])
    with av.open(str(tmp_path / "a.dpx")) as container:
        assert np.array_equal(next(container.decode(video=0)).to_ndarray(), values[..., 0])


def test_rows_without_padding_of_an_unknown_scanner(tmp_path: Path) -> None:
    """A file that is just as long as unpadded rows are has them, whoever wrote it; and the other way round."""
    values = codes(10, 1, 35, 8)
    tight = Packing(10, FILLED_A, 1, True, padded=False)
    words = by_hand(values.reshape(-1).tolist(), 10, FILLED_A, grey=True)
    assert tight.size(35, 8) == 4 * len(words)
    (tmp_path / "a.dpx").write_bytes(header(35, 8, 10, LUMA, FILLED_A) + struct.pack(f">{len(words)}I", *words))
    assert np.array_equal(read_dpx(tmp_path / "a.dpx").pixels, values[..., 0])
    data = header(35, 8, 10, LUMA, FILLED_A)
    data[160:178] = b"Lasergraphics Inc."
    (tmp_path / "b.dpx").write_bytes(data + Packing(10, FILLED_A, 1, True).pack(values).tobytes())
    assert np.array_equal(read_dpx(tmp_path / "b.dpx").pixels, values[..., 0])


def test_bytes_behind_each_row(tmp_path: Path) -> None:
    """End-of-line padding of the header is passed over, and of no meaning in what is written."""
    values = codes(10, 3, 6, 4)
    stored = np.pad(Packing(10, FILLED_A, 3, True).pack(values), ((0, 0), (0, 8)), constant_values=99)
    (tmp_path / "a.dpx").write_bytes(header(6, 4, 10, RGB, FILLED_A, fields={812: ("I", 8)}) + stored.tobytes())
    image = read_dpx(tmp_path / "a.dpx")
    assert np.array_equal(image.pixels, values)
    write_dpx(tmp_path / "b.dpx", image)
    assert np.array_equal(read_dpx(tmp_path / "b.dpx").pixels, values)


@pytest.mark.parametrize("orientation", range(8))
def test_rows_that_lie_otherwise(tmp_path: Path, orientation: int) -> None:
    """From the bottom, from the right, in columns: read upright, and written as they lay."""
    values = codes(10, 3, 6, 4)
    data = header(6, 4, 10, RGB, FILLED_A, fields={768: ("H", orientation)})
    data += Packing(10, FILLED_A, 3, True).pack(values).tobytes()
    struct.pack_into(">I", data, 16, len(data))
    (tmp_path / "a.dpx").write_bytes(data)
    image = read_dpx(tmp_path / "a.dpx")
    # ST 268-1, table 2: line direction and frame direction of the first sample
    upright = {0: values, 1: values[:, ::-1], 2: values[::-1], 3: values[::-1, ::-1]}
    if orientation in upright:
        assert np.array_equal(image.pixels, upright[orientation])
    else:
        assert image.pixels.shape == (6, 4, 3)
    write_dpx(tmp_path / "b.dpx", image)
    assert (tmp_path / "b.dpx").read_bytes() == bytes(data)


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize(
    ("bits", "method"), [(10, FILLED_A), (10, FILLED_B), (10, PACKED), (12, PACKED), (12, FILLED_A), (16, PACKED)]
)
def test_a_grey_frame_in_colors_keeps_its_header(tmp_path: Path, bits: int, method: int, order: str) -> None:
    """All bytes of it but the descriptor and the lengths: what the lab noted, user data, timecode, rate."""
    values = codes(bits, 1)
    data = header(35, 8, bits, LUMA, method, order)
    (tmp_path / "a.dpx").write_bytes(bytes(data) + Packing(bits, method, 1, order == ">").pack(values).tobytes())
    grey = read_dpx(tmp_path / "a.dpx")
    colored = np.repeat(grey.pixels[..., None], 3, axis=2)
    write_dpx(tmp_path / "b.dpx", Image(colored, bits, transfer=grey.transfer, metadata=grey.metadata))
    found = (tmp_path / "b.dpx").read_bytes()[: len(data)]
    changed = {place for place in range(len(data)) if found[place] != data[place]}
    assert changed <= {16, 17, 18, 19, 800}
    assert struct.unpack_from(order + "I", found, 16)[0] == (tmp_path / "b.dpx").stat().st_size
    assert np.array_equal(read_dpx(tmp_path / "b.dpx").pixels, colored)


def test_rate_and_timecode() -> None:
    """The film's rate, then the television's; 23.976 is 24000/1001; undefined fields tell nothing; both can be set."""
    empty = new_header(4, 4, 10, VIDEO, 3)
    assert (empty.rate, empty.timecode) == (None, "")
    for value, rate in (
        (24.0, Fraction(24)),
        (23.976, Fraction(24000, 1001)),
        (16.0, Fraction(16)),
        (18.5, Fraction(37, 2)),
    ):
        data = bytearray(empty.data)
        struct.pack_into(">f", data, 1940, value)
        assert Header(bytes(data)).rate == rate
        struct.pack_into(">f", data, 1724, 25.0)
        assert Header(bytes(data)).rate == 25
    assert empty.with_rate(Fraction(30000, 1001)).rate == Fraction(30000, 1001)
    timed = empty.with_timecode("01:02:03:14")
    assert struct.unpack_from(">I", timed.data, 1920) == (0x01020314,)  # ST 12, in decimal digits of four bits
    assert timed.timecode == "01:02:03:14"
    assert empty.with_timecode("10:00:00;02").timecode == "10:00:00;02"


def test_ffmpeg_reads_rate_timecode_and_depth_of_a_new_file(tmp_path: Path) -> None:
    """A picture that was no DPX before gets a whole header."""
    head = new_header(6, 4, 10, VIDEO, 3).with_rate(Fraction(24)).with_timecode("01:00:00:00")
    write_dpx(tmp_path / "a.dpx", Image(codes(10, 3, 6, 4), 10, metadata=Metadata(header=head.data)))
    with av.open(str(tmp_path / "a.dpx")) as container:
        frame = next(container.decode(video=0))
        assert frame.format.name.startswith("gbrp10")
        assert frame.color_trc == 1  # H.273: BT.709
    assert read_header(tmp_path / "a.dpx").rate == 24


def test_a_file_of_ffmpeg_has_no_film_header(tmp_path: Path) -> None:
    """Its picture begins where the film's fields would lie: they are not read out of it; its "linear" is video."""
    with av.open(str(tmp_path / "a.dpx"), "w", format="image2") as container:
        stream = container.add_stream("dpx", rate=24)
        stream.width, stream.height, stream.pix_fmt = 36, 8, "gbrp10be"
        container.mux(
            stream.encode(av.VideoFrame.from_ndarray(codes(8, 3, 36, 8), "rgb24").reformat(format="gbrp10be"))
        )
        container.mux(stream.encode(None))
    image = read_dpx(tmp_path / "a.dpx")
    assert Header(image.metadata.header).rate is None
    assert Header(image.metadata.header).timecode == ""
    assert image.transfer is VIDEO


@pytest.mark.parametrize(
    ("number", "bits", "meaning"),
    [(1, 10, LOG), (3, 10, LOG), (2, 10, VIDEO), (2, 16, LINEAR), (6, 10, VIDEO), (255, 10, VIDEO)],
)
def test_the_header_tells_what_codes_mean(tmp_path: Path, number: int, bits: int, meaning: Any) -> None:
    """Density is log; linear light is believed of 16 bits; the caller may know better."""
    data = (
        header(6, 4, bits, RGB, FILLED_A, transfer=number)
        + Packing(bits, FILLED_A, 3, True).pack(codes(bits, 3, 6, 4)).tobytes()
    )
    (tmp_path / "a.dpx").write_bytes(data)
    assert read_dpx(tmp_path / "a.dpx").transfer is meaning
    assert read_dpx(tmp_path / "a.dpx", LOG).transfer is LOG


@pytest.mark.parametrize(
    ("offset", "form", "value", "why"),
    [
        (4, "I", 0, "begin at byte 0"),
        (4, "I", 10**9, "begin at byte"),
        (770, "H", 3, "3 image elements"),
        (772, "I", 0, "0x8 pixels"),
        (772, "I", 0xFFFFFFFF, "4294967295x8 pixels"),
        (776, "I", 100, "cut short"),
        (780, "I", 1, "signed"),
        (800, "B", 100, "Y'CbCr 4:2:2"),
        (800, "B", 77, "unknown kind"),
        (803, "B", 32, "32-bit"),
        (804, "H", 9, "unknown way"),
        (806, "H", 1, "run-length"),
    ],
)
def test_absurd_headers_are_one_line(tmp_path: Path, offset: int, form: str, value: int, why: str) -> None:
    """What is wrong, and what to do."""
    data = header(35, 8, 10, RGB, FILLED_A)
    stored = Packing(10, FILLED_A, 3, True).pack(codes(10, 3)).tobytes()
    struct.pack_into(">" + form, data, offset, value)
    if offset == 4:
        struct.pack_into(">I", data, 808, 0)
    (tmp_path / "a.dpx").write_bytes(bytes(data) + stored)
    with pytest.raises(InputError, match=rf"cannot open .*a\.dpx: .*{why}") as caught:
        read_dpx(tmp_path / "a.dpx")
    assert "\n" not in str(caught.value)


def test_a_cut_file_is_one_line(tmp_path: Path) -> None:
    """In the header, and in the picture."""
    data = bytes(header(35, 8, 10, RGB, FILLED_A)) + Packing(10, FILLED_A, 3, True).pack(codes(10, 3)).tobytes()
    for length in (0, 3, 500, 1000, 2999, 3000, len(data) - 1):
        (tmp_path / "a.dpx").write_bytes(data[:length])
        with pytest.raises(InputError, match="cannot open"):
            read_dpx(tmp_path / "a.dpx")
