"""How the network sees a film: at which size, which way up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vidcolor.errors import InputError
from vidcolor.film.frame import ColorTags, VideoInfo
from vidcolor.film.reader import probe
from vidcolor.network.config import NetworkConfig
from vidcolor.pipeline.view import View

SAMPLES = Path(__file__).parent.parent / "samples"
STILL = VideoInfo.of_still(90, 60, ColorTags("bt709", full_range=True))


def test_pictures_and_films_have_sizes_of_their_own() -> None:
    """A single picture is looked at closer than a film's frame."""
    config = NetworkConfig(size=96, still_size=128)
    film = probe(SAMPLES / "reel.mp4")
    assert View(STILL, config.short_side(STILL.is_still), 32).height == 128
    assert View(film, config.short_side(film.is_still), 32).height == 96
    assert config.with_(still_size=0).short_side(still=True) == 96


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_sizes_are_multiples_of_the_networks_stride(stride: int) -> None:
    """The picture's shape is kept as nearly as the network's own stride allows, and no finer."""
    for width, height in ((90, 60), (61, 97), (1920, 1080), (300, 299)):
        view = View(replace(STILL, width=width, height=height), 160, stride)
        assert view.width % stride == view.height % stride == 0
        assert abs(view.width / view.height - width / height) <= stride / 160 * width / height


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, -90, 180])
def test_the_network_sees_what_a_player_shows(rotation: int, mirrored: bool) -> None:
    """Turned anticlockwise, then left and right exchanged; and what the network gives goes back to its place."""
    view = View(replace(STILL, rotation=rotation, mirrored=mirrored), 64, 32)
    luma = np.arange(6, dtype=np.float32).reshape(2, 3)
    shown = {0: luma, 90: luma.T[::-1], 180: luma[::-1, ::-1], -90: luma.T[:, ::-1]}[rotation]
    shown = shown[:, ::-1] if mirrored else shown
    np.testing.assert_array_equal(view.upright(luma), shown)
    np.testing.assert_array_equal(view.stored(np.stack([shown, -shown])), np.stack([luma, -luma]))


def test_high_dynamic_range_is_refused() -> None:
    """Its code values would take wrong colors."""
    with pytest.raises(InputError, match="high dynamic range"):
        View(replace(STILL, hdr="PQ"), 64, 32)
