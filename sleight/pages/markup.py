"""The Jinja2 templates of this folder, with autoescaping, so that text of a run stays text."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

FOLDER = Path(__file__).with_name("templates")


@cache
def environment() -> Environment:
    """The environment of the templates; an undefined name is an error."""
    templates = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return templates


def part(name: str, *values: Any) -> Markup:
    """A macro of parts.html.jinja, called with `values`."""
    macro = getattr(_parts(), name)
    return Markup(macro(*values))


def source(name: str) -> Markup:
    """The content of a file of the templates: a style sheet or a script."""
    return Markup((FOLDER / name).read_text(encoding="utf-8"))


@cache
def _parts() -> Any:
    return environment().get_template("parts.html.jinja").module
