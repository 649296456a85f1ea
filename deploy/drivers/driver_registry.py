"""The registry of drivers: built-in ones, and those of other packages.

Another package adds a hand by an entry point in the group `sleight.hands`. The entry point is a
function `open_hand(config: HandConfig) -> HandDriver` that does not connect yet:

    [project.entry-points."sleight.hands"]
    my_hand = "my_package:open_hand"
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Annotated, Literal

from ...config import Range
from ...errors import ConfigError, nearest
from ..hand.hand import HandDriver

GROUP = "sleight.hands"


@dataclass(frozen=True)
class HandConfig:
    """The hand and how to connect to it."""

    driver: str = "rig"
    """rig: TCP, for a simulated rig or the bridge beside a Shadow Hand; ros1; ros2; or the name of
    a hand that an installed package registers."""
    host: str = "127.0.0.1"
    """Address. rig: of the hand's side; ros1: of the ROS master; ros2: not used."""
    port: Annotated[int, Range(0, 65535)] = 0
    """TCP port. 0: the default of the driver, 7411 for rig and 11311 for ros1."""
    prefix: str = "rh_"
    """ROS: prefix of the joint names."""
    mode: Literal["trajectory", "position"] = "trajectory"
    """ROS: send trajectories that the hand interpolates, or positions that it jumps to."""
    timeout_s: Annotated[float, Range(0.1, 60)] = 3.0
    """Time limit for connecting; a ROS 1 hand may need 10 s."""
    force: Annotated[float, Range(0.05, 1)] = 1.0
    """ros1: limit of the motor force, as a share of the full force. The bridge has `--force`."""
    secret: Path | None = None
    """rig: file with the shared secret, if the hand's side requires one."""
    options: dict[str, str] = field(default_factory=dict)
    """Further options of a driver; ros2: domain, trajectory_controller, position_controller."""

    def option(self, name: str, default: str, *others: str) -> str:
        """The option `name`. Raises ConfigError if `options` has a name other than these."""
        for key in self.options:
            if key != name and key not in others:
                raise ConfigError(f"hand.options: unknown '{key}', {nearest(key, (name, *others))}")
        return self.options.get(name, default)


OpenHand = Callable[[HandConfig], HandDriver]
BUILT_IN = {
    "rig": ".wire_driver:open_hand",
    "ros1": ".ros.ros1_driver:open_hand",
    "ros2": ".ros.ros2_driver:open_hand",
}


def available() -> dict[str, EntryPoint | str]:
    """Name -> location of its function. Other packages cannot override the built-in names."""
    registered: dict[str, EntryPoint | str] = {e.name: e for e in entry_points(group=GROUP)}
    return registered | BUILT_IN


def open_hand(config: HandConfig) -> HandDriver:
    """The driver that `config` names, not connected yet. Raises ConfigError."""
    hands = available()
    if config.driver not in hands:
        raise ConfigError(f"hand.driver: got {config.driver}, {nearest(config.driver, hands)}")
    return _function(config.driver, hands[config.driver])(config)


def _function(name: str, where: EntryPoint | str) -> OpenHand:
    try:
        if isinstance(where, EntryPoint):
            function: OpenHand = where.load()
        else:
            module, _, attribute = where.partition(":")
            function = getattr(importlib.import_module(module, __package__), attribute)
        return function
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"hand.driver: {name} cannot be loaded: {error}") from error


def with_port(config: HandConfig, default_port: int) -> HandConfig:
    """`config` with `default_port` in place of port 0."""
    return config if config.port else replace(config, port=default_port)
