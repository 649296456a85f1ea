"""Driver `ros1`: talks to a ROS master through rospy, from this process."""

from __future__ import annotations

from dataclasses import replace

from ....contract.hand_spec import HandSpec
from ....envs.hands.shadow import SHADOW_RIGHT
from ...hand.hand import HandDriver
from ..driver_registry import HandConfig, with_port
from ..local_driver import LocalHand, layout_of
from .ros1_face import Ros1Face
from .shadow_names import hand_name

PORT = 11311


def shadow(prefix: str) -> HandSpec:
    """The spec of the Shadow Hand with this prefix of the joint names. Raises ConfigError."""
    return replace(SHADOW_RIGHT, name=hand_name(prefix))


def open_hand(config: HandConfig) -> HandDriver:
    """`OpenHand` (driver_registry.py) for the driver `ros1`."""
    config = with_port(config, PORT)
    spec, master = shadow(config.prefix), f"http://{config.host}:{config.port}"
    face = Ros1Face(layout_of(spec), master, config.prefix, config.mode)
    return LocalHand(spec, face, config.force)
