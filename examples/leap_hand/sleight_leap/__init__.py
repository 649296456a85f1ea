"""A 16-joint hand for sleight: the entry point `leap` in the group `sleight.hands`."""

from __future__ import annotations

from sleight.deploy.hand import HandDriver
from sleight.deploy.hands import HandConfig
from sleight.deploy.local_hand import LocalHand

from .face import LeapFace
from .spec import LEAP


def open_hand(config: HandConfig) -> HandDriver:
    """The hand that `--hand.driver leap` names; it is not connected."""
    servos = int(config.option("servos", str(len(LEAP.joints))))
    return LocalHand(LEAP, LeapFace(servos))
