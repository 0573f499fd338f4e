"""Clips: a few small pictures as a film in memory, which any browser plays."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange, Colorspace

from vidcolor.color.arrays import RgbImage
from vidcolor.film.encoding.codecs import codec_options

_BT709, _SRGB = 1, 13  # H.273, tables 2 to 4


def encode_clip(pictures: Sequence[RgbImage], rate: Fraction, crf: int) -> bytes:
    """Return sRGB pictures ``(H, W, 3)`` as H.264 in MP4.

    Picture n is shown at n / rate seconds: no picture waits for a later one, and nothing is edited out.

    Args:
        pictures: All of one size; an odd last row or column is left out.
        rate: Pictures a second.
        crf: Quality, 0..51; lower is better and larger.
    """
    height, width = (side - side % 2 for side in pictures[0].shape[:2])
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options=codec_options("libx264", crf, "slow") | {"bf": "0"})
        context: VideoCodecContext = stream.codec_context
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context.colorspace, context.color_range = Colorspace.ITU709.value, ColorRange.MPEG.value
        context.color_primaries, context.color_trc = _BT709, _SRGB
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture[:height, :width].copy(), format="rgb24")
            planes = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
            container.mux(stream.encode(planes))
        container.mux(stream.encode(None))
    return buffer.getvalue()
