"""Configs: what is given is what comes out, and every wrong value is one line that says so."""

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleight.config import Range, field_names, from_dict, help_text, load, save, to_dict
from sleight.errors import ConfigError


@dataclass(frozen=True)
class Optimizer:
    """An inner section."""

    rate: Annotated[float, Range(0, 1, open_low=True)] = 3e-4
    """Learning rate.

    More about it.
    """
    epochs: Annotated[int, Range(1)] = 4
    """Passes over the batch."""


@dataclass(frozen=True)
class Span:
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"got low {self.low}, high {self.high}, allowed: low <= high")


@dataclass(frozen=True)
class Config:
    train: Optimizer = Optimizer(rate=0.5)
    """How to train."""
    mode: Literal["block", "reach"] = "block"
    """The task."""
    name: str = "run"
    video: bool = False
    folder: Path | None = None
    sizes: tuple[int, ...] = (64, 64)
    window: tuple[float, float] = (0.0, 1.0)
    spans: dict[str, Span] = field(default_factory=lambda: {"object.size": Span(0.9, 1.1)})
    weights: dict[str, float] = field(default_factory=lambda: {"drop": -20.0})
    teacher: Optimizer | None = None
    cap: Annotated[float | None, Range(0, 1)] = None
    workers: Literal["auto"] | int = "auto"
    limit: Annotated[float, Range(0, finite=False)] = 1.0


@dataclass(frozen=True)
class Needy:
    name: str
    count: Annotated[int, Range(0)]


CONFIGS = st.builds(
    Config,
    train=st.builds(
        Optimizer,
        rate=st.floats(0, 1, exclude_min=True),
        epochs=st.integers(1, 10**9),
    ),
    mode=st.sampled_from(["block", "reach"]),
    name=st.text(),
    video=st.booleans(),
    folder=st.none() | st.sampled_from([Path("a/b"), Path("/c d")]),
    sizes=st.lists(st.integers()).map(tuple),
    window=st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2),
    spans=st.dictionaries(st.text(), st.just(Span(0.25, 1e-300 + 0.5))),
    weights=st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)),
    teacher=st.none() | st.just(Optimizer(epochs=7)),
    cap=st.none() | st.floats(0, 1),
    workers=st.just("auto") | st.integers(),
    limit=st.floats(0, allow_nan=False),
)


def _file(folder: Path, text: str, name: str = "a.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@given(CONFIGS)
def test_saved_is_loaded(tmp_path_factory: pytest.TempPathFactory, config: Config) -> None:
    path = tmp_path_factory.mktemp("saved") / "config.yaml"
    save(config, path)
    assert load(Config, path) == config
    assert from_dict(Config, to_dict(config), "memory") == config


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "train:\n", "train: {}\n"])
def test_nothing_given_is_the_default(tmp_path: Path, text: str) -> None:
    assert load(Config, _file(tmp_path, text)) == Config() == load(Config)


def test_file_then_flags(tmp_path: Path) -> None:
    path = _file(tmp_path, "train: {epochs: 9}\nweights: {success: 5}\nteacher: {epochs: 2}\n")
    flags = ["--train.rate=1e-3", "--weights.pinch.grip", "2", "--sizes", "1,2,3"]
    config = load(Config, path, [*flags, "--video", "true", "--name", "12", "--folder", "none"])
    assert config.train == Optimizer(rate=1e-3, epochs=9)
    assert config.weights == {"success": 5.0, "pinch.grip": 2.0}
    assert config.teacher == Optimizer(rate=3e-4, epochs=2)
    assert (config.sizes, config.video, config.name) == ((1, 2, 3), True, "12")


def test_a_part_of_a_section_keeps_the_default_of_its_owner() -> None:
    assert load(Config, overrides=["--train.epochs", "2"]).train == Optimizer(rate=0.5, epochs=2)


def test_entries_of_a_dict() -> None:
    one = load(Config, overrides=["--spans.object.size.low", "0.5", "--spans.mass.high", "3"])
    assert one.spans == {"object.size": Span(0.5, 1.1), "mass": Span(0.0, 3.0)}
    assert load(Config, overrides=["--weights.drop", "null"]).weights == {}


