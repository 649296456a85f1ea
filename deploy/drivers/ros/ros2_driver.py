"""Driver `ros2`: talks to the topics of ros2_control through DDS, from this process."""

from __future__ import annotations

from ....errors import ConfigError
from ...hand.hand import HandDriver
from ..driver_registry import HandConfig
from ..local_driver import LocalHand, layout_of
from .ros1_driver import shadow
from .ros2_face import Ros2Face, Ros2Names

OPTIONS = ("domain", "trajectory_controller", "position_controller")
MAX_DOMAIN = 232


def open_hand(config: HandConfig) -> HandDriver:
    """`OpenHand` (driver_registry.py) for the driver `ros2`: a Shadow Hand under ros2_control."""
    spec = shadow(config.prefix)
    return LocalHand(spec, Ros2Face(layout_of(spec), names_of(config)))


def names_of(config: HandConfig) -> Ros2Names:
    """The names of topics from the config. Raises ConfigError."""
    domain = config.option("domain", "0", *OPTIONS)
    if not domain.isdecimal() or int(domain) > MAX_DOMAIN:
        raise ConfigError(f"hand.options.domain: got {domain!r}, allowed: 0 to {MAX_DOMAIN}")
    default = Ros2Names()
    return Ros2Names(
        domain=int(domain),
        prefix=config.prefix,
        trajectory=config.option("trajectory_controller", default.trajectory, *OPTIONS),
        position=config.option("position_controller", default.position, *OPTIONS),
        mode=config.mode,
    )
