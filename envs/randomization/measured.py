"""What was measured of a rig or of a pose network, as ranges of the randomization table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from .table import BY_NAME

LOW, HIGH = 5.0, 95.0
"""Percentiles at the ends of a range."""
JOINT_RAD, POSITION_M, ANGLE_RAD = 0.01, 0.001, 0.1
"""Noise per step at strength 1 of `observation.noise` (Learning Dexterity, table 2; for joints the
value of envs)."""
FEWEST = 10
"""Fewest samples for a range."""
Samples = Sequence[float] | np.ndarray
Span = tuple[float, float]


def span(samples: Samples, factor: float = 1.0) -> Span | None:
    """Where 90 % of the samples times `factor` lie; None of too few."""
    if len(samples) < FEWEST:
        return None
    low, high = factor * np.percentile(samples, [LOW, HIGH])
    return float(low), float(high)


def noise_strength(
    joint_rad: Samples,
    position_m: Samples,
    angle_rad: Samples,
) -> Span | None:
    """The smallest and the largest noise of joints, position and orientation, as strengths of
    `observation.noise`; None if all have too few samples."""
    pairs = ((joint_rad, JOINT_RAD), (position_m, POSITION_M), (angle_rad, ANGLE_RAD))
    medians = [float(np.median(v)) / unit for v, unit in pairs if len(v) >= FEWEST]
    return (min(medians), max(medians)) if medians else None


def within(name: str, ends: Span) -> Span:
    """A range clipped to the limits of the table: a rig may be slower than training allows."""
    low, high = np.clip(ends, *BY_NAME[name].limits)
    return float(low), float(high)


def ranges_yaml(
    head: Sequence[str],
    quantities: Iterable[tuple[str, str, Samples]],
    spans: Mapping[str, tuple[str, Span]],
) -> str:
    """A config for `sleight train`, or for `base` in another training config.

    head: comments; quantities: name, unit and samples, also for comments; spans: parameter -> what
    it is, and its range.
    """
    lines = [f"# {line}" for line in head]
    for name, unit, samples in quantities:
        if ends := span(samples):
            lines.append(f"# {name}: {ends[0]:.3g} to {ends[1]:.3g} {unit} (5 to 95 %)")
    lines += ["env:", "  randomization:" if spans else "  randomization: {}"]
    for name, (what, ends) in spans.items():
        low, high = within(name, ends)
        cut = "" if (low, high) == ends else ", cut to what training allows"
        lines.append(f"    {name}: [{low:.4g}, {high:.4g}]  # {what}{cut}")
    return "\n".join(lines) + "\n"
