"""Detects swapped or moved cameras, by a calibration board or by the block.

Two cameras with swapped cables or files give good images and wrong poses. Their views then
disagree, and agree if the images are swapped back.
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
"""Largest distance between the positions of one board in two cameras; normal are a few mm."""
SWAP_RATIO = 0.5
"""Cameras count as swapped if swapping the images reduces the disagreement by this factor."""

Measure = Callable[[Sequence[int]], float]
"""Disagreement of the views if image n is assigned to camera order[n]."""


def find_swap(names: Sequence[str], measure: Measure, limit: float) -> tuple[float, str]:
    """The disagreement of the views, and a description of swapped cameras; empty if none are."""
    identity, *others = permutations(range(len(names)))
    disagreement = measure(identity)
    if disagreement <= limit:
        return disagreement, ""
    best = min(others, key=measure, default=identity)
    if measure(best) > min(limit, SWAP_RATIO * disagreement):
        return disagreement, ""
    pairs = [f"{names[i]} shows what {names[at]} should" for i, at in enumerate(best) if i != at]
    return disagreement, ", ".join(pairs)


def judge_board(
    intrinsics: Mapping[str, Intrinsics],
    extrinsics: Mapping[str, Extrinsics],
    boards: Mapping[str, Corners],
) -> str:
    """Check with a board that two or more cameras see, at any place. Raises ConfigError."""
    names = list(boards)

    def apart_m(order: Sequence[int]) -> float:
        at = {name: names[order[i]] for i, name in enumerate(names)}
        if any(intrinsics[name].size != intrinsics[other].size for name, other in at.items()):
            return float("inf")
        try:
            pairs = agreements(
                {name: intrinsics[other] for name, other in at.items()},
                {name: extrinsics[other].placement for name, other in at.items()},
                dict(boards),
            )
        except DataError:  # no board fits such corners
            return float("inf")
        return max(pair.away_m for pair in pairs)

    largest_m, swapped = find_swap(names, apart_m, BOARD_APART_M)
    if largest_m > BOARD_APART_M:
        hint = f"swapped cameras: {swapped}" if swapped else "did one move since its calibration?"
        raise ConfigError(
            f"got {1e3 * largest_m:.0f} mm between the positions of one board in two cameras,"
            f" allowed: {1e3 * BOARD_APART_M:.0f} mm; {hint}"
        )
    return f"{', '.join(names)} see one board, at most {1e3 * largest_m:.1f} mm apart"


def judge_block(poses: CameraPoses) -> str:
    """Check with the pose network's views of the block. Raises ConfigError for swapped cameras."""
    disagreement, swapped = find_swap(poses.names, poses.doubt, 1.0)
    if swapped:
        raise ConfigError(
            f"got {disagreement:.1f} times the allowed disagreement of the views, and less with"
            f" swapped images; swapped cameras: {swapped}"
        )
    if disagreement > 1.0:
        return "not checked: the cameras see no board, and disagree about the block"
    return f"the views agree on the block, {disagreement:.0%} of the allowed disagreement"
