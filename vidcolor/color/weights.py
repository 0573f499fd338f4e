"""What red, green and blue count in the luma of a film. In a module of its own: torch takes a second to be imported."""

from __future__ import annotations

from typing import Literal

Matrix = Literal["bt601", "bt709", "bt2020"]

# Luma weights (Kr, Kb): ITU-R BT.601-7 2.5.1, BT.709-6 3.2, BT.2020-2 table 4 (non-constant luminance).
LUMA_WEIGHTS: dict[str, tuple[float, float]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
}
