"""The registry of drivers: built-in ones, and those of other packages.

Another package adds a driver by an entry point in the group `sleight.drivers`. The entry point is a
function `open_hand(config: HandConfig) -> HandDriver` that does not connect yet:

    [project.entry-points."sleight.drivers"]
    my_hand = "my_package:open_hand"

(The group `sleight.hands` has hands for the simulation.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from ...config import Range
from ...errors import ConfigError, nearest
from ...registry import Registry, must_call
from ..hand.hand import HandDriver


@dataclass(frozen=True)
class HandConfig:
    """The hand and how to connect to it."""

    driver: str = "rig"
    """rig: TCP, for a simulated rig or the bridge beside a Shadow Hand; ros1; ros2; or the name of
    a driver that an installed package adds."""
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
DRIVERS: Registry[OpenHand] = Registry(
    "sleight.drivers",
    {
        "rig": "deploy.drivers.wire_driver:open_hand",
        "ros1": "deploy.drivers.ros.ros1_driver:open_hand",
        "ros2": "deploy.drivers.ros.ros2_driver:open_hand",
    },
    must_call,
)


def open_hand(config: HandConfig) -> HandDriver:
    """The driver that `config` names, not connected yet. Raises ConfigError."""
    return DRIVERS.get(config.driver, "hand.driver")(config)


def with_port(config: HandConfig, default_port: int) -> HandConfig:
    """`config` with `default_port` in place of port 0."""
    return config if config.port else replace(config, port=default_port)
