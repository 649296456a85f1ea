"""The Python packages: what `sleight` asks for, what is installed, and what can be imported."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ..missing_packages import PACKAGES
from . import child
from .finding import Finding, State

MAIN = ("mujoco", "torch", "numpy", "gymnasium", "ray", "wandb", "onnxruntime")
"""Packages with a row of their own; the others share one while nothing is wrong with them."""
NEEDED_FOR = {
    "mujoco": "simulation",
    "torch": "simulation, training and evaluation",
    "gymnasium": "simulation",
    "gymnasium-robotics": "simulation: the Shadow Hand's files",
    "imageio": "videos",
    "imageio-ffmpeg": "videos",
    "matplotlib": "plots of `sleight adr`",
    "onnx": "export",
    "optuna": "sweeps",
    "pillow": "images",
    "ray": "training with workers on a cluster",
    "safetensors": "training and evaluation",
    "scikit-learn": "sweeps, memory probes",
    "scipy": "statistics of evaluations",
    "wandb": "logging to Weights & Biases",
}
"""What stops without a package; without any other, every command does."""
EXTRAS = {
    "cube": "the library that `sleight bench cube_solver` compares with",
    "deploy": "cameras of a rig and their calibration",
    "gpu": "simulation on an NVIDIA GPU",
    "lerobot": "import and export of LeRobot's datasets",
    "menagerie": "the hands of MuJoCo Menagerie",
    "ros2": "a hand on ROS 2",
    "sysid": "calibration from recordings",
    "docs": "building the documentation",
    "dev": "tests and checks of the sources",
}
MODULES = {package: module for module, package in PACKAGES.items()} | {
    # Through the module that sets its options first.
    "onnxruntime": "sleight.contract.onnx_session",
}
"""Modules whose name is not that of their package."""
SOURCES = ("dev", "docs")
"""Extras for those who change the sources; their packages are not tried."""
DATA_ONLY = ("gymnasium-robotics", "mujoco-menagerie")
"""Packages of which only files are used."""
IMPORTER = """
import importlib, sys
for name in sys.argv[1:]:
    print("doctor:", name, flush=True)
    importlib.import_module(name)
