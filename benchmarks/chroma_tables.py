"""Compute the tables that chroma is looked up in, and tell how far they are from the exact solver.

    python benchmarks/chroma_tables.py [--write]

With --write they go to where vidcolor finds them. The errors are those of Cb and Cr in 8-bit codes: over all of sRGB,
and for ordinary colors (|a| and |b| up to 40, luma of 0.1 to 0.9).
"""

from __future__ import annotations

import argparse
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from vidcolor.color.gamut import STORED, ChromaTable, ab_to_cbcr
from vidcolor.color.spaces import rgb_to_lab, rgb_to_luma
from vidcolor.color.weights import Matrix
from vidcolor.report.tables import Table

SIDE = 400  # of the square of random colors
CODES = 224  # of Cb and Cr in 8 bits


def off(table: ChromaTable, matrix: Matrix, luma: Tensor, ab: Tensor) -> list[str]:
    """The mean error and that which 99 of 100 stay below, in codes."""
    errors = (table(luma, ab) - ab_to_cbcr(luma, ab, matrix)).abs().flatten().numpy() * CODES
    return [f"{errors.mean():.2f}", f"{sorted(errors)[int(0.99 * len(errors))]:.1f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    chance = torch.Generator().manual_seed(0)
    rgb, luma, ab = (torch.rand(1, n, SIDE, SIDE, generator=chance) for n in (3, 1, 2))
    nodes = {matrix: ChromaTable.nodes(matrix) for matrix in get_args(Matrix)}
    rows = []
    for matrix, found in nodes.items():
        table = ChromaTable(found)
        whole = off(table, matrix, rgb_to_luma(rgb, matrix), rgb_to_lab(rgb)[:, 1:])
        rows.append([matrix, *whole, *off(table, matrix, 0.1 + 0.8 * luma, (ab * 2 - 1) * 40)])
    headings = ["matrix", "sRGB, mean", "99 of 100", "ordinary, mean", "99 of 100"]
    print(Table(headings, rows).markdown())
    if arguments.write:
        np.savez(STORED, **nodes)


if __name__ == "__main__":
    main()
