"""What a calibration found, as text and as data."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...envs.randomization.table import BY_NAME as TABLE
from .fit import CONFIDENCE, Calibration, Found
from .fitted_parameters import BY_NAME
from .ranges import nominals, untold


def text(found: Calibration) -> str:
    """Two tables: the hand as it is, and what training takes of it."""
    said = "angles and efforts" if found.effort else "angles alone"
    head = f"{'':10}{'unit':8}{'mean':>11}{'+-':>11}{'least':>11}{'most':>11}   told"
    lines = [
        f"the hand, by {said} ({CONFIDENCE:.0%} intervals, of noise and of motors' differences)",
        head,
    ]
    lines += [_line(name, row) for name, row in found.hand.items()]
    lines += ["", "for training, whose targets are reached at once",
              f"{'':22}{'value':>9}   ADR begins with"]  # fmt: skip
    for row in nominals(found):
        first = f"{row.first[0]:.4g} to {row.first[1]:.4g}" if row.first else "-"
        unit = TABLE[row.name].unit
        lines.append(f"{row.name:22}{row.value:9.4g}   {first} {unit}  ({row.why})")
    lines += [f"{name:22}{'-':>9}   the recordings do not tell" for name in untold(found)]
    errors = ", ".join(f"{name} {1e3 * rad:.1f} mrad" for name, rad in found.error_rad.items())
    return "\n".join([*lines, "", f"error of simulated angles, root mean square: {errors}", ""])


def _line(name: str, found: Found) -> str:
    unit, known = BY_NAME[name].unit, found.value[found.known]
    told = f"{len(known)} of {len(found.value)}"
    if not len(known):
        return f"{name:10}{unit:8}{'-':>11}{'-':>11}{'-':>11}{'-':>11}   {told}"
    numbers = (found.mean, found.mean_half, known.min(), known.max())
    return f"{name:10}{unit:8}" + "".join(f"{x:11.4g}" for x in numbers) + f"   {told}"


def data(found: Calibration) -> dict[str, Any]:
    """Everything, for a file: each motor's value, and half its interval where it is told."""
    return {
        "sources": found.sources,
        "effort": found.effort,
        "error_rad": found.error_rad,
        "hand": {name: _row(name, row) for name, row in found.hand.items()},
        "training": {
            row.name: {"value": row.value, "first": row.first, "why": row.why}
            for row in nominals(found)
        },
        "untold": untold(found),
    }


def _row(name: str, found: Found) -> dict[str, Any]:
    halves = [float(h) if np.isfinite(h) else None for h in found.half]
    values = {
        motor: {"value": float(value), "half": half}
        for motor, value, half in zip(BY_NAME[name].names, found.value, halves, strict=True)
    }
    return {"unit": BY_NAME[name].unit, "what": BY_NAME[name].what, "values": values}