"""
_REQUIREMENT = re.compile(r"([\w.-]+)\s*(\[[\w,\s]*\])?\s*([^;]*)(?:;(.*))?")


@dataclass(frozen=True)
class Requirement:
    """A package that `sleight` or one of its extras asks for."""

    name: str
    bounds: str
    extra: str = ""
    inner: str = ""
    """The extra of that package."""

    @property
    def spec(self) -> str:
        """As pip takes it."""
        return f"{self.name}{self.inner}{self.bounds}"


def requirements() -> list[Requirement]:
    """What an installed `sleight` asks for, or else what pyproject.toml of the checkout does."""
    try:
        return [_parse(line) for line in metadata.requires("sleight") or ()]
    except metadata.PackageNotFoundError:
        return list(_of_checkout(child.PACKAGES / "pyproject.toml"))


def _of_checkout(path: Path) -> Iterator[Requirement]:
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    except (OSError, KeyError, ValueError):
        return
    yield from map(_parse, project["dependencies"])
    for extra, lines in project["optional-dependencies"].items():
        yield from (_parse(f'{line}; extra == "{extra}"') for line in lines)


def _parse(line: str) -> Requirement:
    match = _REQUIREMENT.match(line)
    assert match is not None
    name, inner, bounds, marker = match.groups()
    extra = re.search(r"""extra\s*==\s*["']([\w-]+)["']""", marker or "")
    name = re.sub(r"[-_.]+", "-", name).lower()
    return Requirement(name, bounds.strip(), extra[1] if extra else "", inner or "")


def installed(name: str) -> str | None:
    """The version of an installed package."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def within(version: str, bounds: str) -> bool:
    """Whether a version fulfils `>=` and `<` bounds, by the numbers at its beginning."""
    for sign, bound in re.findall(r"(>=|<)\s*([\d.]+)", bounds):
        if (_numbers(version) >= _numbers(bound)) != (sign == ">="):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"[\d.]+", version)
    numbers = [int(part) for part in (match[0] if match else "").split(".") if part]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def importable(names: Iterable[str]) -> dict[str, str]:
    """Import the modules of installed packages in a child process: name -> why it failed."""
    left = {MODULES.get(name, name.replace("-", "_")): name for name in names}
    failed: dict[str, str] = {}
    while left:
        outcome = child.run(IMPORTER, *left, timeout_s=120.0)
        said = [line.removeprefix("doctor: ") for line in outcome.lines]
        reached = [module for module in said if module in left]
        if outcome.ok:
            break
        if not reached:
            return failed | dict.fromkeys(left.values(), outcome.reason)
        failed[left[reached[-1]]] = outcome.reason
        left = {module: name for module, name in left.items() if module not in reached}
    return failed


def look() -> Iterator[Finding]:
    """Python, the package itself, what it asks for, and its extras."""
    yield Finding("packages", "python", State.OK, f"{sys.version.split()[0]}, {sys.executable}")
    own = installed("sleight")
    yield Finding("packages", "sleight", State.OK, f"{own or 'not installed'}, {child.PACKAGES}")
    wanted = requirements()
    present = {r.name for r in wanted if r.extra not in SOURCES and installed(r.name)}
    failed = importable(sorted(present - {*DATA_ONLY}))
    base = [_base(r, failed) for r in wanted if not r.extra]
    grouped = [f for f in base if f.state is State.OK and f.name not in MAIN]
    yield from sorted((f for f in base if f not in grouped), key=_order)
    if grouped:
        text = ", ".join(f"{f.name} {f.text}" for f in grouped)
        yield Finding("packages", f"{len(grouped)} others", State.OK, text)
    for extra in sorted({r.extra for r in wanted} - {""}, key=_extra_order):
        yield _extra(extra, [r for r in wanted if r.extra == extra], failed)


def _order(finding: Finding) -> int:
    return MAIN.index(finding.name) if finding.name in MAIN else len(MAIN)


def _extra_order(extra: str) -> tuple[int, str]:
    return [*EXTRAS, extra].index(extra), extra


def _base(requirement: Requirement, failed: dict[str, str]) -> Finding:
    name, version = requirement.name, installed(requirement.name)
    fix = f"pip install '{requirement.spec}'"
    needed_for = NEEDED_FOR.get(name, "every command")
    if version is None:
        return Finding("packages", name, State.MISSING, "not installed", fix, needed_for)
    if name in failed:
        text = f"{version} cannot be imported: {failed[name]}"
        again = f"pip install --force-reinstall '{requirement.spec}'"
        return Finding("packages", name, State.BROKEN, text, again, needed_for)
    if not within(version, requirement.bounds):
        text = f"{version}, allowed: {requirement.bounds}"
        return Finding("packages", name, State.BROKEN, text, fix, needed_for)
    return Finding("packages", name, State.OK, version)


def _extra(extra: str, wanted: list[Requirement], failed: dict[str, str]) -> Finding:
    name, fix, what = f"[{extra}]", f"pip install 'sleight[{extra}]'", EXTRAS.get(extra, "")
    missing = [r.name for r in wanted if installed(r.name) is None]
    if missing:
        text = f"without {', '.join(missing)}"
        return Finding("packages", name, State.OPTIONAL, text, fix, what)
    broken = [f"{r.name}: {failed[r.name]}" for r in wanted if r.name in failed]
    if broken:
        return Finding("packages", name, State.BROKEN, "; ".join(broken), fix, what)
    few = [f"{r.name} {installed(r.name)}" for r in wanted][:4]
    return Finding("packages", name, State.OK, ", ".join(few), needed_for=what)
