"""A Sphinx extension: the build fails where a page would load something from a network."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

LOADS = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(?:https?:)?//"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|preload|preconnect|icon))"""
    r"""[^>]*\bhref=["']?(?:https?:)?//"""
    r"""|(?:\burl\(|@import\s*(?:url\()?)\s*["']?(?:https?:)?//"""
)


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    app.connect("build-finished", _check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _check(app: Sphinx, exception: Exception | None) -> None:
    """Raise ExtensionError with the first load of each file."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    pages = [*out.rglob("*.html"), *out.rglob("*.css")]
    found = [(page, LOADS.search(page.read_text(encoding="utf-8"))) for page in sorted(pages)]
    lines = [f"{page.relative_to(out)}: {load[0]}" for page, load in found if load]
    if lines:
        raise ExtensionError("loads from a network: " + "; ".join(lines))
