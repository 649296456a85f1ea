"""What is installed is what is in the tree, and the folders keep to their imports."""

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sleight import __version__

ROOT = Path(__file__).parents[2]
FOLDERS = ("envs", "policies", "adr", "vision", "train", "deploy")
DATA = ("configs", "pretrained")
SHIPPED = ("block", "cube")
TREE = ("sleight", *FOLDERS, *DATA, "setup.py", "pyproject.toml", "README.md", "LICENSE")


def _sources() -> list[Path]:
    """Every module of the package, relative to the root, under the folder's own name."""
    found = [path for folder in ("sleight", *FOLDERS) for path in (ROOT / folder).rglob("*.py")]
    parts = [path.relative_to(ROOT) for path in found]
    links = {("sleight", folder) for folder in (*FOLDERS, *DATA)}
    return sorted(path for path in parts if path.parts[:2] not in links)


def _installed(path: Path) -> str:
    """The name in a wheel of a module of the tree."""
    return str(path if path.parts[0] == "sleight" else Path("sleight", path))


def _run(*words: str, cwd: Path, path: Path | None = None) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel made from the sdist, which was made from a copy of the tree with a hyphen in it."""
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("build")
    copy = folder / "a-checkout"
    copy.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in TREE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, symlinks=True, ignore=ignore)
        else:
            shutil.copy(source, copy / name)
    build = "from setuptools import build_meta as b; print(b.build_{}('{}'))"
    sdist = _run("-c", build.format("sdist", folder), cwd=copy).split()[-1]
    with tarfile.open(folder / sdist) as archive:
        archive.extractall(folder / "sdist", filter="data")
    (unpacked,) = (folder / "sdist").iterdir()
    return folder / _run("-c", build.format("wheel", folder), cwd=unpacked).split()[-1]


def test_the_wheel_holds_every_module_once(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    modules = sorted(name for name in names if name.endswith(".py"))
    assert modules == sorted(map(_installed, _sources()))
    assert "sleight/py.typed" in names
    templates = {path.name for path in (ROOT / "sleight/pages/templates").iterdir()}
    assert templates == {Path(name).name for name in names if "/pages/templates/" in name}
    data = {name for name in names if name.split("/")[1] in DATA}
    policies = [p for name in SHIPPED for p in (ROOT / "pretrained" / name).rglob("*")]
    configs = [*ROOT.glob("configs/*.yaml"), *ROOT.glob("configs/curves/*.json")]
    shipped = [*configs, *(p for p in policies if "later" not in p.parts)]
    assert data == {f"sleight/{p.relative_to(ROOT)}" for p in shipped if p.is_file()}
    assert {name.split("/")[0] for name in names} == {"sleight", f"sleight-{__version__}.dist-info"}


def test_an_installed_wheel_runs_away_from_the_tree(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import sleight.envs, sleight.deploy, importlib.metadata as m; "
        "print(sleight.envs.__file__); print(m.version('sleight')); "
        "print(*m.entry_points(name='sleight'), sep='\\n')"
    )
    lines = _run("-c", code, cwd=tmp_path, path=tmp_path / "site").splitlines()
    assert lines[0] == str(tmp_path / "site" / "sleight" / "envs" / "__init__.py")
    assert lines[1] == __version__
    assert any("sleight.cli:main" in line for line in lines[2:])
    usage = _run("-m", "sleight", "--help", cwd=tmp_path, path=tmp_path / "site")
    assert usage.startswith("usage: sleight")


def test_the_tree_is_a_package_through_its_links() -> None:
    for folder in (*FOLDERS, *DATA):
        link = ROOT / "sleight" / folder
        assert link.readlink() == Path("..", folder)
    for folder in FOLDERS:
        tree = ast.parse((ROOT / folder / "__init__.py").read_text())
        assert ast.get_docstring(tree), f"{folder}: its contract is its docstring"


def _text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(_text(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module


def test_inside_the_package_imports_are_relative() -> None:
    wrong = [
        f"{path}: {name}"
        for path in _sources()
        for name in _imports(path)
        if name.partition(".")[0] in {"sleight", *FOLDERS}
    ]
    assert wrong == []


def test_environments_have_no_networks() -> None:
    nets = re.compile(r"\btorch\.nn\b|from torch import .*\bnn\b")
    wrong = [str(p) for p in _sources() if p.parts[0] == "envs" and nets.search(_text(p))]
    assert wrong == []


def test_no_pickle_is_loaded() -> None:
    loads = re.compile(r"allow_pickle\s*=\s*True|torch\.(load|save)\(|\bpickle\.|read_pickle")
    wrong = [str(path) for path in _sources() if loads.search(_text(path))]
    assert wrong == []


def test_files_and_functions_are_small() -> None:
    long = []
    for path in _sources():
        text = _text(path)
        if text.count("\n") > 350:
            long.append(f"{path}: {text.count(chr(10))} lines, allowed: 350")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > 60:
                    long.append(f"{path}: {node.name}: {size} lines, allowed: 60")
    assert long == []


def _name(line: str) -> str:
    """The package of a requirement."""
    return re.split(r"[\[<>=!~ ]", line)[0].lower().replace("_", "-")


def _asked_for(*extras: str) -> list[str]:
    """The requirements of pyproject.toml, those of these extras too."""
    project = tomllib.loads(_text(Path("pyproject.toml")))["project"]
    inner = project["optional-dependencies"]
    return [*project["dependencies"], *(line for extra in extras for line in inner[extra])]


def _for_robots() -> list[str]:
    lines = _text(Path("deploy/requirements.txt")).splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_a_robot_needs_a_part_of_what_is_asked_for() -> None:
    robot = _for_robots()
    assert {*robot} <= {*_asked_for("deploy")}
    assert not {"torch", "ray", "wandb", "mujoco", "gymnasium"} & {*map(_name, robot)}


def test_everything_that_is_installed_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text().split()
    pins = dict(line.lower().split("==") for line in lines)
    extras = ("deploy", "docs", "gpu", "menagerie", "ros2", "sysid", "dev")
    wanted = {_name(line) for line in _asked_for(*extras)} - {"sleight"}
    missing = wanted - {name.replace("_", "-") for name in pins}
    assert missing == set()


def test_this_environment_is_the_pinned_one() -> None:
    lines = (ROOT / "constraints.txt").read_text().split()
    for name, version in (line.split("==") for line in lines):
        if name in ("torch", "mujoco", "gymnasium", "numpy", "onnxruntime"):
            assert importlib.metadata.version(name).partition("+")[0] == version


def test_no_committed_file_names_a_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    marks = re.compile(
        rb"/(root|home|work)/|https?://(localhost|127\.0\.0\.1):?\d*/simple|--index-url"
    )
    here = Path(__file__).name
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix in {".py", ".md", ".yaml", ".toml", ".txt", ".json"}:
            assert path.name == here or not marks.search(path.read_bytes()), name