def test_base_files(tmp_path: Path) -> None:
    _file(tmp_path, "name: base\nweights: {drop: -1, success: 5}\n", "base.yaml")
    (tmp_path / "more").mkdir()
    path = _file(tmp_path / "more", "base: ../base.yaml\nweights: {drop: null, grip: 1e-2}\n")
    config = load(Config, path)
    assert config.name == "base"
    assert config.weights == {"success": 5.0, "grip": 0.01}
    _file(tmp_path, "name: 3\n", "base.yaml")
    with pytest.raises(ConfigError, match=r"base\.yaml: name: got 3, allowed: text"):
        load(Config, path)
    _file(tmp_path, "base: more/a.yaml\n", "base.yaml")
    with pytest.raises(ConfigError, match="inherits from itself"):
        load(Config, path)


def test_several_bases_are_laid_over_each_other_in_order(tmp_path: Path) -> None:
    _file(tmp_path, "name: first\nweights: {drop: -1}\nvideo: true\n", "first.yaml")
    _file(tmp_path, "name: second\nweights: {success: 5}\n", "second.yaml")
    config = load(Config, _file(tmp_path, "base: [first.yaml, second.yaml]\n"))
    assert (config.name, config.video) == ("second", True)
    assert config.weights == {"drop": -1.0, "success": 5.0}
    with pytest.raises(ConfigError, match=r"base: got 3, allowed: a path"):
        load(Config, _file(tmp_path, "base: [first.yaml, 3]\n"))


FILE_ERRORS = [
    ("train: {rte: 1}", "train.rte: unknown field, did you mean 'rate'? available: rate, epochs"),
    ("xyzzy: 1", "xyzzy: unknown field, available: train, mode, "),
    ("train: {rate: 2}", "train.rate: got 2, allowed: a number in (0, 1]"),
    ("train: {rate: 0}", "train.rate: got 0, allowed: a number in (0, 1]"),
    ("train: {rate: .nan}", "train.rate: got NaN, allowed: a number in (0, 1]"),
    ("train: {rate: true}", "train.rate: got true, allowed: a number in (0, 1]"),
    ("train: {rate: fast}", 'train.rate: got "fast", allowed: a number in (0, 1]'),
    ("train: {rate: }", "train.rate: got null, allowed: a number in (0, 1]"),
    ("train: {epochs: 1.5}", "train.epochs: got 1.5, allowed: an integer >= 1"),
    ("train: {epochs: '4'}", 'train.epochs: got "4", allowed: an integer >= 1'),
    ("train: {epochs: true}", "train.epochs: got true, allowed: an integer >= 1"),
    ("train: 3", "train: got 3, allowed: fields (rate, epochs)"),
    ("mode: cube", 'mode: got "cube", allowed: block, reach'),
    ("video: 1", "video: got 1, allowed: true or false"),
    ("video: yes", 'video: got "yes", allowed: true or false'),
    ("name: 5", "name: got 5, allowed: text"),
    ("folder: ''", 'folder: got "", allowed: a path or null'),
    ("sizes: 3", "sizes: got 3, allowed: a list, each an integer"),
    ("sizes: [1, x]", 'sizes.1: got "x", allowed: an integer'),
    ("window: [1]", "window: got [1], allowed: a list of 2, each a number"),
    ("window: [1, .inf]", "window.1: got Infinity, allowed: a number"),
    ("weights: [1]", "weights: got [1], allowed: a mapping"),
    ("weights: {drop: big}", 'weights.drop: got "big", allowed: a number'),
    ("teacher: {epochs: 0}", "teacher.epochs: got 0, allowed: an integer >= 1"),
    ("cap: 3", "cap: got 3, allowed: a number in [0, 1] or null"),
    ("workers: many", 'workers: got "many", allowed: auto or an integer'),
    ("limit: -1", "limit: got -1, allowed: a number >= 0"),
    ("spans: {mass: {low: 2}}", "spans.mass: got low 2.0, high 1.0, allowed: low <= high"),
    ("- 1", "got [1], allowed: a mapping of fields"),
    ("7", "got 7, allowed: a mapping of fields"),
    ("name: a\nname: b", "not valid YAML at line 2, column 1: key 'name' given twice"),
    ("name: [", "not valid YAML at line 1, column 8"),
    ("? [a]\n: b", "not valid YAML at line 1, column 3: a key is not text"),
    ("name: &x [*x]", "not valid YAML: "),
    ("name: !!python/object:os.system x", "not valid YAML at line 1"),
    ("base: 3", "base: got 3, allowed: a path"),
    ("base: no.yaml", "no.yaml: no such file"),
]


