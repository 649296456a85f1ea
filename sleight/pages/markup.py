"""The Jinja2 templates of this folder, with autoescaping on: text of a run stays text."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

FOLDER = Path(__file__).with_name("templates")


@cache
def environment() -> Environment:
    """The templates; an undefined name is an error."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return made


def part(name: str, *values: Any) -> Markup:
    """A macro of parts.html.jinja, called with `values`."""
    macro = getattr(_parts(), name)
    return Markup(macro(*values))


def source(name: str) -> Markup:
    """A file of this folder as it is: a style sheet or a script of our own."""
    return Markup((FOLDER / name).read_text(encoding="utf-8"))


@cache
def _parts() -> Any:
    return environment().get_template("parts.html.jinja").module
