"""Stages of a config: what is laid over what, and what is saved."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sleight.config import Staged, from_dict, load, save, to_dict
from sleight.errors import ConfigError


@dataclass(frozen=True)
class Inner:
    x: int = 1
    table: dict[str, float] = field(default_factory=lambda: {"a": 1.0})


@dataclass(frozen=True)
class Whole(Staged):
    steps: int = 10
    name: str = ""
    start: str = ""
    inner: Inner = field(default_factory=Inner)
    stages: "dict[str, Part]" = field(default_factory=dict)
    of_the_run = ("name",)
    of_the_first = ("start",)
    summed = ("steps",)

    def __post_init__(self) -> None:
        if self.stages:
            object.__setattr__(self, "steps", sum(part.steps for part in self.stages.values()))


@dataclass(frozen=True)
class Part(Whole):
    end: float = 0.0


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A file with three stages, and the base of two, which has a field that only a run has."""
    (tmp_path / "base.yaml").write_text("name: other\nsteps: 5\ninner: {x: 2, table: {b: 2.0}}\n")
    text = """
    start: here
    inner: {x: 7}
    stages:
      one: {base: base.yaml}
      two: {base: base.yaml, steps: 6, end: 2.0, inner: {table: {b: null, c: 3.0}}}
      three: {steps: 7}
    """
    (tmp_path / "whole.yaml").write_text(text)
    return tmp_path / "whole.yaml"


def test_a_stage_lies_over_its_base_which_lies_over_the_whole(files: Path) -> None:
    one, two, three = load(Whole, files, ["--name", "mine"]).stages.values()
    assert [one.steps, two.steps, three.steps] == [5, 6, 7]
    assert [one.inner.x, two.inner.x, three.inner.x] == [2, 2, 7]
    assert [one.inner.table, two.inner.table] == [{"b": 2.0}, {"c": 3.0}]
    assert three.inner.table == {"a": 1.0} and two.end == 2.0
    assert [one.start, two.start, three.start] == ["here", "", ""], "only of the first"
    assert {one.name, two.name, three.name} == {"mine"}, "that of the base is left out"


def test_flags_come_last_and_those_of_a_stage_after_those_of_all(files: Path) -> None:
    flags = ["--stages.two.inner.x", "8", "--inner.x", "9", "--inner.table.d", "4"]
    config = load(Whole, files, flags)
    assert [stage.inner.x for stage in config.stages.values()] == [9, 8, 9]
    assert config.stages["one"].inner.table == {"b": 2.0, "d": 4.0}
    left = load(Whole, files, ["--stages.one", "null"]).stages
    assert list(left) == ["two", "three"] and left["two"].start == "here", "the first that is left"


def test_what_is_saved_is_read_again(files: Path, tmp_path: Path) -> None:
    config = load(Whole, files, ["--inner.table.d", "4", "--stages.three.inner.table.d", "null"])
    save(config, tmp_path / "saved.yaml")
    assert load(Whole, tmp_path / "saved.yaml") == config
    assert from_dict(Whole, to_dict(config), "data") == config
    said = to_dict(config)["stages"]
    assert said["three"] == {"steps": 7, "start": "", "end": 0.0, "inner": {"table": {"d": None}}}
    assert "name" not in said["one"]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--steps", "3"], "--steps: got it with stages, allowed: --stages.NAME.steps"),
        (["--stages.tow.end", "3"], "--stages.tow: unknown stage, did you mean 'two'?"),
        (["--stages.two.edn", "3"], "--stages.two.edn: unknown field, did you mean 'end'?"),
        (["--stages.two", "3"], "stages.two: got 3, allowed: the fields of a stage"),
    ],
)
def test_what_no_stage_has_is_refused(flags: list[str], says: str, files: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Whole, files, flags)
    assert says in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [{"stages": {}}, {}])
def test_without_stages_nothing_changes(data: dict[str, Any]) -> None:
    assert from_dict(Whole, {"steps": 3, **data}, "data").steps == 3
