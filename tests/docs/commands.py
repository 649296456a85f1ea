"""Whether a command line of a page would be understood, by the help pages and the configs."""

import contextlib
import io
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from sleight import cli
from sleight.config import field_names, help_text, load
from sleight.deploy.rig_file import load_rig
from sleight.deploy.sim.plant_config import RigSimConfig
from sleight.envs.config import GoalConfig
from sleight.envs.hands.variants import VARIANTS
from sleight.envs.randomization.table import lookup
from sleight.errors import SleightError
from sleight.train.commands import config_of
from sleight.train.config import TrainConfig
from sleight.train.pose.config import PoseTrainConfig, WidenConfig
from sleight.train.rollout.camera_evaluation import PoseCamerasConfig

from .pages import ROOT

GROUPS = ("rig", "vision", "adr", "data", "bench")
"""Commands that are followed by another."""
OPEN_BENCHES = ("growth", "scale", "slow_link", "soak", "train")
"""Benchmarks whose other flags are fields of the training config."""
DATA = ("configs", "pretrained", "benchmarks", "examples")
CODE = ("sleight", "envs", "policies", "adr", "vision", "train", "deploy", "tests", "docs")
BRIDGE = ROOT / "deploy" / "drivers" / "ros" / "bridge.py"
PLACEHOLDER = re.compile(r"\.\.\.|^[A-Z_]+$|^\[[A-Z]|^\$")


@cache
def known_flags(*command: str) -> frozenset[str]:
    """The flags that the help page of a command shows. Raises SleightError for no such command."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        cli.find(command[0])([*command[1:], "--help"])
    flags = set(re.findall(r"--[a-zA-Z][\w.-]*", out.getvalue()))
    if command[0] == "bench" and command[-1] in OPEN_BENCHES:
        flags |= set(re.findall(r"--[a-zA-Z][\w.-]*", help_text(TrainConfig, "")))
    if command == ("rig", "calibrate"):  # of its jobs `joints` also takes --yes-sim
        flags |= known_flags("rig", "wiggle")
    return frozenset(flags)


@cache
def every_flag() -> frozenset[str]:
    """The flags of all commands, and of the bridge, which runs beside a hand without `sleight`."""
    found = set(re.findall(r'"(--[\w-]+)"', BRIDGE.read_text(encoding="utf-8")))
    for name in cli.COMMANDS:
        found |= known_flags(name)
    for name in GROUPS:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            cli.find(name)(["--help"])
        inner = re.findall(r"^  ([a-z][\w-]*) ", out.getvalue(), re.MULTILINE)
        found |= {flag for word in inner for flag in known_flags(name, word)}
    return frozenset(found)


def is_known(flag: str, flags: frozenset[str]) -> bool:
    """Whether it is one of them, a field of goals or cameras, or an entry of a dictionary."""
    plain = "--" + flag.removeprefix("--").replace("-", "_")  # fields are read with either
    if {flag, plain} & flags or flag in ("--help", "--version"):
        return True
    for block, kind in (("--goals.", GoalConfig), ("--cameras.", PoseCamerasConfig)):
        if flag.startswith(block) and f"{block}FIELD" in flags:
            return flag.removeprefix(block) in field_names(kind)
    parts = flag.split(".")
    return any(".".join(parts[:n]) in flags for n in range(1, len(parts)))


def problems(words: list[str]) -> Iterator[str]:
    """What is wrong with `sleight ...`; nothing where it would be understood."""
    line = " ".join(words)
    rest = words[1:]
    depth = 2 if rest and rest[0] in GROUPS and len(rest) > 1 and rest[1][:1].isalpha() else 1
    command = rest[:depth]
    if not command or PLACEHOLDER.search(command[-1]) or command == ["--help"]:
        return
    try:
        flags = known_flags(*command)
    except SleightError as error:
        yield f"{line}: {error}"
        return
    arguments = rest[depth:]
    for word, value in zip(arguments, [*arguments, ""][1:], strict=True):
        name, _, after = word.partition("=")
        if word.startswith("--") and not is_known(name, flags):
            yield f"{line}: unknown flag {name}"
        yield from (f"{line}: {text}" for text in _value_problems(name, after or value))
    yield from (f"{line}: {text}" for text in _config_problems(command, arguments))


def _value_problems(flag: str, value: str) -> Iterator[str]:
    """Names of parameters and variants, where a flag takes these."""
    name = value.partition("=")[0]
    if flag in ("--set", "--range") and value and not PLACEHOLDER.search(name):
        try:
            lookup(name, flag)
        except SleightError as error:
            yield str(error)
    if flag in ("--variant", "--plant.variant") and value not in VARIANTS and value != "NAME":
        yield f"{flag}: got {value}, allowed: {', '.join(VARIANTS)}"


def _load(kind: type, words: list[str]) -> Any:
    """A config of `kind` from `[CONFIG.yaml] [--field value ...]`."""
    has_file = not words[0].startswith("--")
    return load(kind, words[0] if has_file else None, words[has_file:])


LOADERS: dict[tuple[str, ...], Callable[[list[str]], Any]] = {
    ("train",): config_of,
    ("clone",): lambda words: config_of([w.replace("--teacher", "--clone.teacher") for w in words]),
    ("rig", "sim"): lambda words: _load(RigSimConfig, words),
    ("rig", "check"): load_rig,
    ("rig", "run"): lambda words: load_rig([w for w in words if w != "--yes-sim"]),
    ("rig", "dry-run"): load_rig,
    ("vision", "train"): lambda words: _load(PoseTrainConfig, words),
    ("vision", "widen"): lambda words: _load(WidenConfig, words),
}


def _config_problems(command: list[str], arguments: list[str]) -> Iterator[str]:
    """A whole command line of a config is loaded, where it names no file that is not here."""
    loader = LOADERS.get(tuple(command))
    files = [word for word in arguments if word.endswith(".yaml")]
    if (
        loader is None
        or not arguments
        or {"--resume", "--help"} & {*arguments}
        or any(PLACEHOLDER.search(word) for word in arguments)
        or not all((ROOT / file).is_file() for file in files)
        or (not files and not arguments[0].startswith("--"))
    ):
        return
    try:
        with contextlib.chdir(ROOT):
            loader(arguments)
    except SleightError as error:
        yield str(error)


def paths(words: list[str]) -> Iterator[str]:
    """The words that name a file of the repository, or a folder of its data."""
    for word in words:
        name = re.sub(r"^\w+=|^--[\w.-]+=|::.*$|[,;:}]$", "", word)
        first, slash, rest = name.partition("/")
        # In a text `train/eval` is two words; a path has a suffix, or names a folder of data.
        is_path = first in DATA or (first in CODE and Path(rest).suffix)
        if slash and rest and is_path and not re.search(r"[*<{]|\.\.\.|[A-Z]{4}", name):
            yield name
