"""Names of this package and of installed ones: who wins, what is unknown, what is broken."""

from pathlib import Path

import pytest

from sleight.errors import ConfigError
from sleight.registry import Registry, must_call


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two installed packages: one that works, and one that cannot be imported."""
    (tmp_path / "worker.py").write_text("DIAL = 3\n")
    (tmp_path / "broken.py").write_text("import no_such_module\n")
    for name, lines in (
        ("worker", "dial = worker:DIAL\nexit = worker:DIAL"),
        ("broken", "bad = broken:DIAL\ngone = worker:NOTHING"),
    ):
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[sleight.trial]\n{lines}\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def registry() -> Registry[object]:
    return Registry("sleight.trial", {"exit": "errors:SleightError"})


@pytest.mark.usefixtures("packages")
def test_an_installed_package_adds_a_name_and_does_not_replace_ours() -> None:
    names = registry()
    assert names.names()[0] == "exit" and {"dial", "bad", "gone"} < {*names.names()}
    assert names.get("dial", "env.trial") == 3
    assert issubclass(names.get("exit", "env.trial"), Exception)  # type: ignore[arg-type]


@pytest.mark.usefixtures("packages")
def test_a_broken_package_is_one_line_when_it_is_chosen_and_left_out_before() -> None:
    names = registry()
    assert {*names.everything()} == {"exit", "dial"}
    with pytest.raises(ConfigError, match=r"env\.trial: bad cannot be loaded: ModuleNotFoundError"):
        names.get("bad", "env.trial")
    with pytest.raises(ConfigError, match="AttributeError"):
        names.get("gone", "env.trial")


@pytest.mark.usefixtures("packages")
def test_what_has_to_be_called_and_cannot_be_is_one_line() -> None:
    names: Registry[object] = Registry("sleight.trial", {"exit": "errors:SleightError"}, must_call)
    assert callable(names.get("exit", "env.trial"))
    with pytest.raises(ConfigError, match="dial cannot be loaded: TypeError: got 3, allowed: a fu"):
        names.get("dial", "env.trial")


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"env\.trial: got exti, did you mean 'exit'"):
        registry().get("exti", "env.trial")


def test_a_package_that_is_installed_later_is_found(packages: Path) -> None:
    names = registry()
    names.names()
    later = packages / "later-1.0.dist-info"
    later.mkdir()
    (later / "METADATA").write_text("Metadata-Version: 2.1\nName: later\nVersion: 1.0\n")
    (later / "entry_points.txt").write_text("[sleight.trial]\nlate = worker:DIAL\n")
    names.add("mine", 4)
    assert names.get("mine", "") == 4
    assert registry().get("late", "") == 3
