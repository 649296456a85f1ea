"""What a Markdown page of this project holds: fenced blocks, code spans, links, headings."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "pretrained/README.md",
    "examples/README.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    *sorted(f"docs/tutorials/{path.name}" for path in (ROOT / "docs/tutorials").glob("*.md")),
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "examples").glob("*/README.md")),
]
FENCE = re.compile(r"^(`{3,})([^\n`]*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, "" where it names none, and its text."""

    language: str
    text: str


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[Block]:
    """The fenced blocks; directives of the site such as {toctree} are no code."""
    found = [Block(m[2].strip(), m[3]) for m in FENCE.finditer(read(page))]
    return [block for block in found if not block.language.startswith("{")]


def prose(page: str) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", read(page))


def spans(page: str) -> list[str]:
    """Code in the text and in the cells of tables, each on one line."""
    return [" ".join(span.replace("\\|", "|").split()) for span in SPAN.findall(prose(page))]


def command_lines(page: str) -> Iterator[list[str]]:
    """The words of each line of a block without a language, and of each span."""
    for block in blocks(page):
        if block.language in ("", "sh", "bash"):
            for line in block.text.replace("\\\n", " ").splitlines():
                yield _words(line)
    for span in spans(page):
        yield _words(span)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:  # a quote that does not end: no command line
        return []


def links(page: str) -> list[str]:
    """Targets of the links that lead to files of the project."""
    found = LINK.findall(SPAN.sub("", prose(page)))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(page: str) -> set[str]:
    """The anchor of each heading, as GitHub makes it."""
    heads = re.findall(r"^#{1,6} (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}
