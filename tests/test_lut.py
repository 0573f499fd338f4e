"""Look-up tables are read in both dialects and give the colors that libavfilter gives with the same file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidcolor.color.lut import read_lut
from vidcolor.color.spaces import rgb_to_lab, rgb_to_luma
from vidcolor.errors import InputError


def rgb(height: int = 24, width: int = 40, seed: int = 0) -> Tensor:
    """Random R'G'B' ``(3, H, W)`` in 0..1."""
    return torch.rand((3, height, width), generator=torch.Generator().manual_seed(seed))


def rows(values: NDArray[np.float64]) -> str:
    return "\n".join(" ".join(f"{v:.9f}" for v in row) for row in values.reshape(-1, 3))


def cube(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "look.cube"
    path.write_text(text)
    return path


def identity(size: int) -> NDArray[np.float64]:
    """The colors of a grid, red fastest, as a file lists them."""
    axis = np.linspace(0, 1, size)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    return np.stack([red, green, blue], axis=-1)


GRID = rows(identity(2))


def filtered(name: str, path: Path, picture: Tensor, options: str = "") -> Tensor:
    """R'G'B' as libavfilter changes it with a .cube file, in floating point."""
    frame = av.VideoFrame.from_ndarray(picture.movedim(0, -1).numpy(), format="gbrpf32le")
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1))
    change = graph.add(name, f"file={path}{options}")
    sink = graph.add("buffersink")
    source.link_to(change)
    change.link_to(sink)
    graph.configure()
    graph.push(frame)
    return torch.from_numpy(graph.pull().to_ndarray()).movedim(-1, 0)


@pytest.mark.parametrize("size", [2, 5, 17])
def test_identity_changes_nothing(tmp_path: Path, size: int) -> None:
    """A grid whose colors are its own places."""
    lut = read_lut(cube(tmp_path, f'TITLE "nothing # at all"\nLUT_3D_SIZE {size}\n{rows(identity(size))}\n'))
    assert torch.allclose(lut(rgb()), rgb(), atol=1e-6)


@pytest.mark.parametrize("size", [2, 3, 9])
def test_a_table_of_three_dimensions_is_that_of_libavfilter(tmp_path: Path, size: int) -> None:
    """Random colors at the points of the grid, between them tetrahedra."""
    values = np.random.default_rng(size).random((size, size, size, 3))
    path = cube(tmp_path, f"# a comment\nLUT_3D_SIZE {size}\n\n{rows(values)}\n")
    assert torch.allclose(read_lut(path)(rgb()), filtered("lut3d", path, rgb(), ":interp=tetrahedral"), atol=1e-5)


def test_a_table_of_one_dimension_is_that_of_libavfilter(tmp_path: Path) -> None:
    """A curve for each of red, green and blue."""
    values = np.random.default_rng(0).random((11, 3))
    path = cube(tmp_path, f"LUT_1D_SIZE 11\n{rows(values)}\n")
    assert torch.allclose(read_lut(path)(rgb()), filtered("lut1d", path, rgb(), ":interp=linear"), atol=1e-5)


def test_each_channel_has_its_own_domain(tmp_path: Path) -> None:
    """Any mixture of the channels, sampled on such a grid, is given back between its points."""
    low, high = np.array([0, -0.5, 0.25]), np.array([1, 1.5, 2])
    mixture = np.random.default_rng(1).random((3, 3))
    values = (low + identity(4) * (high - low)) @ mixture
    domain = "DOMAIN_MIN 0 -0.5 0.25\nDOMAIN_MAX 1 1.5 2\n"
    picture = rgb()
    picture[2] = 0.25 + 0.75 * picture[2]
    found = read_lut(cube(tmp_path, f"{domain}LUT_3D_SIZE 4\n{rows(values)}\n"))(picture)
    wanted = torch.einsum("ihw,io->ohw", picture, torch.from_numpy(mixture).float())
    assert torch.allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("domain", ["DOMAIN_MIN -1 -1 -1\nDOMAIN_MAX 3 3 3", "LUT_3D_INPUT_RANGE -1 3"])
def test_colors_lie_between_the_ends_of_the_domain(tmp_path: Path, domain: str) -> None:
    """A grid over -1..3 that holds its own places changes nothing; in both dialects."""
    lut = read_lut(cube(tmp_path, f"{domain}\nLUT_3D_SIZE 5\n{rows(identity(5) * 4 - 1)}\n"))
    assert torch.allclose(lut(rgb()), rgb(), atol=1e-5)


def test_colors_outside_the_domain_take_those_of_its_ends(tmp_path: Path) -> None:
    """What lies below the first point, or above the last."""
    lut = read_lut(cube(tmp_path, f"DOMAIN_MIN 0.2 0.2 0.2\nDOMAIN_MAX 0.8 0.8 0.8\nLUT_3D_SIZE 2\n{GRID}\n"))
    assert torch.allclose(lut(rgb()), ((rgb() - 0.2) / 0.6).clamp(0, 1), atol=1e-6)


