"""The fit: `mujoco.sysid` on our residuals, in three stages, with intervals."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mujoco import minimize

from ...contract.recording import Recording
from ...errors import ConfigError
from .fitted_parameters import BY_NAME, MOTORS, ROWS, Values
from .residual import Problem, Stage

MOTOR_ROWS = ("gain", "lag", "slack", "deadband", "latency")
JOINT_ROWS = ("damping", "friction", "spring")
BY_EFFORT = (
    Stage(MOTOR_ROWS, "effort", blurs=(1.0, 0.5, 0.25, 0.12, 0.06, 0.03)),
    Stage(JOINT_ROWS, "position"),
)
"""Forces tell of the motors whatever the joints do; then angles tell of the joints."""
BY_ANGLES = (Stage((*MOTOR_ROWS, *JOINT_ROWS), "position"),)
"""Without efforts one fit must tell both."""
AS_TRAINED = Stage(
    ("damping", "friction", "latency"), "position", together=("damping", "friction"), ramp=False
)
"""What training's own motors need to move like these, which go to a target over the period."""
ITERATIONS = 12
CONFIDENCE = 0.95
HUGE = 1e9
LEAST = 0.02
"""Of a motor's residuals: those of one that never left its deadband are none at all."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """One row as it was fitted: A values, or one for the whole hand."""

    value: np.ndarray
    half: np.ndarray
    """Half the 95 % interval of each; infinite where the recording does not tell."""

    @property
    def known(self) -> np.ndarray:
        """Which values the recording tells."""
        return np.isfinite(self.half)

    @property
    def mean(self) -> float:
        """Mean over motors that are known."""
        return float(self.value[self.known].mean()) if self.known.any() else float("nan")

    @property
    def mean_half(self) -> float:
        """Half the 95 % interval of that mean over hands like this one: it counts what motors
        differ by, besides the intervals of each."""
        known = self.value[self.known]
        if not len(known):
            return float("inf")
        own = np.sqrt(np.square(self.half[self.known]).sum()) / len(known)
        apart = 1.96 * known.std(ddof=1) / np.sqrt(len(known)) if len(known) > 1 else 0.0
        return float(np.hypot(own, apart))


@dataclass(frozen=True)
class Calibration:
    """What recordings tell of a hand."""

    sources: tuple[str, ...]
    hand: dict[str, Found]
    """Row -> its motors and joints as they are."""
    trained: dict[str, Found]
    """Row -> what training's motors need, to move like the hand's."""
    error_rad: dict[str, float]
    """Root mean square of angles, simulated less measured: `hand`, `trained`, and `before`, by
    training's motors as they are without a calibration."""
    effort: bool
    """Whether efforts were used."""


def calibrate(recordings: Sequence[Recording], effort: bool, say: Say) -> Calibration:
    """Fit all rows to recordings. Raises ConfigError without `mujoco[sysid]`."""
    effort = effort and all(recording.effort is not None for recording in recordings)
    values: Values = {row.name: row.everywhere(row.start) for row in ROWS}
    hand: dict[str, Found] = {}
    error_rad = {}
    for number, stage in enumerate(BY_EFFORT if effort else BY_ANGLES, 1):
        say(f"fit {number}: {', '.join(stage.free)} by {stage.compare}")
        found, values, rms_rad = solve(recordings, stage, values)
        hand |= found
        error_rad["hand"] = rms_rad
    say(f"fit for training: {', '.join(AS_TRAINED.free)}")
    start = _plain(values)
    trained, _, error_rad["trained"] = solve(recordings, AS_TRAINED, start)
    before = {name: np.full_like(start[name], x) for name, x in _BEFORE.items()}
    _, _, error_rad["before"] = solve(recordings, AS_TRAINED, {**start, **before}, 0)
    trained |= {name: hand[name] for name in ("gain", "lag", "slack", "deadband")}
    sources = tuple(dict.fromkeys(recording.source for recording in recordings))
    return Calibration(sources, hand, trained, error_rad, effort)


_BEFORE = {
    "gain": 1.0, "lag": BY_NAME["lag"].low, "slack": 0.0, "deadband": 0.0, "damping": 1.0,
    "friction": 0.0, "latency": 0.0,
}  # fmt: skip


def _plain(values: Values) -> dict[str, np.ndarray]:
    """Training's motors: those of `values` without springs."""
    start = {name: float(np.exp(np.log(values[name]).mean())) for name in ("gain", "lag")}
    start |= {"damping": 1.0, "latency": 0.04, "friction": BY_NAME["friction"].start}
    plain = {row.name: row.everywhere(start.get(row.name, 0.0)) for row in ROWS}
    return {**plain, "slack": values["slack"], "deadband": values["deadband"]}


