"""What the script of a page knows: the film, its list of shots, its hints, and what may stand in the columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from vidcolor.color.grade import white_factors
from vidcolor.color.weights import LUMA_WEIGHTS
from vidcolor.film.frame import VideoInfo
from vidcolor.pipeline.guidance.sources import COLUMNS as HINT_COLUMNS
from vidcolor.pipeline.guidance.sources import Point, parse_source, read_points
from vidcolor.pipeline.shotlist.listing import default_list
from vidcolor.pipeline.shotlist.reading import clock_of
from vidcolor.pipeline.shotlist.shot import ShotList
from vidcolor.pipeline.shotlist.table import BETWEEN, COLUMNS, SETTINGS, rows_of
from vidcolor.pipeline.shotpage.views import ShotView
from vidcolor.settings import Described, RunSettings, Settings, ShotSettings, described

GRID = 20  # steps of temperature and tint between which the page knows what white becomes
SAVED = ("shots", "hints")  # settings that the page writes itself


def state_of(
    settings: RunSettings, usual: ShotSettings, info: VideoInfo, shots: ShotList, views: Sequence[ShotView]
) -> dict[str, Any]:
    """Return what the script of a page knows, as numbers, texts, lists and dictionaries.

    Args:
        settings: Of the run that made the page; usual: how shots look of which nothing else is said.
        views: What the page shows of each shot.
    """
    film = info.path
    tables, paintings = _tables(settings, info)
    listed = Path(settings.shots) if settings.shots else default_list(film)
    is_turned = round(info.rotation / 90) % 2
    hints = _hints([point for path in tables for point in read_points(path, clock_of(info))], info, shots)
    return {
        "film": film.name,
        "list": listed.with_suffix(".csv").name,
        "hints": tables[0].name if tables else f"{film.stem}.hints.csv",
        "arguments": [*_arguments(settings, usual), *(word for text in paintings for word in ("--hints", text))],
        "size": [info.height, info.width] if is_turned else [info.width, info.height],
        "rate": float(info.rate),
        "columns": COLUMNS,
        "hint_columns": HINT_COLUMNS,
        "between": BETWEEN,
        "settings": {name: _setting(each, getattr(usual, name)) for name, each in SETTINGS.items()},
        "weights": _weights(info),
        "white": _white(),
        "shots": [
            {"cells": row, "time": view.time, "times": view.times, "hints": hints.get(place, [])}
            for place, (row, view) in enumerate(zip(rows_of(shots), views, strict=True))
        ],
        "other_hints": hints.get(None, []),
    }


def _tables(settings: RunSettings, info: VideoInfo) -> tuple[list[Path], list[str]]:
    """Return the tables of points among the hints of a run, and the texts of the others, which are pictures."""
    sources = [parse_source(text, clock_of(info), Path()) for text in settings.hints]
    return [each.path for each in sources if each.time is None], [
        each.text for each in sources if each.time is not None
    ]


def _hints(points: Sequence[Point], info: VideoInfo, shots: ShotList) -> dict[int | None, list[dict[str, Any]]]:
    """Return points by the places of their shots; those in no shot under None."""
    found: dict[int | None, list[dict[str, Any]]] = {}
    for point in points:
        color = "#" + "".join(f"{value:02x}" for value in point.rgb)
        radius = "" if point.radius is None else f"{point.radius:g}"
        row = {"time": point.time, "x": point.x, "y": point.y, "color": color, "radius": radius}
        found.setdefault(shots.place_of(round(point.time * info.rate)), []).append(row)
    return found


def _arguments(*settings: Settings) -> Iterator[str]:
    """Return the options of the command line that stand for settings, but for those that the page writes."""
    for given in settings:
        kind: type = type(given)
        for each in described(kind):
            value = getattr(given, each.name)
            if each.name not in SAVED and value != each.default:
                yield from _option(f"--{each.name.replace('_', '-')}", value)


def _option(flag: str, value: Any) -> Iterator[str]:
    for one in value if isinstance(value, tuple) else (value,):
        yield flag
        if not isinstance(one, bool):
            yield str(one)


def _setting(each: Described, usual: Any) -> dict[str, Any]:
    """Return what a value of a setting may be, as the script checks it."""
    choices = list(get_args(each.kind)) if get_origin(each.kind) is not None else None
    return {"low": each.setting.low, "high": each.setting.high, "choices": choices, "usual": usual}


def _weights(info: VideoInfo) -> list[float]:
    """Return what R', G' and B' count in the film's luma."""
    red, blue = LUMA_WEIGHTS[info.tags.matrix]
    return [red, 1 - red - blue, blue]


def _white() -> dict[str, Any]:
    """Return what white is multiplied by in X and Z, at the nodes of a grid of temperatures and tints."""
    found = {}
    for name in ("temperature", "tint"):
        setting = SETTINGS[name].setting
        assert setting.low is not None
        assert setting.high is not None
        step = (setting.high - setting.low) / GRID
        found[name] = [setting.low + step * n for n in range(GRID + 1)]
    factors = [[white_factors(t, m) for m in found["tint"]] for t in found["temperature"]]
    return {**found, "factors": factors}