@pytest.mark.parametrize(("text", "expected"), FILE_ERRORS)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(Config, path)
    line = str(caught.value)
    assert expected in line
    assert line.startswith(str(path if "no such file" not in line else tmp_path))
    assert "\n" not in line


FLAG_ERRORS = [
    (["--train.rate", "2"], "--train.rate: got 2, allowed: a number in (0, 1]"),
    (["--train.rate", "x"], "--train.rate: got x, allowed: a number in (0, 1]"),
    (["--train.rte", "2"], "--train.rte: unknown field, did you mean 'train.rate'? see --help"),
    (["--rate", "2"], "--rate: unknown field, did you mean 'train.rate'? see --help"),
    (["--xyzzy=2"], "--xyzzy: unknown field, available: train, mode, "),
    (["--mode.x", "2"], "--mode.x: unknown field, did you mean 'mode'? see --help"),
    (["--video"], "--video: got no value, allowed: --video value (a switch: true, false)"),
    (["--video", "--name", "a"], "--video: got no value"),
    (["--video", "yes"], "--video: got yes, allowed: true or false"),
    (["--train.epochs", "1.5"], "--train.epochs: got 1.5, allowed: an integer >= 1"),
    (["--train", "x"], "--train: got x, allowed: fields (rate, epochs)"),
    (["--cap", "1.5"], "--cap: got 1.5, allowed: a number in [0, 1] or null"),
    (["--sizes", "1,b"], '--sizes: sizes.1: got "b", allowed: an integer'),
    (["--spans.object.size.low", "9"], "spans.object.size: got low 9.0"),
    (["name"], "name: got a bare word, allowed: --field value"),
    (["--", "x"], "--: got a bare word"),
]


@pytest.mark.parametrize(("flags", "expected"), FLAG_ERRORS)
def test_a_wrong_flag_is_one_line(flags: list[str], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Config, overrides=flags)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("flag", "value"),
    [("1e3", 1000), ("1_000", 1000), ("-7", -7), ("auto", "auto")],
)
def test_integers_as_they_are_written(flag: str, value: object) -> None:
    assert load(Config, overrides=["--workers", flag]).workers == value


def test_numbers_of_yaml(tmp_path: Path) -> None:
    text = "train: {rate: 1e-3, epochs: 1e6}\nlimit: .inf\nname: 2020-01-01\nwindow: [-2, .5]\n"
    config = load(Config, _file(tmp_path, text))
    assert config.train == Optimizer(1e-3, 1_000_000)
    assert (config.limit, config.name, config.window) == (math.inf, "2020-01-01", (-2.0, 0.5))


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a\.yaml: count: missing, allowed: an integer >= 0"):
        load(Needy, _file(tmp_path, "name: x"))
    assert load(Needy, overrides=["--name", "x", "--count=0"]) == Needy("x", 0)


def test_a_missing_config_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.yaml: no such file"):
        load(Config, tmp_path / "no.yaml")


@given(st.floats(allow_nan=False), st.booleans(), st.booleans())
def test_range_is_its_inequality(value: float, open_low: bool, open_high: bool) -> None:
    inside = (value > -1 if open_low else value >= -1) and (value < 2 if open_high else value <= 2)
    assert (value in Range(-1, 2, open_low, open_high)) == inside


def test_range_and_what_is_not_finite() -> None:
    assert math.inf not in Range(0)
    assert math.nan not in Range()
    assert math.inf in Range(0, finite=False)
    assert -math.inf not in Range(0, finite=False)
    assert math.nan in Range(finite=False)


def test_help_names_every_field_with_its_limits_default_and_text() -> None:
    page = help_text(Config, "sleight train", "Train a policy.")
    for name in field_names(Config):
        assert f"--{name}  " in page
    assert (
        "--train.rate  a number in (0, 1]\n      Learning rate. More about it. (default: 0.5)"
        in page
    )
    assert "train: How to train." in page
    assert "Train a policy." in page
    assert "(default: 7)" in help_text(Config, "x", default=Config(train=Optimizer(epochs=7)))
    assert "required" in help_text(Needy, "x")


def test_field_names_are_the_flags() -> None:
    names = field_names(Config)
    assert names[:3] == ["train.rate", "train.epochs", "mode"]
    tops = {name.partition(".")[0] for name in names}
    assert tops == {each.name for each in dataclasses.fields(Config)}
