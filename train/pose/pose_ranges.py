"""Errors and duration of a pose network as observation noise and delay for training."""

from __future__ import annotations

import math

import numpy as np

from ...envs.randomization.measured import Span, noise_strength, ranges_yaml, span
from .pose_evaluation import Judgement


def pose_yaml(judged: Judgement, source: str, period_s: float) -> str:
    """A config for `sleight train`: `observation.noise` and `observation.delay`.

    The errors of a network are constant in part; training draws its noise for each step and each
    episode. The delay is the network's alone: exposure, transport and the wait for the next step
    come on top.
    """
    per_axis_m = 1e-3 * judged.errors.position_mm / math.sqrt(3.0)
    angle_rad = np.radians(judged.errors.rotation_deg)
    found: dict[str, tuple[str, Span | None]] = {
        "observation.noise": (
            "error of position and rotation, in the unit of the 2018 noise",
            noise_strength((), per_axis_m, angle_rad),
        ),
        "observation.delay": (
            "duration of a look, in control steps; without the cameras' own",
            span(judged.look_s, 1.0 / period_s),
        ),
    }
    quantities = (
        ("error of the position along an axis", "mm", 1e3 * per_axis_m),
        ("error of the rotation", "mrad", 1e3 * angle_rad),
        ("duration of a look on this machine", "ms", 1e3 * judged.look_s),
    )
    head = (f"Errors of a pose network: {source}", f"{len(angle_rad)} renders.")
    spans = {name: (what, ends) for name, (what, ends) in found.items() if ends is not None}
    return ranges_yaml(head, quantities, spans)