def solve(
    recordings: Sequence[Recording], stage: Stage, start: Values, iterations: int = ITERATIONS
) -> tuple[dict[str, Found], Values, float]:
    """Free rows with intervals, all rows after the fit, and the error in rad."""
    blunt = problem = Problem(recordings, stage, start, stage.blurs[0])
    x = _vector(stage, start)
    if not iterations:
        return {}, problem.values(x), problem.rms_rad(problem.residual(x))
    x, rms_rad = _optimize(problem, x, iterations)
    for blur in stage.blurs[1:]:
        sharper = Problem(recordings, stage, start, blur)
        nearer, sharper_rad = _optimize(sharper, x, iterations)
        if sharper_rad >= rms_rad:
            break
        x, rms_rad, problem = nearer, sharper_rad, sharper
    # As if all of the noise counted: what the model leaves out is larger than what noise does.
    return _intervals(blunt, x, blunt.residual(x)), problem.values(x), rms_rad


def _vector(stage: Stage, values: Values) -> np.ndarray:
    """(n,) the free values."""
    each = ((BY_NAME[name].motors, stage.size(name), name) for name in stage.free)
    return np.concatenate([values[name][0, list(motors)][:size] for motors, size, name in each])


def _optimize(problem: Problem, start: np.ndarray, iterations: int) -> tuple[np.ndarray, float]:
    """(n,) from (n,) within the rows' bounds, and the error in rad."""
    sysid, stage = _toolbox(), problem.stage
    params, scale, at = sysid.ParameterDict(), [], 0
    for name in stage.free:
        row, size = BY_NAME[name], stage.size(name)
        bounds = (np.full(size, bound) for bound in (row.low, row.high))
        params.add(sysid.Parameter(name, start[at : at + size], *bounds))
        scale += [row.step] * size
        at += size

    def residual(x: np.ndarray, _: object) -> tuple[list[np.ndarray], list, list]:
        # The optimizer asks for columns (n, 1), others for vectors.
        found = problem.residual(x.reshape(-1))
        return [found.reshape(-1, 1) if x.ndim > 1 else found], [], []

    def jacobian(x: np.ndarray, at_x: np.ndarray) -> np.ndarray:
        return problem.jacobian(x.reshape(-1), at_x)

    params, _ = sysid.optimize(
        params, residual, optimizer="mujoco", verbose=False, max_iters=iterations,
        x_scale=np.array(scale), jacobian=jacobian, norm=SoftL1(),
        xtol=1e-3, mu_factor=10.0, output=io.StringIO(),
    )  # fmt: skip
    x = params.as_vector()
    return x, problem.rms_rad(problem.residual(x))


def _intervals(problem: Problem, x: np.ndarray, at_end: np.ndarray) -> dict[str, Found]:
    """Half widths by `mujoco.sysid`, of residuals that are made alike and count by their memory."""
    sysid = _toolbox()
    motors = at_end.reshape(-1, len(MOTORS))
    sigma = np.maximum(np.sqrt(np.square(motors).mean(axis=0)), LEAST)
    weight = np.broadcast_to(1.0 / sigma, motors.shape).reshape(-1, 1)
    jacobian = weight * problem.jacobian(x, at_end)
    whitened = weight[:, 0] * at_end
    _, halves = sysid.calculate_intervals([whitened], jacobian, alpha=1.0 - CONFIDENCE)
    # What nothing depends on has no interval, or one that no number holds.
    halves = np.where(halves < HUGE, halves, np.inf) * _memory(motors)
    found, at = {}, 0
    for name in problem.stage.free:
        size = problem.stage.size(name)
        half = halves[at : at + size]
        told = np.where(half <= BY_NAME[name].told, half, np.inf)
        found[name] = Found(x[at : at + size], told)
        at += size
    return found


def _memory(motors: np.ndarray) -> float:
    """Factor on intervals, because residuals (T, A) that follow each other are alike: of an AR(1)
    process with their mean correlation."""
    centred = motors - motors.mean(axis=0)
    power = np.square(centred).sum(axis=0) + 1e-12
    rho = float(np.clip(((centred[1:] * centred[:-1]).sum(axis=0) / power).mean(), 0.0, 0.98))
    return float(np.sqrt((1.0 + rho) / (1.0 - rho)))


def _toolbox() -> Any:
    """`mujoco.sysid`. Raises ConfigError: without its extra it imports, and holds nothing."""
    # By name: a plain import would let mypy read this part of MuJoCo, and then miss the rest.
    sysid = importlib.import_module("mujoco.sysid")
    if not hasattr(sysid, "optimize"):
        raise ConfigError("mujoco.sysid: got no such extra; run: pip install 'sleight[sysid]'")
    return sysid


class SoftL1(minimize.Norm):
    """sqrt(1 + r^2) - 1: turns that the hand's clock lost do not bend the fit."""

    def value(self, r: np.ndarray) -> float:
        """See `mujoco.minimize.Norm`."""
        return float((np.sqrt(1.0 + r * r) - 1.0).sum())

    def grad_hess(self, r: np.ndarray, proj: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `mujoco.minimize.Norm`; the Hessian is that of weighted least squares."""
        weight = 1.0 / np.sqrt(1.0 + r * r)
        return proj.T @ (weight * r), proj.T @ (weight * proj)
