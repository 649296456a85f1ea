"""From a rig file to what it names: the hand behind its gate, and what tells the object's pose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..envs.bundle import Bundle
from ..errors import ConfigError
from .dry_hand import DryHand
from .guard import GuardedHand
from .hands import open_hand
from .poses import PoseSource, Referee
from .rig_file import RigConfig


@contextmanager
def connected_hand(config: RigConfig, bundle: Bundle, dry: bool = False) -> Iterator[GuardedHand]:
    """The hand, connected and not armed; held and closed at the end. Raises ConnectError.

    dry: nothing that moves it is ever sent.
    """
    driver = open_hand(config.hand)
    driver = DryHand(driver) if dry else driver
    hand = GuardedHand(driver, config.gate, bundle.manifest.control.period_s)
    hand.connect(config.hand.timeout_s)
    try:
        yield hand
    finally:
        hand.hold("the run has ended")
        hand.close()


@contextmanager
def connected_poses(config: RigConfig) -> Iterator[PoseSource]:
    """What tells where the object is. Raises ConfigError, ConnectError."""
    if config.referee is None:
        raise ConfigError(
            "referee: got null, allowed: the referee of a simulated rig,"
            " because nothing else tells where the object is yet"
        )
    referee = Referee(config.referee.host, config.referee.port)
    referee.connect(config.hand.timeout_s)
    try:
        yield referee
    finally:
        referee.close(1.0)
