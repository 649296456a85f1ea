"""The pages say what is there: commands, flags, configs, code, files and links."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sleight.config import field_names, load, yamlfile
from sleight.deploy.rig_file import RigConfig
from sleight.train.config import TrainConfig
from sleight.train.sweep.config import SweepConfig

from . import commands, pages, tutorials
from .pages import PAGES, ROOT

CONFIGS = (TrainConfig, RigConfig, SweepConfig)
RUN_ELSEWHERE = ("README.md",)
"""Pages whose Python another test runs."""


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Help pages without breaks inside a flag."""
    monkeypatch.setenv("COLUMNS", "1000")


@pytest.fixture
def _with_its_package(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A page about an example is read as by somebody who has installed it."""
    project = (ROOT / page).parent / "pyproject.toml"
    if page.startswith("docs/tutorials/") and tutorials.examples(page):
        project = ROOT / "examples" / tutorials.examples(page)[0] / "pyproject.toml"
    elif not page.startswith("examples/") or not project.is_file():
        yield
        return
    info = tmp_path / "example-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: example\nVersion: 1\n")
    groups = tomllib.loads(project.read_text())["project"]["entry-points"]
    lines = []
    for group, found in groups.items():
        lines += [f"[{group}]", *(f"{name} = {place}" for name, place in found.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(project.parent)
    commands.known_flags.cache_clear()
    yield
    commands.known_flags.cache_clear()


@pytest.mark.usefixtures("_with_its_package")
@pytest.mark.parametrize("page", PAGES)
def test_commands_are_understood(page: str) -> None:
    wrong = []
    for words in pages.command_lines(page):
        if words[:1] == ["sleight"]:
            wrong += commands.problems(words)
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("sleight tran configs/block.yaml", "unknown command 'tran'"),
        ("sleight rig chek configs/rig_sim.yaml", "got chek"),
        ("sleight eval RUN --trails 10", "unknown flag --trails"),
        ("sleight eval RUN --goals.flip_shar 0", "unknown flag --goals.flip_shar"),
        ("sleight eval RUN --set object.sise=1.1", "object.sise"),
        ("sleight eval RUN --variant gloves", "got gloves"),
        ("sleight train --ppo.gama 0.99", "unknown flag --ppo.gama"),
        ("sleight train configs/block.yaml --ppo.gamma 2", "ppo.gamma: got 2"),
        ("sleight bench soak --adr.bufer 12", "unknown flag --adr.bufer"),
    ],
)
def test_a_command_that_is_wrong_is_found(line: str, says: str) -> None:
    assert says in "; ".join(commands.problems(line.split()))


@pytest.mark.parametrize("page", PAGES)
def test_flags_in_the_text_are_known(page: str) -> None:
    known = commands.every_flag()
    words = [span.split()[0].partition("=")[0] for span in pages.spans(page) if span[:2] == "--"]
    assert [word for word in words if not commands.is_known(word, known)] == []


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_exist(page: str) -> None:
    named = {path for words in pages.command_lines(page) for path in commands.paths(words)}
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("page", PAGES)
def test_targets_of_make_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    lines = [words for words in pages.command_lines(page) if words[:1] == ["make"]]
    named = {word for words in lines for word in words[1:] if re.fullmatch(r"[a-z-]+", word)}
    assert named - targets == set()


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings(page: str) -> None:
    wrong = []
    for link in pages.links(page):
        name, _, anchor = link.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        if name.startswith("reference/"):  # made by the build, which looks at these links
            continue
        known = pages.anchors(str(path.resolve().relative_to(ROOT))) if anchor else {""}
        if not path.exists() or anchor not in known:
            wrong.append(link)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES)
def test_yaml_is_a_config(page: str, tmp_path: Path) -> None:
    """As a file beside the shipped configs, which it may name as its base."""
    for config in (ROOT / "configs").glob("*.yaml"):
        (tmp_path / config.name).symlink_to(config)
    for block in pages.blocks(page):
        if block.language == "yaml":
            data = yamlfile.parse(block.text, page)
            if "program" in data:  # of W&B
                continue
            fitting = [c for c in CONFIGS if set(data) <= {n.split(".")[0] for n in field_names(c)}]
            assert fitting, f"{page}: {sorted(data)}: fields of no config"
            (tmp_path / "of_a_page.yaml").write_text(block.text)
            load(fitting[0], tmp_path / "of_a_page.yaml")


@pytest.mark.usefixtures("_with_its_package")
@pytest.mark.parametrize("page", PAGES)
def test_toml_and_python_are_valid(page: str, tmp_path: Path) -> None:
    for block in pages.blocks(page):
        allowed = ("", "bibtex", "python", "text", "toml", "yaml")
        assert block.language in allowed, "a language that no test reads"
        if block.language == "toml":
            tomllib.loads(block.text)
        if block.language == "python":
            compile(block.text, page, "exec")
            if page not in RUN_ELSEWHERE:
                _run(block.text, tmp_path)


def _run(code: str, folder: Path) -> None:
    paths = [folder, *(ROOT / "examples").iterdir(), ROOT]  # what a page's example needs
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
