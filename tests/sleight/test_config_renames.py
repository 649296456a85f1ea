"""Fields that were renamed: the old name is refused by one line that says the new one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from sleight.config import Extensible, check_renamed, from_dict, help_text, load, to_dict
from sleight.errors import ConfigError


@dataclass(frozen=True)
class Block:
    """An algorithm."""

    learning_rate: float = 1e-3
    renamed: ClassVar[Mapping[str, str]] = {"rate": "learning_rate", "chunk": "rollout.steps"}


@dataclass(frozen=True)
class Rollout:
    steps: int = 16


@dataclass(frozen=True)
class Train(Extensible):
    rollout: Rollout = field(default_factory=Rollout)
    sizes: dict[str, float] = field(default_factory=dict)
    inner: Block = field(default_factory=Block)
    renamed: ClassVar[Mapping[str, str]] = {"widen": "sizes", "first": "rollout.steps"}

    @classmethod
    def known_blocks(cls) -> Mapping[str, type]:
        return {"ppo": Block}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("inner: {rate: 1}", "inner.rate: renamed to inner.learning_rate"),
        ("ppo: {rate: 1}", "ppo.rate: renamed to ppo.learning_rate"),
        ("ppo: {chunk: 1}", "ppo.chunk: renamed to rollout.steps"),
        ("widen: {object.size: 1}", "widen: renamed to sizes"),
        ("first: 3", "first: renamed to rollout.steps"),
    ],
)
def test_in_a_file(text: str, line: str, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(Train, file)
    assert str(caught.value) == f"{file}: {line}"


@pytest.mark.parametrize(
    ("flag", "new"),
    [
        ("--inner.rate", "inner.learning_rate"),
        ("--ppo.rate", "ppo.learning_rate"),
        ("--ppo.chunk", "rollout.steps"),
        ("--widen.object.size", "sizes.object.size"),
        ("--first", "rollout.steps"),
    ],
)
def test_in_a_flag(flag: str, new: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Train, None, [flag, "1"])
    assert str(caught.value) == f"{flag}: renamed to {new}"


def test_what_is_not_renamed_still_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"--ppo\.learning_rat: unknown field, did you mean"):
        load(Train, None, ["--ppo.learning_rat", "1"])
    with pytest.raises(ConfigError, match=r"here: inner\.rates: unknown field"):
        from_dict(Train, {"inner": {"rates": 1}}, "here")


def test_data_that_is_read_in_part_is_checked_as_well() -> None:
    check_renamed(Train, {"inner": {"learning_rate": 1, "of_another_version": 2}, "new": {}}, "x")
    with pytest.raises(ConfigError, match=r"x: ppo\.chunk: renamed to rollout\.steps"):
        check_renamed(Train, {"rollout": {"steps": 2}, "ppo": {"chunk": 3}}, "x")
    with pytest.raises(ConfigError, match=r"x: widen: renamed to sizes"):
        check_renamed(Train, {"widen": {}}, "x")


def test_renames_are_no_fields() -> None:
    assert "renamed" not in help_text(Train, "train")
    assert to_dict(Block()) == {"learning_rate": 1e-3}
