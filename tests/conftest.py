"""How tests are collected: what is asked for, what lies together, and how little of it is imported how often."""

from __future__ import annotations

import gc
import os
import re

import pytest

IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
if IS_WORKER:  # before torch is imported: its threads would wait for cores that others use
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Modules of tests that fork processes, or work with networks that timm builds.
IMPORTS_MUCH = re.compile(r"import timm|from (attacks|children|runs|scenes) import|test_(resnet|efficientnet)\b")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let long tests be asked for."""
    parser.addoption("--thorough", action="store_true", help="run the tests that take long, too")


def pytest_configure(config: pytest.Config) -> None:
    """Import what the fixtures need, except where the tests run in other processes; its half a million objects stay."""
    if IS_WORKER or not getattr(config.option, "numprocesses", None):
        gc.disable()
        config.pluginmanager.import_plugin("shared")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip tests marked ``thorough`` that nobody has asked for; let those that import the same lie together.

    To import timm, and to start a process for others to be forked from, takes seconds: so of two processes of
    pytest-xdist, which begin with a half of the tests each, one does it.
    """
    paths = {item.path for item in items}
    slow = {path for path in paths if IMPORTS_MUCH.search(path.read_text(encoding="utf-8"))}
    items.sort(key=lambda item: item.path not in slow)
    if not config.getoption("--thorough"):
        for item in items:
            if item.get_closest_marker("thorough"):
                item.add_marker(pytest.mark.skip(reason="takes long: pytest --thorough runs it"))


def pytest_collection_finish() -> None:
    """Spare what is imported from being looked through by every collection of garbage."""
    gc.freeze()
    gc.enable()
