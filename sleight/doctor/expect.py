"""What to expect of this machine: worlds, threads, steps per second, and hours for each recipe."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..machine import usable_cores
from . import child

LIMIT_S = 90.0
"""Measuring ends here, with what is there by then; an idle machine needs ten seconds and the time
to import torch."""
CODE = "import runpy; runpy.run_module('sleight.doctor.measure', run_name='__main__')"


@dataclass(frozen=True)
class Expectation:
    """What was measured; empty parts could not be."""

    simulation: dict[str, Any] = field(default_factory=dict)
    """threads, worlds, steps_per_s, and the rates by threads and by worlds."""
    training: dict[str, float] = field(default_factory=dict)
    """Memory ("lstm" or "none") -> control steps per second of training at the default sizes."""
    recipes: list[dict[str, Any]] = field(default_factory=list)
    """name, steps, memory, and seconds, also without a memory; None where unknown."""
    trouble: str = ""
    """Why something is missing, or what made the figures low."""


def measure() -> Expectation:
    """Measure in a child process. Raises nothing: what fails is in `trouble`."""
    outcome = child.run(CODE, timeout_s=LIMIT_S)
    rows = [json.loads(line) for line in outcome.lines if line.startswith("{")]
    return expectation(rows, "; ".join(filter(None, [_failure(outcome), _busy()])))


def _failure(outcome: child.Outcome) -> str:
    return "" if outcome.ok else f"not all was measured: {outcome.reason}"


def _busy() -> str:
    """Other programs make every figure low."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    cores = usable_cores()
    return f"other programs run (load {load:.0f} on {cores} cores)" if load > 1.5 * cores else ""


def expectation(rows: Sequence[Mapping[str, Any]], trouble: str = "") -> Expectation:
    """From the lines of `measure`, of which the last ones may be missing."""
    by_key = {key: row[key] for row in rows for key in ("recipes", "simulation") if key in row}
    rates = {(row["kind"], row["memory"]): row["steps_per_s"] for row in rows if "kind" in row}
    training: dict[str, float] = {}
    for (_, memory), rate in rates.items():
        training.setdefault(memory, rate)  # the first two are those of the default sizes
    return Expectation(
        by_key.get("simulation", {}),
        training,
        [_recipe(recipe, rates, training) for recipe in by_key.get("recipes", [])],
        trouble,
    )


def _recipe(
    recipe: Mapping[str, Any], rates: Mapping[Any, float], training: Mapping[str, float]
) -> dict[str, Any]:
    memory, steps = recipe["memory"], recipe["steps"]
    rate = rates.get((recipe["kind"], memory)) or training.get(memory)
    without = rates.get((recipe["kind"], "none"))
    if without is None and rate and memory == "lstm" and len(training) > 1:
        without = rate * training["none"] / training["lstm"]
    return {
        "name": recipe["name"],
        "steps": steps,
        "memory": memory,
        "seconds": steps / rate if rate else None,
        "seconds_without_memory": steps / without if without else None,
    }


def duration(seconds: float | None) -> str:
    """As people say it: 40 s, 12 min, 3.5 h, 2.1 days."""
    if seconds is None:
        return "?"
    for unit, size in (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 1.5 * size:
            value = seconds / size
            return f"{value:.0f} {unit}" if value >= 10 or unit == "min" else f"{value:.1f} {unit}"
    return f"{seconds:.0f} s"
