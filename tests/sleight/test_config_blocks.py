"""Blocks that other packages register: fields like any other, in files, flags, help and errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pytest

from sleight.config import Extensible, Range, from_dict, help_text, load, save, to_dict
from sleight.errors import ConfigError


@dataclass(frozen=True)
class Dial:
    """The task with a dial."""

    threshold_rad: Annotated[float, Range(0, 3)] = 0.4
    """A goal within this angle is reached."""


@dataclass(frozen=True)
class Other:
    """Another task."""

    count: int = 1


@dataclass(frozen=True)
class Env(Extensible):
    task: str = "block"
    """The task."""
    selector = "task"

    @classmethod
    def known_blocks(cls) -> Mapping[str, type]:
        return {"my_dial": Dial, "other": Other}


@dataclass(frozen=True)
class Train:
    env: Env = field(default_factory=Env)
    """The environment."""
    seed: int = 0


def test_a_block_is_set_in_a_file_and_by_a_flag(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("env: {task: my-dial, my_dial: {threshold_rad: 0.2}}")
    assert load(Train, file).env.block(Dial).threshold_rad == 0.2
    flags = ["--env.my_dial.threshold_rad", "0.1"]
    assert load(Train, file, flags).env.block(Dial).threshold_rad == 0.1
    assert load(Train, None, flags).env.block(Other) == Other()


def test_a_saved_config_holds_the_blocks_that_are_set_or_selected(tmp_path: Path) -> None:
    plain = load(Train)
    assert to_dict(plain) == {"env": {"task": "block"}, "seed": 0}
    chosen = load(Train, None, ["--env.task", "my-dial", "--env.other.count", "3"])
    expected = {"task": "my-dial", "my_dial": {"threshold_rad": 0.4}, "other": {"count": 3}}
    assert to_dict(chosen)["env"] == expected
    save(chosen, tmp_path / "b.yaml")
    again = load(Train, tmp_path / "b.yaml")
    assert to_dict(again) == to_dict(chosen)
    assert to_dict(from_dict(Train, to_dict(chosen), "here")) == to_dict(chosen)


def test_a_wrong_field_of_a_block_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"--env\.my_dial\.threshold: unknown field, did you mea"):
        load(Train, None, ["--env.my_dial.threshold", "1"])
    with pytest.raises(ConfigError, match=r"got 9, allowed: a number in \[0, 3\]"):
        load(Train, None, ["--env.my_dial.threshold_rad", "9"])
    with pytest.raises(ConfigError, match=r"here: env\.my_dail: unknown field, did you mean 'my_d"):
        from_dict(Train, {"env": {"my_dail": {}}}, "here")
    with pytest.raises(ConfigError, match="blocks"):
        from_dict(Train, {"env": {"blocks": {}}}, "here")


def test_the_help_page_shows_every_block() -> None:
    page = help_text(Train, "train")
    assert "env.my_dial: The task with a dial." in page
    assert "--env.my_dial.threshold_rad  a number in [0, 3]" in page
    assert "blocks" not in page


def test_a_block_is_replaced_in_a_copy() -> None:
    env = Env().with_block(Dial(1.0))
    assert env.block(Dial).threshold_rad == 1.0 and Env().block(Dial).threshold_rad == 0.4
    with pytest.raises(ValueError, match="got int, allowed: a registered block"):
        Env().with_block(3)
