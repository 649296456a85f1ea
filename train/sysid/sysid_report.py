"""The result of a calibration as text and as data."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...envs.randomization.table import BY_NAME as TABLE
from .fit import CONFIDENCE, Calibration, Found
from .fitted_parameters import BY_NAME
from .ranges import nominals, unidentified


def text(calibration: Calibration) -> str:
    """Two tables: the fitted hand, and the values for training."""
    quantities = "angles and efforts" if calibration.effort else "angles only"
    head = f"{'':10}{'unit':8}{'mean':>11}{'+-':>11}{'least':>11}{'most':>11}   identified"
    lines = [
        f"the hand, from {quantities} ({CONFIDENCE:.0%} intervals, noise and spread of motors)",
        head,
    ]
    lines += [_line(name, row) for name, row in calibration.hand.items()]
    lines += ["", "for training, where setpoints jump to the target",
              f"{'':22}{'value':>9}   initial ADR range"]  # fmt: skip
    for row in nominals(calibration):
        first = f"{row.first[0]:.4g} to {row.first[1]:.4g}" if row.first else "-"
        unit = TABLE[row.name].unit
        lines.append(f"{row.name:22}{row.value:9.4g}   {first} {unit}  ({row.why})")
    lines += [
        f"{name:22}{'-':>9}   not identified by the recordings"
        for name in unidentified(calibration)
    ]
    errors = ", ".join(
        f"{name} {1e3 * rad:.1f} mrad" for name, rad in calibration.error_rad.items()
    )
    return "\n".join([*lines, "", f"error of simulated angles, root mean square: {errors}", ""])


def _line(name: str, fitted: Found) -> str:
    unit, values = BY_NAME[name].unit, fitted.value[fitted.known]
    count = f"{len(values)} of {len(fitted.value)}"
    if not len(values):
        return f"{name:10}{unit:8}{'-':>11}{'-':>11}{'-':>11}{'-':>11}   {count}"
    numbers = (fitted.mean, fitted.mean_half, values.min(), values.max())
    return f"{name:10}{unit:8}" + "".join(f"{x:11.4g}" for x in numbers) + f"   {count}"


def data(calibration: Calibration) -> dict[str, Any]:
    """Everything, for a file: the value of each motor, and half its interval if identified."""
    return {
        "sources": calibration.sources,
        "effort": calibration.effort,
        "error_rad": calibration.error_rad,
        "hand": {name: _row(name, row) for name, row in calibration.hand.items()},
        "training": {
            row.name: {"value": row.value, "first": row.first, "why": row.why}
            for row in nominals(calibration)
        },
        "unidentified": unidentified(calibration),
    }


def _row(name: str, fitted: Found) -> dict[str, Any]:
    halves = [float(h) if np.isfinite(h) else None for h in fitted.half]
    values = {
        motor: {"value": float(value), "half": half}
        for motor, value, half in zip(BY_NAME[name].names, fitted.value, halves, strict=True)
    }
    return {"unit": BY_NAME[name].unit, "what": BY_NAME[name].what, "values": values}
