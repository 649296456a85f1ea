"""The driver of a 16-joint hand: the entry point `leap` in the group `sleight.drivers`."""

from __future__ import annotations

from sleight.deploy.drivers.driver_registry import HandConfig
from sleight.deploy.drivers.local_driver import LocalHand
from sleight.deploy.hand.hand import HandDriver

from .face import LeapFace
from .spec import LEAP


def open_hand(config: HandConfig) -> HandDriver:
    """The hand that `--hand.driver leap` names; it is not connected."""
    servos = int(config.option("servos", str(len(LEAP.joints))))
    return LocalHand(LEAP, LeapFace(servos))
