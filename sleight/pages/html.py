"""A page that needs nothing but itself: style, scripts, and the few parts that a report is made of.

Its content security policy forbids every request, so that it reads the same from a folder, an
e-mail or a server, today and in ten years. Each function is a macro of parts.html.jinja; what it
returns is markup, and plain text that is passed to it is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from .markup import environment, part, source

_LIBRARY = "plotly-basic.min.js"


def page(title: str, parts: Iterable[str]) -> str:
    """The whole document; the charting library is in it once, and only if there is a chart."""
    body = list(parts)
    drawn = any("data-figure=" in each for each in body)
    template = environment().get_template("page.html.jinja")
    return template.render(
        title=title,
        parts=body,
        style=source("style.css"),
        scripts=[source(name) for name in ((_LIBRARY, "charts.js") if drawn else ())]
        + [source("tables.js")],
    )


def report(heading: str, about: str, head: Iterable[str], body: Iterable[str]) -> str:
    """A page under its heading and a line about it; parts that are empty are left out."""
    parts = [part("header", heading, about, list(head)), *body]
    return page(f"{heading} - sleight", [each for each in parts if each])


def title(text: str) -> Markup:
    """The page's heading."""
    return part("title", text)


def section(title: str, parts: Iterable[str], about: str = "") -> Markup:
    """A titled box; `about` is a line of explanation."""
    return part("section", title, list(parts), about)


def glance(film: str, numbers: str) -> Markup:
    """A film beside large numbers."""
    return part("glance", film, numbers)


def note(text: str) -> Markup:
    """A quiet line."""
    return part("note", text)


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Name and value, side by side."""
    return part("facts", list(pairs))


def cards(items: Iterable[tuple[str, str]]) -> Markup:
    """(number, what it is): large numbers."""
    return part("cards", list(items))


def key(items: Iterable[tuple[str, str, bool]]) -> Markup:
    """(name, colour, dashed): what the lines of a page's charts stand for."""
    return part("key", list(items))


def charts(drawings: Iterable[str]) -> Markup:
    """Charts or pictures, as many beside each other as there is room for."""
    return part("charts", list(drawings))


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0, sortable: bool = False
) -> Markup:
    """The last `numbers` columns are right-aligned; sortable: by a click on a column's head."""
    first = len(head) - numbers
    cells = [[_unbroken(word) if i >= first else word for i, word in enumerate(r)] for r in rows]
    return part("table", list(head), cells, first, sortable)


def chips(values: Sequence[int]) -> Markup:
    """Whole numbers as small boxes, the larger the darker."""
    return part("chips", list(values), max([*values, 1]))


def folded(title: str, text: str) -> Markup:
    """Plain text that opens on a click."""
    return part("folded", title, text)


def film(data: bytes, label: str) -> Markup:
    """An MP4, inside the page."""
    return part("film", _data_url("video/mp4", data), label)


def picture(data: bytes, label: str, kind: str = "jpeg", width: int = 260) -> Markup:
    """A photograph, inside the page; width: at most so many pixels."""
    return part("picture", _data_url(f"image/{kind}", data), label, width)


def _data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _unbroken(word: str) -> str:
    """An interval, "0.71 [0.66, 0.75]", breaks before its bracket or not at all."""
    return word.replace(", ", ",\N{NO-BREAK SPACE}")