def test_resolve_puts_curves_before_the_grid(tmp_path: Path) -> None:
    """A curve that squares, then a grid that exchanges red and blue."""
    curve = np.repeat((np.linspace(0, 1, 65) ** 2)[:, None], 3, axis=1)
    header = "LUT_1D_SIZE 65\nLUT_1D_INPUT_RANGE 0.0 1.0\nLUT_3D_SIZE 3\nLUT_3D_INPUT_RANGE 0.0 1.0\n"
    lut = read_lut(cube(tmp_path, f"{header}{rows(curve)}\n{rows(identity(3)[..., ::-1])}\n"))
    assert torch.allclose(lut(rgb()), (rgb() ** 2).flip(0), atol=1e-4)


def test_resolve_s_example_is_read(tmp_path: Path) -> None:
    """The head of the sample in DaVinci Resolve's documentation: red rises first."""
    sample = ["0.000000 0.000000 0.000000", "0.047059 0.000000 0.000000", "0.101961 0.000000 0.000000"]
    rest = ["0.5 0.5 0.5"] * (33**3 - len(sample))
    header = ["LUT_3D_SIZE 33", "LUT_3D_INPUT_RANGE 0.0 1.0"]
    lut = read_lut(cube(tmp_path, "\r\n".join([*header, *sample, *rest])))
    red = torch.tensor([0, 1, 2]).reshape(1, 1, 3) / 32
    found = lut(torch.cat([red, torch.zeros(2, 1, 3)]))
    assert torch.allclose(found[0, 0], torch.tensor([0, 0.047059, 0.101961]), atol=1e-6)


def test_greys_are_made_of_the_table_s_greys(tmp_path: Path) -> None:
    """Colors at the other corners of a cube don't tint what lies on its diagonal."""
    values = identity(2)
    values[[0, 0, 0, 1, 1, 1], [0, 1, 1, 0, 0, 1], [1, 0, 1, 0, 1, 0]] = (1.0, 0.0, 0.0)
    grey = torch.linspace(0, 1, 30).expand(3, 1, 30)
    assert torch.allclose(read_lut(cube(tmp_path, f"LUT_3D_SIZE 2\n{rows(values)}\n"))(grey), grey, atol=1e-6)


def test_ab_changes_as_the_colors_do(tmp_path: Path) -> None:
    """A curve on red changes a* and b* as much as it changes them of the same colors in R'G'B'."""
    curve = np.linspace(0, 1, 33)[:, None] ** np.array([0.9, 1.0, 1.0])
    lut = read_lut(cube(tmp_path, f"LUT_1D_SIZE 33\n{rows(curve)}\n"))
    colors = 0.3 + 0.4 * rgb()[None]
    found = lut.on_ab(rgb_to_luma(colors, "bt709"), rgb_to_lab(colors)[:, 1:], "bt709")
    assert (found - rgb_to_lab(lut(colors))[:, 1:]).abs().mean() < 0.3  # ab units; the table of chroma is that exact


def test_identity_leaves_ab_outside_the_gamut_alone(tmp_path: Path) -> None:
    """What the picture cannot show is limited later, not here."""
    lut = read_lut(cube(tmp_path, f"LUT_3D_SIZE 2\n{rows(identity(2))}\n"))
    ab = (rgb()[None, :2] - 0.5) * 200
    assert torch.allclose(lut.on_ab(rgb(seed=1)[None, :1], ab, "bt601"), ab, atol=1e-3)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "line 1: no LUT_1D_SIZE or LUT_3D_SIZE"),
        (f"LUT_3D_SIZE 1\n{GRID}", "line 1: LUT_3D_SIZE must be a whole number in 2..129, not '1'"),
        (f"LUT_3D_SIZE 130\n{GRID}", "line 1: LUT_3D_SIZE must be"),
        ("LUT_1D_SIZE two", "line 1: LUT_1D_SIZE must be a whole number in 2..65536"),
        (f"LUT_3D_SIZE 2\n{GRID}\n0 0 0", "line 10: there are more colors than the 8"),
        (f"LUT_3D_SIZE 3\n{GRID}", "line 9: the file ends after 8 of 27 colors"),
        ("LUT_3D_SIZE 2\n0 0 zero", "line 2: 3 numbers are expected, not '0 0 zero'"),
        ("LUT_3D_SIZE 2\n0 0", "line 2: 3 numbers are expected"),
        ("LUT_3D_SIZE 2\nnan 0 0", "line 2: 3 numbers are expected"),
        (f"{GRID}\nLUT_3D_SIZE 2", "line 1: colors come before"),
        ("LUT_3D_SIZE 2\n0 0 0\nLUT_1D_SIZE 2", "line 3: LUT_1D_SIZE comes after colors"),
        ("LUT_3D_SIZE 2\nDOMAIN_MIN 0 0 1", "line 2: the highest value of the range is not above"),
        ("LUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE 1 0", "line 2: the highest value of the range is not above"),
        ("LUT_3D_SIZE 2\nLUT_4D_SIZE 2", "line 2: there is no keyword 'LUT_4D_SIZE'"),
        ("\x89PNG\r\n\x1a\n", "line 1: 3 numbers are expected"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, why: str) -> None:
    """One line tells what is wrong, and where."""
    with pytest.raises(InputError) as caught:
        read_lut(cube(tmp_path, text))
    assert why in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """So is a folder in its place."""
    for path in (tmp_path / "none.cube", tmp_path):
        with pytest.raises(InputError, match="cannot read the LUT"):
            read_lut(path)
