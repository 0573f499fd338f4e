"""Every error that vidcolor raises on purpose, as one tree.

    VidcolorError            what failed, why, and what to do about it
    |-- InputError           the source cannot be read, or holds no picture
    |-- OutputError          the target cannot be written, or the codec and container do not fit
    |-- DeviceError          the accelerator asked for is absent or out of memory
    |-- CheckpointError      weights that are missing, damaged or of another network
    `-- DataError            training or evaluation data that cannot be used

The command line turns any of them into one line on stderr and exit code 1.
"""

from __future__ import annotations


class VidcolorError(Exception):
    """An expected failure, told in three short parts.

    Args:
        what: What failed, as a phrase: "cannot open film.mp4".
        why: The cause, as a phrase: "no such file".
        remedy: What the reader can do, as a sentence without its full stop. May be empty.
    """

    def __init__(self, what: str, why: str, remedy: str = "") -> None:
        # All three go to Exception.args, so that the error survives pickling between worker processes.
        super().__init__(what, why, remedy)
        self.what = what
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        line = f"{self.what}: {self.why.rstrip('.')}."
        return f"{line} {self.remedy.rstrip('.')}." if self.remedy else line


class InputError(VidcolorError):
    """The source cannot be read, or holds no picture."""


class OutputError(VidcolorError):
    """The target cannot be written, or the codec and container do not fit."""


class DeviceError(VidcolorError):
    """The accelerator asked for is absent or out of memory."""


class CheckpointError(VidcolorError):
    """Weights that are missing, damaged or of another network."""


class DataError(VidcolorError):
    """Training or evaluation data that cannot be used."""
