"""Colors by their names: as on the web, #rrggbb or one of the names of CSS."""

from __future__ import annotations

from PIL import ImageColor

from vidcolor.errors import VidcolorError


def parse_color(text: str) -> tuple[int, int, int]:
    """Return R', G' and B' in 0..255 of #rrggbb, or of a name as in CSS Color 4: "navy", "grey".

    Raises:
        VidcolorError: it is neither.
    """
    try:
        red, green, blue, *_ = ImageColor.getrgb(text.strip())
    except ValueError:
        what = f"cannot use the color {text!r}"
        raise VidcolorError(what, "it is no color", "Write #rrggbb, or a name as on the web: navy") from None
    return int(red), int(green), int(blue)
