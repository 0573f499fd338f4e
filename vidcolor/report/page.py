"""Pages: one HTML file that holds all it shows, from a Jinja template and values."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from vidcolor.report.tables import shown


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
    style = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    return environment.get_template(template).render(style=style, **values)
