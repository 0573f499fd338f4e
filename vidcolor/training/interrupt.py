"""Ctrl-C between two steps, never inside one: what is saved then is a state that a run can go on from."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)  # Ctrl-C; what schedulers and torchrun send


class Interrupt:
    """Whether somebody asked to stop."""

    asked = False

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: the first one is remembered, the second one takes effect at once."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def held_back() -> Iterator[Interrupt]:
    """Remember signals to stop instead of raising them; Python lets only the main thread handle them."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = [signal.signal(number, interrupt.ask) for number in SIGNALS]
    try:
        yield interrupt
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
