"""What code values mean: published values of Cineon and sRGB, inverses, and luma that is exact in each."""

from __future__ import annotations

import numpy as np
import pytest

from vidcolor.film.transfer import LINEAR, LOG, VIDEO, Transfer


def test_video_is_shown_as_it_is() -> None:
    """The code over the highest one."""
    assert VIDEO.shown(np.array([0, 512, 1023], np.uint16), 10) == pytest.approx([0, 512 / 1023, 1])


def test_codes_of_cineon() -> None:
    """Kodak's anchors: 95 is black, 685 white; 470, between them, has the light that the formula gives it."""
    shown = LOG.shown(np.array([95, 470, 685], np.uint16), 10)
    assert shown[0] == 0
    light = ((shown[1] + 0.055) / 1.055) ** 2.4
    assert light == pytest.approx((10 ** (-215 * 0.002 / 0.6) - 0.0108) / (1 - 0.0108), abs=1e-3)
    assert 0.9 < shown[2] < 1


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_log_shows_every_code_brighter_than_the_one_before(bits: int) -> None:
    """From black on: nothing above white is cut, and depths agree."""
    codes = np.arange(1 << bits, dtype=np.uint16 if bits > 8 else np.uint8)
    shown = LOG.shown(codes, bits)
    assert (np.diff(shown) >= 0).all()
    black, late = int(96 / 1023 * codes[-1]), int(980 / 1023 * codes[-1])
    if bits < 16:
        assert (np.diff(shown[black:late]) > 0).all()
    assert shown[::-1][0] <= 1


def test_light_is_shown_as_srgb() -> None:
    """IEC 61966-2-1: light of 0.214 is shown as half; what is brighter than white is white, what is no number black."""
    assert LINEAR.shown(np.array([0, 0.2140411, 1, 7, np.nan], np.float32), 32) == pytest.approx([0, 0.5, 1, 1, 0])
    assert LINEAR.shown(np.array([0, 14027, 65535], np.uint16), 16) == pytest.approx([0, 0.5, 1], abs=1e-4)


@pytest.mark.parametrize(("transfer", "bits"), [(VIDEO, 8), (VIDEO, 10), (LOG, 10), (LOG, 16), (LINEAR, 16)])
def test_paint_leaves_luma_and_neutral_alone(transfer: Transfer, bits: int) -> None:
    """No color gives grey again; strong colors give the same luma."""
    rng = np.random.default_rng(0)
    luma = rng.integers(0, 1 << bits, (50, 60)).astype(np.uint8 if bits == 8 else np.uint16)
    nothing = np.zeros(luma.shape, np.float32)
    assert np.array_equal(transfer.painted(luma, bits, nothing, nothing), np.repeat(luma[..., None], 3, axis=2))
    red, blue = (rng.normal(0, 0.2, luma.shape).astype(np.float32) for _ in range(2))
    assert np.array_equal(transfer.luma(transfer.painted(luma, bits, red, blue)), luma)
