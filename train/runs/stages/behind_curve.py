"""Says once for each stage that a run falls behind the expected curve of its config."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ....config import to_dict
from ...config import TrainConfig
from ..training_loop import Metrics, Training
from .expected_curve import EXPECTED, METRIC, StageCurve, read_curve
from .warm_start import Say, on_stderr

MARGIN, LEAST = 0.25, 0.5
"""Behind: below the worst run by this share of the median, and by so many successes."""
PATIENCE = 0.1
"""Share of the steps of the curve for which it has to be behind without a break."""
HARMLESS = (
    "name", "runs", "seed", "threads", "env.threads", "checkpoint_s", "video_steps", "wandb",
    "pause_steps", "train", "ray",
)  # fmt: skip
"""Fields that do not change the curve over steps (more workers: only a little)."""


class BehindCurve:
    """A hook of the loop: looks at every row."""

    def __init__(self, folder: Path, say: Say = on_stderr) -> None:
        path = folder / EXPECTED
        self._curve = read_curve(path) if path.is_file() else None
        self._say = say
        self._said: set[str] = set()
        self._since: float | None = None

    def __call__(self, training: Training, row: Metrics) -> None:
        """See `Hook`."""
        name, steps = training.stage.name, training.steps - training.stage.first_step
        curve = self._curve.stages.get(name) if self._curve else None
        if curve is None or name in self._said or steps > curve.steps[-1]:
            return
        if not _is_behind(curve, steps, row):
            self._since = None
            return
        self._since = steps if self._since is None else min(self._since, steps)
        if steps - self._since >= PATIENCE * curve.steps[-1]:
            self._said.add(name)
            self._say(self._line(curve, name, steps, row))

    def _line(self, curve: StageCurve, name: str, steps: int, row: Metrics) -> str:
        median, low, high = curve.at(steps)
        place = f"{steps:,} steps of {name}" if name else f"{steps:,} steps"
        runs = f"{low:.2f} to {high:.2f} in {curve.runs} runs" if curve.runs > 1 else "one run"
        assert self._curve is not None
        return (
            f"behind the expected curve after {place}: {row[METRIC]:.2f} successes, expected"
            f" {median:.2f} ({runs}); {causes(self._curve.changed, row)}\n"
        )


def causes(changed: Sequence[str], row: Metrics) -> str:
    """What usually causes a run to fall behind, the likeliest first."""
    if row.get("broken_worlds"):
        return f"physics broke in {row['broken_worlds']} worlds: see failures/ in the run's folder"
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        return f"this run differs from the config in {', '.join(changed[:3])}{more}"
    if row.get("drop_rate", 0.0) > 0.9:
        return "nearly every episode ends in a drop: usually an unlucky start; try another --seed"
    return "usually an unlucky --seed, or another version of MuJoCo or of this package"


def changed_fields(config: TrainConfig, shipped: TrainConfig) -> tuple[str, ...]:
    """Dotted names of the fields in which a run differs from the config as it ships, of those that
    may change its curve."""
    own, other = ({**to_dict(each), "stages": {}} for each in (config, shipped))
    if config.stages:
        other["steps"] = own["steps"]  # the sum of the stages
    shared = _changed(own, other, "")
    names = list(shared)
    for name in [name for name in config.stages if name in shipped.stages]:
        own, other = to_dict(config.stages[name]), to_dict(shipped.stages[name])
        fields = _changed(own, other, "")
        names += [f"stages.{name}.{field}" for field in fields if field not in shared]
    return tuple(names)


def _changed(own: dict[str, object], shipped: dict[str, object], prefix: str) -> list[str]:
    names = []
    for key in dict.fromkeys([*own, *shipped]):
        one, other, name = own.get(key), shipped.get(key), f"{prefix}{key}"
        if one == other or name in HARMLESS:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            names += _changed(one, other, f"{name}.")
        else:
            names.append(name)
    return names


def _is_behind(curve: StageCurve, steps: int, row: Metrics) -> bool:
    if METRIC not in row or steps < curve.steps[0]:
        return False
    median, low, _ = curve.at(steps)
    return bool(row[METRIC] < low - max(MARGIN * median, LEAST))
