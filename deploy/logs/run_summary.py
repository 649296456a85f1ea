"""The summary of a run for the terminal."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from ...files import read_json
from .log_read import Log

MOST_HITS = 6


def summary(folder: Path, result: dict[str, Any]) -> str:
    """Trials, timing of the loop, and changes by the gate."""
    timing = read_json(folder / "timing.json")
    rows = [
        f"{index:5}  {trial['successes']:9}  {trial['ending']:8}  {trial['duration_s']:7.1f} s"
        f"{_plan(trial)}"
        for index, trial in enumerate(result["per_trial"], 1)
    ]
    late = timing["lateness_ms"] or {"p50": 0, "p99": 0, "max": 0}
    hits = Counter(result["gate_hits"])
    most = ", ".join(f"{name} {count}" for name, count in hits.most_common(MOST_HITS))
    return "\n".join(
        (
            "",
            "trial  successes  ending    duration",
            *rows,
            _mean(result),
            f"{timing['ticks']} ticks, {timing['late_ticks']} late,"
            f" {timing['dropped_ticks']} dropped, {result['holds']} holds;"
            f" lateness p50 {late['p50']} ms, p99 {late['p99']} ms, max {late['max']} ms",
            f"gate hits {hits.total()}" + (f": {most}" if most else ""),
            f"run folder {folder}",
        )
    )


def _plan(trial: dict[str, Any]) -> str:
    """What a plan's trial has beside the others: steps, wrong moves, why it was cut."""
    plan, text = trial.get("plan"), ""
    if plan:
        text = f"  {plan['steps']} of {plan['total']} steps, {len(plan['wrong'])} wrong"
    return text + (f"; {trial['reason']}" if trial["reason"] else "")


def _mean(result: dict[str, Any]) -> str:
    mean, error = result["mean"], result["standard_error"]
    text = f"complete trials {result['complete']}"
    if mean is None:
        return text
    spread = "" if error is None else f" +- {error:.2f} (standard error)"
    return f"{text}: mean {mean:.2f}{spread}, median {result['median']:g}, max {result['max']}"


def first_targets(log: Log) -> str:
    """The targets of the policy's first step, and how the gate changed them."""
    first = next((turn for turn in log.turns if turn["action"] is not None), None)
    if first is None:
        return "the policy did not run: no trial began"
    motors = log.records[0]["actuators"]
    changed: dict[str, list[str]] = defaultdict(list)
    for reason in first["reasons"]:
        kind, _, motor = reason.partition(":")
        changed[motor].append(kind)
    columns = (first["last_target"], first["asked"], first["applied"] or first["asked"])
    rows = [
        f"{motor:6}  {current:+8.3f}  {target:+8.3f}  {sent:+8.3f}  {', '.join(changed[motor])}"
        for motor, current, target, sent in zip(motors, *map(np.array, columns), strict=True)
    ]
    return "\n".join(("first step [rad]", "motor    current    target   allowed", *rows))
