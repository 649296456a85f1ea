"""Writes a calibration as a config for `sleight train`: nominal values and initial ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np

from ...envs.randomization.table import BY_NAME
from .fit import Calibration, Found

STEP = 0.02
"""ADR step in lambda, as in the paper; a training config may use larger ones."""


def _spread(fitted: Found) -> float:
    """Standard deviation of the logarithm over motors, minus the part that intervals explain."""
    value, half = fitted.value[fitted.known], fitted.half[fitted.known]
    noise = np.square(half / 1.96 / value).mean()
    return float(np.sqrt(max(np.log(value).var(ddof=1) - noise, 0.0)))


@dataclass(frozen=True)
class Target:
    """A row of the randomization table, and how it is computed from a fitted row."""

    name: str
    row: str
    factor: float
    why: str


TARGETS = (
    Target("hand.gain", "gain", 1.0, "mean over motors"),
    Target("hand.lag", "lag", 1e3, "mean over motors"),
    Target("hand.slack", "slack", 1.0, "mean over motors"),
    Target("hand.deadband", "deadband", 1.0, "of the hand"),
    Target("hand.damping", "damping", 1.0, "of training's motors"),
    Target("hand.friction_loss", "friction", sqrt(pi / 2), "of |N(0, v)|"),
    Target("action.latency", "latency", 1e3, "includes the ramp to the target"),
)
SPREADS: dict[str, Callable[[Calibration], Found]] = {
    "hand.gain.spread": lambda c: c.hand["gain"],
    "hand.lag.spread": lambda c: c.hand["lag"],
    "hand.damping.spread": lambda c: c.hand["damping"],
}


@dataclass(frozen=True)
class Nominal:
    """A calibrated value and the initial range of ADR, in the parameter's unit."""

    name: str
    value: float
    first: tuple[float, float] | None
    why: str


def nominals(calibration: Calibration) -> list[Nominal]:
    """The parameters of the table that the recordings identify, within their limits."""
    rows = []
    for target in TARGETS:
        fitted = calibration.trained[target.row]
        if not fitted.known.any():
            continue
        middle, half = target.factor * fitted.mean, target.factor * fitted.mean_half
        value, low, high = (_clip(target.name, x) for x in (middle, middle - half, middle + half))
        why = target.why if value == middle else f"{target.why}; fitted {middle:.4g}, at the limit"
        rows.append(Nominal(target.name, value, (low, high), why))
    for name, of in SPREADS.items():
        if of(calibration).known.sum() > 2:
            rows.append(Nominal(name, _clip(name, _spread(of(calibration))), None, "over motors"))
    return rows


def unidentified(calibration: Calibration) -> list[str]:
    """Parameters that a calibration can identify but that these recordings do not identify."""
    identified = {row.name for row in nominals(calibration)}
    return [target.name for target in TARGETS if target.name not in identified]


def training_yaml(
    calibration: Calibration, base: str = "", first: Mapping[str, tuple[float, float]] | None = None
) -> str:
    """A config for `sleight train`.

    base: the training config that it inherits from; first: the initial ranges of that config, which
    are widened where a spread that was measured lies outside.
    """
    rows = nominals(calibration)
    ranged = [(row, row.first) for row in rows if row.first is not None]
    first = first or {}
    kept = [(row, first[row.name]) for row in rows if row.first is None and row.name in first]
    wider = [(row, (min(low, row.value), max(high, row.value))) for row, (low, high) in kept]
    lines = [f"# Calibrated by sleight calibrate, from {', '.join(calibration.sources)}"]
    lines += [f"# {name}: not identified by the recordings" for name in unidentified(calibration)]
    lines += [f"base: {base}"] if base else []
    lines += ["env:", "  nominal:"]
    lines += [f"    {row.name}: {row.value:.5g}  # {row.why}" for row in rows]
    lines += ["adr:", "  step_sizes:", *(f"    {row.name}: {STEP}" for row, _ in ranged)]
    lines += ["  initial_ranges:  # 95 % intervals"]
    lines += [f"    {row.name}: [{low:.5g}, {high:.5g}]" for row, (low, high) in ranged]
    lines += [
        f"    {row.name}: [{low:.5g}, {high:.5g}]  # of the base, with what was measured"
        for row, (low, high) in wider
    ]
    return "\n".join(lines) + "\n"


def _clip(name: str, value: float) -> float:
    low, high = BY_NAME[name].limits
    return float(np.clip(value, low, high))
