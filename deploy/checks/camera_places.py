"""Whether cameras stand where their calibrations say: by a board that they see, or by the block.

Two cameras whose cables or files were exchanged give good pictures and wrong poses. Their views
then disagree, and agree once the pictures are exchanged back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations

from ...errors import ConfigError, DataError
from ..calibration.board import Corners
from ..calibration.camera_calibration import agreements
from ..cameras.camera_config import Extrinsics, Intrinsics
from ..cameras.pose_thread import CameraPoses

BOARD_APART_M = 0.01
"""Calibrated cameras agree on a board's place within a few millimetres."""
CLEARLY = 0.5
"""Exchanged pictures must agree better than the others by this factor to be called so."""

Measure = Callable[[Sequence[int]], float]
"""How far the views disagree if picture n is that of camera order[n]."""


def exchanged(names: Sequence[str], measure: Measure, limit: float) -> tuple[float, str]:
    """The views' disagreement, and which pictures agree when exchanged; empty when none do."""
    told, *others = permutations(range(len(names)))
    found = measure(told)
    if found <= limit:
        return found, ""
    best = min(others, key=measure, default=told)
    if measure(best) > min(limit, CLEARLY * found):
        return found, ""
    pairs = [f"{names[i]} shows what {names[at]} should" for i, at in enumerate(best) if i != at]
    return found, ", ".join(pairs)


def judge_board(
    insides: Mapping[str, Intrinsics],
    outsides: Mapping[str, Extrinsics],
    seen: Mapping[str, Corners],
) -> str:
    """By a board that two or more cameras see, wherever it lies. Raises ConfigError."""
    names = list(seen)

    def apart_m(order: Sequence[int]) -> float:
        at = {name: names[order[i]] for i, name in enumerate(names)}
        if any(insides[name].size != insides[other].size for name, other in at.items()):
            return float("inf")
        try:
            pairs = agreements(
                {name: insides[other] for name, other in at.items()},
                {name: outsides[other].placement for name, other in at.items()},
                dict(seen),
            )
        except DataError:  # no board fits such corners
            return float("inf")
        return max(pair.away_m for pair in pairs)

    found_m, swapped = exchanged(names, apart_m, BOARD_APART_M)
    if found_m > BOARD_APART_M:
        why = f"swapped cameras: {swapped}" if swapped else "one moved since it was calibrated?"
        raise ConfigError(
            f"got {1e3 * found_m:.0f} mm between the places where they see one board,"
            f" allowed: {1e3 * BOARD_APART_M:.0f} mm; {why}"
        )
    return f"{', '.join(names)} see one board, at most {1e3 * found_m:.1f} mm apart"


def judge_block(poses: CameraPoses) -> str:
    """By the pose network's views of the block. Raises ConfigError when pictures are exchanged."""
    found, swapped = exchanged(poses.names, poses.doubt, 1.0)
    if swapped:
        raise ConfigError(
            f"got views that disagree {found:.1f} times as far as allowed, and do not when"
            f" exchanged; swapped cameras: {swapped}"
        )
    if found > 1.0:
        return "not told: neither a board nor a block that the views agree on is to be seen"
    return f"the views agree on the block, {found:.0%} of the disagreement allowed"
