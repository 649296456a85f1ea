"""The tutorials do what they say: every command of every page is run, with small sizes."""

import re
from pathlib import Path

import pytest
import yaml
from PIL import Image

from tests.examples.conftest import MENAGERIE

from . import commands, pages, tutorials
from .pages import ROOT

FOLDER = ROOT / "docs" / "tutorials"
PAGES = sorted(str(p.relative_to(ROOT)) for p in FOLDER.glob("*.md") if p.name != "index.md")
PICTURE = re.compile(r"!\[([^\]]+)\]\(([^)]+)\)")
READ_PER_MINUTE = 180
"""Words of a technical text."""


def need(page: str) -> None:
    """Skips where something that the page asks the reader to have is not here."""
    if page.endswith("own_hand.md"):
        pytest.importorskip("mujoco_menagerie")
        if not (MENAGERIE / "wonik_allegro").is_dir():
            pytest.skip("no files of the Allegro Hand; MENAGERIE_ROOT names a checkout")
    if page.endswith("calibrated_policy.md"):
        pytest.importorskip("mujoco.sysid")


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_command_ends_as_the_page_says(page: str, tmp_path: Path) -> None:
    need(page)
    reader = tutorials.Reader(page, tmp_path)
    try:
        reader.read()
    finally:
        reader.close()


@pytest.mark.parametrize("page", PAGES)
def test_small_sizes_are_flags_of_commands_of_the_page(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    lines, saved = [line.words for line in tutorials.lines(page)], tutorials.files(page)
    for start, rest in tutorials.plan(page).items():
        if start in saved:
            assert isinstance(yaml.safe_load(rest), dict)
            continue
        fitting = [words for words in lines if " ".join(words).startswith(start)]
        assert fitting, f"{page}: no command begins with {start!r}"
        if start.startswith("sleight") and not tutorials.examples(page):
            words = [*fitting[0], *tutorials.extra(page, fitting[0])]
            assert [*commands.problems(words)] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_short_and_shows_what_one_should_see(page: str) -> None:
    text = pages.read(page)
    assert len(text.split()) < 10 * READ_PER_MINUTE
    found = PICTURE.findall(text)
    assert found, "no picture"
    for description, name in found:
        path = (ROOT / page).parent / name
        assert path.stat().st_size < 150_000, name
        assert len(description.split()) > 3, "a description for those who cannot see it"
        with Image.open(path) as image:
            assert image.format in ("PNG", "WEBP") and min(image.size) >= 200, name


def test_every_tutorial_is_in_the_index_and_every_picture_is_used() -> None:
    text = (FOLDER / "index.md").read_text()
    assert [p for p in PAGES if f"({Path(p).name})" not in text] == []
    shown = {name for page in PAGES for _, name in PICTURE.findall(pages.read(page))}
    assert {f"img/{path.name}" for path in (FOLDER / "img").iterdir()} == shown
