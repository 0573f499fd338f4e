"""The house rules that a test can check."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "vidcolor"
FLOORS = (
    ("errors", "color", "overlap"),
    (
        "timing",
        "matroska",
        "frames",
        "network",
        "metrics",
        "shots",
        "temporal",
        "degrade",
        "chroma",
        "planes",
        "footage",
        "display",
        "stills",
        "album",
    ),
    ("container", "pictures", "interlace", "decode", "codecs", "encode", "copies", "mux", "checkpoint", "colorizer"),
    ("packets", "segments", "journal", "recording", "coloring"),
    ("takes", "extraction", "dataset", "pipeline", "preview", "shotlist"),
    ("training", "evaluation", "photographs", "batch"),
    ("arguments", "terminal"),
    ("learning",),
    ("cli", "__main__"),
)
DOORS = {
    # films in, packets at rest, films out
    "av": {"container", "pictures", "interlace", "decode", "codecs", "encode", "copies", "packets", "mux"},
    "timm": {"network"},
    "safetensors": {"checkpoint"},
    "typer": {"cli", "learning", "arguments"},
    "rich": {"terminal"},
}


def imports() -> list[tuple[str, str]]:
    """(module, imported name) for every import in the package, whatever its depth."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        home = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                found.append((home, node.module))
            elif isinstance(node, ast.Import):
                found += [(home, name.name) for name in node.names]
    return found


def test_imports_go_down() -> None:
    """No module imports from a floor above its own; __init__ is the roof and may import anything."""
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    for home, imported in imports():
        if home != "__init__" and imported.startswith("vidcolor."):
            assert floor[home] >= floor[imported.split(".")[1]], f"{home} imports {imported}"


def test_every_module_has_a_floor() -> None:
    """A new module is put on a floor on purpose."""
    names = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()} - {"__init__"}
    assert names <= {name for names in FLOORS for name in names}


@pytest.mark.parametrize("library", sorted(DOORS))
def test_one_door_per_library(library: str) -> None:
    """Heavy libraries are reached through named modules only."""
    assert {home for home, name in imports() if name.split(".")[0] == library} <= DOORS[library]


def test_help_is_light() -> None:
    """--help imports neither torch nor av."""
    code = (
        "import sys, vidcolor.cli as c\n"
        "sys.argv = ['vidcolor', '--help']\n"
        "try: c.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'av', 'cv2', 'numpy', 'timm'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
