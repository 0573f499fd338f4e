"""OpenEXR: light as half or float numbers, through the library of its makers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from vidcolor.errors import InputError
from vidcolor.film.images.metadata import Metadata
from vidcolor.film.images.samples import check_size, hushed, unreadable

SIGNATURE = b"\x76\x2f\x31\x01"
_MADE = (
    "channels",
    "dataWindow",
    "displayWindow",
    "compression",
    "type",
    "lineOrder",
    "version",
    "chunkCount",
    "tiles",
)


def read(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None, Metadata, list[str]]:
    """Return light ``(H, W)`` or ``(H, W, 3)`` of float16 or float32, opacity, the header, and what is not kept.

    Raises:
        InputError: it is damaged, or has no channels that are known.
    """
    try:
        with hushed(), OpenEXR.File(str(path), separate_channels=True) as file:
            parts = len(file.parts)
            header: dict[str, Any] = dict(file.header())
            channels = {name: channel.pixels for name, channel in file.channels().items()}
    except InputError:
        raise
    except Exception as error:  # its binding raises RuntimeError, ValueError and others, by where it stumbles
        raise unreadable(path, "it does not decode", "It is damaged, or no OpenEXR picture") from error
    (left, top), (right, bottom) = (np.asarray(corner).tolist() for corner in header["dataWindow"])
    width, height = right - left + 1, bottom - top + 1
    check_size(path, width, height)
    wanted = ("R", "G", "B") if "R" in channels else ("Y",)
    if any(name not in channels for name in wanted):
        raise unreadable(path, f"its channels are {' '.join(sorted(channels))}", "Save it with R, G, B or with Y")
    if "RY" in channels or any(channels[name].shape != (height, width) for name in wanted):
        raise unreadable(path, "its colors have a size of their own (luminance and chroma)", "Save it as RGB")
    kinds = {channels[name].dtype for name in wanted}
    if not kinds <= {np.dtype(np.float16), np.dtype(np.float32)}:
        raise unreadable(path, "its values are whole numbers", "Save it as half or float")
    planes = [channels[name] for name in wanted]
    values = planes[0] if len(planes) == 1 else np.stack(planes, axis=-1)
    alpha = channels["A"] if "A" in channels and channels["A"].shape == (height, width) else None
    unknown = sorted(set(channels) - {"R", "G", "B", "Y", "A"})
    losses = [f"its channels {' '.join(unknown)} are not kept"] if unknown else []
    losses += [f"only the first of {parts} pictures in it is colored"] if parts > 1 else []
    return np.ascontiguousarray(values), alpha, Metadata(attributes=tuple(header.items())), losses


def size(path: Path) -> tuple[int, int, int]:
    """Return width and height of an OpenEXR file's picture, and 0: its header does not tell the kind of numbers.

    Raises:
        InputError: its header is damaged.
    """
    try:
        with hushed(), OpenEXR.File(str(path), header_only=True) as file:
            window = file.header()["dataWindow"]
    except Exception as error:  # as in read
        raise unreadable(path, "it does not decode", "It is damaged, or no OpenEXR picture") from error
    (left, top), (right, bottom) = (np.asarray(corner).tolist() for corner in window)
    return right - left + 1, bottom - top + 1, 0


def write(path: Path, light: NDArray[Any], alpha: NDArray[Any] | None, metadata: Metadata) -> None:
    """Write light ``(H, W, 3)`` of float16 or float32 as an OpenEXR file, packed without loss.

    Raises:
        OSError: the place cannot be written.
    """
    kept = {name: value for name, value in metadata.attributes if name not in _MADE}
    windows = {name: value for name, value in metadata.attributes if name in ("dataWindow", "displayWindow")}
    header = {**kept, **windows, "compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    channels = {name: np.ascontiguousarray(light[..., n]) for n, name in enumerate("RGB")}
    if alpha is not None:
        channels["A"] = np.ascontiguousarray(alpha.astype(light.dtype))
    try:
        with hushed(), OpenEXR.File(header, channels) as file:
            file.write(str(path))
    except (RuntimeError, ValueError) as error:
        raise OSError(str(error)) from error
