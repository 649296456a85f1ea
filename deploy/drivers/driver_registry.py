"""Which hand: drivers by name, of this package and of others.

A package of its own adds a hand by an entry point in the group `sleight.hands`, a function
`open_hand(config: HandConfig) -> HandDriver` that connects to nothing yet:

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
    """The hand and the way to it."""

    driver: str = "rig"
    """`rig` (TCP: a simulated rig, or the bridge beside a Shadow Hand), `ros1`, `ros2`, or the name
    that an installed package gives its hand."""
    host: str = "127.0.0.1"
    """rig: the hand's side. ros1: the ROS master. ros2: not used."""
    port: Annotated[int, Range(0, 65535)] = 0
    """0: the driver's usual one: rig 7411, ros1 11311."""
    prefix: str = "rh_"
    """ROS: what the joints' names begin with."""
    mode: Literal["trajectory", "position"] = "trajectory"
    """ROS: trajectories that the hand interpolates, or positions that it goes to at once."""
    timeout_s: Annotated[float, Range(0.1, 60)] = 3.0
    """Longest wait for the hand when connecting; a ROS 1 hand may need 10."""
    force: Annotated[float, Range(0.05, 1)] = 1.0
    """ros1: share of the motors' force. (The bridge and the simulated rig have their own.)"""
    secret: Path | None = None
    """rig: the file with the secret that the hand's side asks for."""
    options: dict[str, str] = field(default_factory=dict)
    """What else a driver takes; ros2: `domain`, `trajectory_controller`, `position_controller`."""

    def option(self, name: str, default: str, *others: str) -> str:
        """One of `options`. Raises ConfigError when there is one that is none of these names."""
        for given in self.options:
            if given != name and given not in others:
                raise ConfigError(
                    f"hand.options: unknown '{given}', {nearest(given, (name, *others))}"
                )
        return self.options.get(name, default)


OpenHand = Callable[[HandConfig], HandDriver]
BUILT_IN = {
    "rig": ".wire_driver:open_hand",
    "ros1": ".ros.ros1_driver:open_hand",
    "ros2": ".ros.ros2_driver:open_hand",
}


def available() -> dict[str, EntryPoint | str]:
    """Name -> where its function is. The built-in names cannot be taken by other packages."""
    found: dict[str, EntryPoint | str] = {e.name: e for e in entry_points(group=GROUP)}
    return found | BUILT_IN


def open_hand(config: HandConfig) -> HandDriver:
    """The driver that `config` names; it is not connected. Raises ConfigError."""
    hands = available()
    if config.driver not in hands:
        raise ConfigError(f"hand.driver: got {config.driver}, {nearest(config.driver, hands)}")
    return _function(config.driver, hands[config.driver])(config)


def _function(name: str, where: EntryPoint | str) -> OpenHand:
    try:
        if isinstance(where, EntryPoint):
            function: OpenHand = where.load()
            return function
        module, _, attribute = where.partition(":")
        found: OpenHand = getattr(importlib.import_module(module, __package__), attribute)
        return found
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"hand.driver: {name} cannot be loaded: {error}") from error


def with_port(config: HandConfig, usual: int) -> HandConfig:
    """`config` with a port of its own."""
    return config if config.port else replace(config, port=usual)
