"""Calls that a test looks at while the function that is called does its work, or stops a run in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest


class Call(NamedTuple):
    """What a function was given, and what it returned."""

    name: str
    arguments: tuple[Any, ...]
    result: Any


def noted(monkeypatch: pytest.MonkeyPatch, owner: object, *names: str) -> list[Call]:
    """Return a list that grows by each call of these functions of a module or class, in the order of their ends."""
    calls: list[Call] = []

    def noting(name: str, honest: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            result = honest(*arguments, **options)
            calls.append(Call(name, arguments, result))
            return result

        return call

    for name in names:
        monkeypatch.setattr(owner, name, noting(name, getattr(owner, name)))
    return calls


def stop_at(count: int) -> Callable[[int, int], None]:
    """Return what a run can tell its progress to, and what stops it, as Ctrl-C does, after so many frames."""

    def progress(done: int, total: int) -> None:
        if done >= count:
            raise KeyboardInterrupt

    return progress
