"""Pages: one HTML file that holds all it shows, from a Jinja template and values."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from vidcolor.report.tables import shown


def data_uri(data: bytes, kind: str) -> str:
    """Return a file inside a link.

    Args:
        kind: Its media type, as in "image/jpeg".
    """
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def source_hash(text: str) -> str:
    """Return what a content security policy calls a script or a style sheet that stands in the page itself.

    Args:
        text: All that stands between its tags.
    """
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def read_text(package: str, name: str) -> str:
    """Return the text of a file that lies in a package."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def render(package: str, template: str, **values: Any) -> str:
    """Return a page's text.

    Texts are escaped; what is HTML already, as plots are, is of markupsafe's ``Markup``.

    Args:
        package, template: The package that the template lies in, and its name. It fills the blocks of page.html, and
            may import the parts of parts.html.
        values: What the template names.
    """
    loaders = [PackageLoader(name, ".") for name in (package, __package__)]
    environment = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["shown"] = shown
    return environment.get_template(template).render(style=read_text(__package__, "page.css"), **values)
