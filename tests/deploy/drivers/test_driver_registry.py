"""Drivers by name: the built-in ones, and what an installed package adds or gets wrong."""

import sys

import pytest

from sleight.deploy.drivers.driver_registry import DRIVERS, HandConfig, open_hand
from sleight.deploy.drivers.wire_driver import RigDriver
from sleight.errors import ConfigError

OURS = ("rig", "ros1", "ros2")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """package(entry, code="") installs a package that adds one driver, `own = entry`."""

    def install(entry, code="", name="own"):
        info = tmp_path / "own-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[sleight.drivers]\n{name} = {entry}\n")
        (tmp_path / "own_driver.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "own_driver", raising=False)

    return install


def test_the_usual_driver_is_the_one_behind_the_wire():
    assert isinstance(open_hand(HandConfig()), RigDriver)
    assert DRIVERS.names()[:3] == OURS


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"driver": "ros3"}, "hand.driver: got ros3, did you mean 'ros"),
        ({"driver": "ros1", "prefix": "xx_"}, "hand.prefix: got 'xx_', allowed: rh_, lh_"),
        ({"secret": "nowhere"}, "nowhere: the secret cannot be read"),
        ({"driver": "ros2", "options": {"domain": "-1"}}, "options.domain: got '-1', allowed: 0"),
        ({"driver": "ros2", "options": {"domian": "1"}}, "unknown 'domian', did you mean 'domain'"),
    ],
)
def test_a_driver_that_does_not_exist_is_one_line(config, line):
    with pytest.raises(ConfigError, match=line) as caught:
        open_hand(HandConfig(**config))
    assert "\n" not in str(caught.value)


def test_another_package_adds_a_driver_that_gets_the_config(package):
    package("own_driver:open_hand", "def open_hand(config): return config.options, config.host")
    assert DRIVERS.names() == (*OURS, "own")
    config = HandConfig(driver="own", host="there", options={"a": "b"})
    assert open_hand(config) == ({"a": "b"}, "there")


def test_another_package_does_not_replace_ours(package):
    package("own_driver:open_hand", "def open_hand(config): return None", name="rig")
    assert isinstance(open_hand(HandConfig(driver="rig")), RigDriver)


def test_a_package_that_still_uses_the_group_of_simulated_hands_is_not_a_driver(package, tmp_path):
    package("own_driver:open_hand", "def open_hand(config): return None")
    text = "[sleight.hands]\nown = own_driver:open_hand\n"
    (tmp_path / "own-1.dist-info" / "entry_points.txt").write_text(text)
    with pytest.raises(ConfigError, match="hand.driver: got own, available: rig, ros1, ros2"):
        open_hand(HandConfig(driver="own"))


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ("no_such_module:open", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("own_driver:opne", "AttributeError: .* has no attribute 'opne'"),
        ("own_driver:number", "TypeError: got 7, allowed: a function or a class"),
    ],
)
def test_a_package_that_cannot_be_loaded_is_one_line(package, entry, line):
    package(entry, "number = 7")
    with pytest.raises(ConfigError, match=f"hand.driver: own cannot be loaded: {line}") as caught:
        open_hand(HandConfig(driver="own"))
    assert "\n" not in str(caught.value)
