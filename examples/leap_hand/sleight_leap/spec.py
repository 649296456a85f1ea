"""Sixteen joints, a motor each. Ranges after leap_hand_utils (LEAP Hand API), in rad."""

from __future__ import annotations

import numpy as np

from sleight.contract.hand_spec import HandSpec

FINGER = {"mcp_side": (-1.047, 1.047), "mcp": (-0.314, 2.23), "pip": (-0.506, 1.885),
          "dip": (-0.366, 2.042)}  # fmt: skip
THUMB = {"cmc": (-0.349, 2.094), "axl": (-0.47, 2.443), "mcp": (-1.20, 1.90), "ipl": (-1.34, 1.88)}
RANGES = {
    f"{digit}_{joint}": limits
    for digit in ("index", "middle", "ring", "thumb")
    for joint, limits in (THUMB if digit == "thumb" else FINGER).items()
}
NAMES = tuple(RANGES)
LOWER, UPPER = (np.array(side) for side in zip(*RANGES.values(), strict=True))

LEAP = HandSpec(
    name="leap_hand_right",
    joints=NAMES,
    actuators=NAMES,
    coupling=np.eye(len(NAMES)),
    joint_lower=LOWER,
    joint_upper=UPPER,
    lower=LOWER,
    upper=UPPER,
    max_speed=np.full(len(NAMES), 4.0),
    home=np.clip(np.zeros(len(NAMES)), LOWER + 0.05, UPPER - 0.05),
    fingertips=("index_tip", "middle_tip", "ring_tip", "thumb_tip"),
)
