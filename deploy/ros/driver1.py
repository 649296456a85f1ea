"""Driver `ros1`: rospy straight to a master, from this process."""

from __future__ import annotations

from dataclasses import replace

from ...envs.hand import SHADOW_RIGHT, HandSpec
from ..hand import HandDriver
from ..hands import HandConfig, with_port
from ..local_hand import LocalHand, layout_of
from .names import hand_name
from .ros1 import Ros1Face

PORT = 11311


def shadow(prefix: str) -> HandSpec:
    """The Shadow Hand with this prefix of its joints. Raises ConfigError."""
    return replace(SHADOW_RIGHT, name=hand_name(prefix))


def open_hand(config: HandConfig) -> HandDriver:
    """`hands.OpenHand` for the driver `ros1`."""
    config = with_port(config, PORT)
    spec, master = shadow(config.prefix), f"http://{config.host}:{config.port}"
    face = Ros1Face(layout_of(spec), master, config.prefix, config.mode)
    return LocalHand(spec, face, config.force)
