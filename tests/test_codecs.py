"""Encoders by their names, with what --crf and --preset mean to each."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidcolor.errors import OutputError
from vidcolor.film.encoding.codecs import KNOWN, choose_codec, codec_options


def test_quality_of_hardware_encoders_by_their_own_names() -> None:
    """--crf and --preset mean the same for every encoder; NVIDIA's call the first cq and count the second."""
    assert codec_options("h264_nvenc", 23, "p7") | {"b": ""} == {"rc": "vbr", "cq": "23", "b": "", "preset": "p7"}
    with pytest.raises(OutputError, match="no preset"):
        codec_options("h264_nvenc", None, "veryfast")


@pytest.mark.parametrize("alias", ["h264", "hevc", "av1", "vp9"])
def test_codecs_by_their_common_names(alias: str) -> None:
    """They are the encoders that stand behind them, with all their settings."""
    name = choose_codec(Path("out.mkv"), alias)
    assert name in KNOWN
    assert codec_options(name, 18, "")
