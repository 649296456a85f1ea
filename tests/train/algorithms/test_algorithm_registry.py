"""Algorithms by name: what is found, what is refused, and what a broken package may not disturb."""

import sys
from pathlib import Path

import pytest

from sleight.cli import main
from sleight.config import from_dict, load, to_dict
from sleight.errors import ConfigError
from sleight.train.algorithms.algorithm import Algorithm
from sleight.train.algorithms.algorithm_registry import ALGORITHMS, config_blocks
from sleight.train.algorithms.clone import Clone, CloneConfig
from sleight.train.algorithms.off_policy.fast_td3 import FastTd3
from sleight.train.algorithms.off_policy.fast_td3_config import FastTd3Config
from sleight.train.algorithms.ppo import Ppo, PpoConfig
from sleight.train.config import TrainConfig

BROKEN = {
    "lost": ("no_such_module:X", "ModuleNotFoundError"),
    "raises": ("raising_algorithm:X", "ZeroDivisionError"),
    "function": ("other_algorithms:function", "allowed: a subclass of Algorithm"),
    "bare": ("other_algorithms:Bare", "AttributeError"),
    "fields": ("other_algorithms:Required", "missing 1 required positional argument"),
    "policy": ("other_algorithms:Fine", "got the name of a field of the training config"),
}
SOURCE = """
from dataclasses import dataclass
from sleight.train.algorithms.clone import Clone
from sleight.train.algorithms.algorithm import Algorithm
@dataclass(frozen=True)
class Config:
    size: int
@dataclass(frozen=True)
class Good:
    size: int = 1
def function(): pass
class Bare(Algorithm): pass
class Required(Clone): config_type = Config
class Fine(Clone): config_type = Good
"""


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed packages: one good algorithm, one that takes a name of ours, and broken ones."""
    (tmp_path / "other_algorithms.py").write_text(SOURCE)
    (tmp_path / "raising_algorithm.py").write_text("1 / 0\n")
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    lines = [f"{name} = {place}" for name, (place, _) in BROKEN.items()]
    lines += ["my-own = other_algorithms:Fine", "ppo = no_such_module:X"]
    text = "\n".join(["[sleight.algorithms]", *lines]) + "\n"
    (info / "entry_points.txt").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "other_algorithms", raising=False)


def test_the_built_in_algorithms_are_blocks_of_the_config() -> None:
    assert ALGORITHMS.names() == ("ppo", "clone", "fast_td3")
    assert [*ALGORITHMS.everything().values()] == [Ppo, Clone, FastTd3]
    assert config_blocks() == {"ppo": PpoConfig, "clone": CloneConfig, "fast_td3": FastTd3Config}
    assert issubclass(Ppo, Algorithm) and issubclass(Clone, Algorithm)


@pytest.mark.usefixtures("others")
def test_a_package_adds_its_block_and_takes_no_name_of_ours() -> None:
    assert ALGORITHMS.get("ppo", "algorithm") is Ppo
    assert config_blocks().keys() == {"ppo", "clone", "fast_td3", "my_own"}
    config = load(TrainConfig, None, ["--my-own.size", "3"])
    assert to_dict(config)["my_own"] == {"size": 3}


@pytest.mark.usefixtures("others")
def test_broken_packages_are_left_out_of_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    page = capsys.readouterr().out
    assert "--my_own.size" in page and "--ppo.learning_rate" in page
    assert not any(f"--{name}.size" in page for name in BROKEN)


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_package_is_one_line_where_it_is_chosen(name: str) -> None:
    with pytest.raises(ConfigError, match=f"algorithm: {name} cannot be loaded: ") as caught:
        load(TrainConfig, None, ["--algorithm", name])
    assert BROKEN[name][1] in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=f"run: algorithm: {name} cannot be loaded: "):
        from_dict(TrainConfig, {"algorithm": name, name: {"size": 1}}, "run")


def test_an_unknown_algorithm_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"--algorithm: algorithm: got pp0, did you mean 'ppo'\?"):
        load(TrainConfig, None, ["--algorithm", "pp0"])
    with pytest.raises(
        ConfigError, match=r"here: algorithm: got sac, available: ppo, clone, fast_td3"
    ):
        from_dict(TrainConfig, {"algorithm": "sac"}, "here")


def test_a_run_of_a_package_that_is_not_installed_says_which() -> None:
    saved = {"algorithm": "reinforce", "reinforce": {"gamma": 0.9}}
    with pytest.raises(
        ConfigError, match=r"run: algorithm: got reinforce, available: ppo, clone, fast_td3"
    ):
        from_dict(TrainConfig, saved, "run")


def test_cloning_needs_a_teacher() -> None:
    with pytest.raises(ConfigError, match=r"clone\.teacher: got nothing, allowed: a run, a checkp"):
        load(TrainConfig, None, ["--algorithm", "clone"])
