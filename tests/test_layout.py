"""The house rules that a test can check; the table of rooms in docs/design.md is written from here."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "vidcolor"
DESIGN = ROOT / "docs" / "design.md"
# From the ground up: a room imports from those before it, and inside a room no two modules import each other.
ROOMS = (
    *("errors", "settings", "color", "files", "report", "film", "network"),
    *("pipeline", "data", "training", "evaluation", "cli"),
)
ROOF = ("vidcolor", "vidcolor.__main__")  # may import anything
DOORS = {
    "av": "film",
    "PIL": "film",
    "tifffile": "film",
    "imagecodecs": "film",
    "pillow_heif": "film",
    "OpenEXR": "film",
    "ray": "pipeline",
    "timm": "network",
    "safetensors": "network",
    "typer": "cli",
    "rich": "cli",
}
MOST_LINES = 350
MOST_ENTRIES = 12


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def room_of(module: str) -> str:
    return module.split(".")[1]


@cache
def imports(module: str) -> set[str]:
    """The modules and libraries that a module imports, at whatever depth of its code."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in whole}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


INSIDE = [module for module in MODULES if module not in ROOF]


def within(module: str) -> set[str]:
    """The modules of the same room that a module imports."""
    return {other for other in imports(module) if other in INSIDE and room_of(other) == room_of(module)} - {module}


def order(room: str) -> list[str]:
    """The modules of a room, those that import others after them."""
    members = sorted(module for module in INSIDE if room_of(module) == room)
    return list(TopologicalSorter({module: sorted(within(module)) for module in members}).static_order())


def stair_of(module: str) -> str:
    """The module itself, or the folder of its room that it lies in."""
    return ".".join(module.split(".")[:3])


def stairs(room: str) -> list[str]:
    """The modules and folders of a room, those that import others after them."""
    found: dict[str, set[str]] = {}
    for module in (module for module in INSIDE if room_of(module) == room):
        found.setdefault(stair_of(module), set()).update(map(stair_of, within(module)))
    return list(
        TopologicalSorter({stair: sorted(below - {stair}) for stair, below in sorted(found.items())}).static_order()
    )


def table() -> str:
    """The rooms from the top down, each with its modules and folders from the top down and what they hold."""
    lines = ["| room | module | what it holds |", "| --- | --- | --- |"]
    for room in reversed([room for room in ROOMS if f"vidcolor.{room}" in MODULES]):
        modules, steps = order(room), stairs(room)
        for module in sorted(
            modules,
            key=lambda name: (name.count(".") > 1, -steps.index(stair_of(name)), name.count("."), -modules.index(name)),
        ):
            first = (ast.get_docstring(ast.parse(MODULES[module].read_text())) or "").split("\n\n")[0]
            place = module.removeprefix(f"vidcolor.{room}").lstrip(".").replace(".", "/")
            place += "/" if MODULES[module].name == "__init__.py" else ""
            names = ("", f"`{place}`") if place.strip("/") else (f"**{room}**", "")
            lines.append(f"| {names[0]} | {names[1]} | {' '.join(first.split())} |")
    return "\n".join(lines) + "\n"


def test_imports_go_down() -> None:
    """No module imports from a room above its own."""
    for module in INSIDE:
        for other in imports(module):
            if other.startswith("vidcolor.") and other not in ROOF:
                assert ROOMS.index(room_of(other)) <= ROOMS.index(room_of(module)), f"{module} imports {other}"


@pytest.mark.parametrize("room", ROOMS)
def test_no_circles_inside_a_room(room: str) -> None:
    """The modules of a room stand in an order, and so do its folders; graphlib names the circle where they do not."""
    assert set(order(room)) <= set(INSIDE)
    assert set(stairs(room)) <= set(INSIDE)


@pytest.mark.parametrize("library", sorted(DOORS))
def test_one_door_per_library(library: str) -> None:
    """Heavy libraries are reached through one room each."""
    users = {module for module in INSIDE if library in {name.split(".")[0] for name in imports(module)}}
    assert {room_of(module) for module in users} == {DOORS[library]}


def test_rooms_hold_no_code_of_their_own() -> None:
    """What a room is for stands in its docstring; everything else has a module with a name.

    The settings are imported by all: their room hands out what its modules hold.
    """
    for module, path in MODULES.items():
        if path.name == "__init__.py" and module not in ROOF:
            body = ast.parse(path.read_text()).body[1:]
            assert all(isinstance(node, ast.ImportFrom | ast.Assign) for node in body), module
            assert not body or module == "vidcolor.settings", module


def test_the_listing_is_short() -> None:
    """The folder listing is the table of contents: few rooms, and no module too long to read at one go."""
    entries = {path.name for path in PACKAGE.iterdir() if not path.name.startswith("_")} - {"weights"}
    assert len(entries) <= MOST_ENTRIES, entries
    assert {
        module: lines for module in MODULES if (lines := len(MODULES[module].read_text().splitlines())) > MOST_LINES
    } == {}


def test_the_design_shows_these_rooms() -> None:
    """docs/design.md holds the table of rooms as it is; where it does not, it is written anew and wants a commit."""
    text = DESIGN.read_text()
    begin, end = "<!-- rooms, written by tests/test_layout.py -->\n", "<!-- end of rooms -->\n"
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    wanted = f"{before}{begin}{table()}{end}{after}"
    if wanted != text:
        DESIGN.write_text(wanted)
    assert wanted == text, "the rooms have changed: docs/design.md is written anew, commit it"


def test_help_is_light() -> None:
    """--help imports neither torch nor av."""
    code = (
        "import sys, vidcolor.cli.app as c\n"
        "sys.argv = ['vidcolor', '--help']\n"
        "try: c.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'av', 'cv2', 'numpy', 'timm'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
