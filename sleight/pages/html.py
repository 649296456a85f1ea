"""A self-contained page: style, scripts, and the parts of a report.

Its content security policy forbids every request, so that it looks the same from a folder, an
e-mail or a server. Each function calls a macro of parts.html.jinja; it returns markup, and plain
text arguments are escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from .markup import environment, part, source

_LIBRARY = "plotly-basic.min.js"


def page(title: str, parts: Iterable[str]) -> str:
    """The whole document; it contains the charting library once, and only if there is a chart."""
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
    """A page with a heading and a line of description; empty parts are omitted."""
    parts = [part("header", heading, about, list(head)), *body]
    return page(f"{heading} - sleight", [each for each in parts if each])


def title(text: str) -> Markup:
    """The heading of the page."""
    return part("title", text)


def section(title: str, parts: Iterable[str], about: str = "") -> Markup:
    """A box with a title; `about` is a line of explanation."""
    return part("section", title, list(parts), about)


def glance(video: str, numbers: str) -> Markup:
    """A video beside large numbers."""
    return part("glance", video, numbers)


def note(text: str) -> Markup:
    """A line in grey."""
    return part("note", text)


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Names and values, side by side."""
    return part("facts", list(pairs))


def cards(items: Iterable[tuple[str, str]]) -> Markup:
    """Large numbers: (number, description)."""
    return part("cards", list(items))


def key(items: Iterable[tuple[str, str, bool]]) -> Markup:
    """A legend of lines for all charts of a page: (name, colour, dashed)."""
    return part("key", list(items))


def charts(drawings: Iterable[str]) -> Markup:
    """Charts or pictures, as many per row as fit."""
    return part("charts", list(drawings))


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0, sortable: bool = False
) -> Markup:
    """A table; its last `numbers` columns are right-aligned. sortable: a click on a head sorts."""
    first = len(head) - numbers
    cells = [[_unbroken(word) if i >= first else word for i, word in enumerate(r)] for r in rows]
    return part("table", list(head), cells, first, sortable)


def chips(values: Sequence[int]) -> Markup:
    """Integers as small boxes; larger ones are darker."""
    return part("chips", list(values), max([*values, 1]))


def folded(title: str, text: str) -> Markup:
    """Plain text that a click unfolds."""
    return part("folded", title, text)


def video(data: bytes, label: str) -> Markup:
    """An MP4, embedded in the page."""
    return part("video", _data_url("video/mp4", data), label)


def picture(data: bytes, label: str, kind: str = "jpeg", width: int = 260) -> Markup:
    """A picture, embedded in the page; width: largest width in pixels."""
    return part("picture", _data_url(f"image/{kind}", data), label, width)


def _data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _unbroken(word: str) -> str:
    """An interval such as "0.71 [0.66, 0.75]", with a line break only before its bracket."""
    return word.replace(", ", ",\N{NO-BREAK SPACE}")
