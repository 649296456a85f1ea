"""The fit: `mujoco.sysid` on the residuals of recordings, in stages, with confidence intervals."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mujoco import minimize

from ...contract.recording import Recording
from ...errors import ConfigError, DataError
from .fitted_parameters import BY_NAME, MOTORS, ROWS, Values
from .residual import Problem, Stage, check_effort, motion_rad

MOTOR_ROWS = ("gain", "lag", "slack", "deadband", "latency")
JOINT_ROWS = ("damping", "friction", "spring")
BY_EFFORT = (
    Stage(MOTOR_ROWS, "effort", blurs=(1.0, 0.5, 0.25, 0.12, 0.06, 0.03)),
    Stage(JOINT_ROWS, "position"),
)
"""Forces identify the motors independently of the joints; then angles identify the joints."""
BY_ANGLES = (Stage((*MOTOR_ROWS, *JOINT_ROWS), "position"),)
"""Without efforts, one fit must identify both."""
AS_TRAINED = Stage(
    ("damping", "friction", "latency"), "position", together=("damping", "friction"), ramp=False
)
"""Fits the motors of training, which jump to a target, to motors that interpolate to it."""
ITERATIONS = 12
CONFIDENCE = 0.95
HUGE = 1e9
UNEXPLAINED = 0.5
"""A fit whose error is a larger share of the motion itself explains nothing."""
LEAST = 0.02
"""Lower bound of a motor's residuals: a motor that stays in its deadband has none."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """The fitted values of one row: A values, or one for the whole hand."""

    value: np.ndarray
    half: np.ndarray
    """Half width of each 95 % interval; infinite for values that are not identifiable."""

    @property
    def known(self) -> np.ndarray:
        """(A,) bool: the value is identifiable from the recording."""
        return np.isfinite(self.half)

    @property
    def mean(self) -> float:
        """Mean over the identified motors."""
        return float(self.value[self.known].mean()) if self.known.any() else float("nan")

    @property
    def mean_half(self) -> float:
        """Half width of the 95 % interval of the mean. It includes the spread over motors and the
        interval of each motor."""
        known = self.value[self.known]
        if not len(known):
            return float("inf")
        own = np.sqrt(np.square(self.half[self.known]).sum()) / len(known)
        apart = 1.96 * known.std(ddof=1) / np.sqrt(len(known)) if len(known) > 1 else 0.0
        return float(np.hypot(own, apart))


@dataclass(frozen=True)
class Calibration:
    """The result of a calibration."""

    sources: tuple[str, ...]
    hand: dict[str, Found]
    """Row -> values of the real motors and joints."""
    trained: dict[str, Found]
    """Row -> values with which the motors of training move like the real ones."""
    error_rad: dict[str, float]
    """Root mean square error of simulated angles: `hand`, `trained`, and `before` for the motors
    of training without a calibration."""
    effort: bool
    """Whether efforts were used."""


def calibrate(recordings: Sequence[Recording], effort: bool, say: Say) -> Calibration:
    """Fit all rows to recordings.

    Raises ConfigError without `mujoco[sysid]`, DataError for a fit that explains nothing.
    """
    effort = effort and all(recording.effort is not None for recording in recordings)
    for recording in recordings if effort else ():
        check_effort(recording)
    values: Values = {row.name: row.everywhere(row.start) for row in ROWS}
    hand: dict[str, Found] = {}
    error_rad = {}
    for number, stage in enumerate(BY_EFFORT if effort else BY_ANGLES, 1):
        say(f"fit {number}: {', '.join(stage.free)} by {stage.compare}")
        fitted, values, rms_rad = solve(recordings, stage, values)
        hand |= fitted
        error_rad["hand"] = rms_rad
    say(f"fit for training: {', '.join(AS_TRAINED.free)}")
    start = _plain(values)
    trained, _, error_rad["trained"] = solve(recordings, AS_TRAINED, start)
    before = {name: np.full_like(start[name], x) for name, x in _BEFORE.items()}
    _, _, error_rad["before"] = solve(recordings, AS_TRAINED, {**start, **before}, 0)
    trained |= {name: hand[name] for name in ("gain", "lag", "slack", "deadband")}
    sources = tuple(dict.fromkeys(recording.source for recording in recordings))
    _check_success(recordings, hand, error_rad)
    return Calibration(sources, hand, trained, error_rad, effort)


def _check_success(
    recordings: Sequence[Recording], hand: dict[str, Found], error_rad: dict[str, float]
) -> None:
    """Raise DataError for a fit that explains nothing: its numbers are no calibration."""
    source = ", ".join(dict.fromkeys(recording.source for recording in recordings))
    moved_rad = float(np.sqrt(np.mean([motion_rad(recording) ** 2 for recording in recordings])))
    error = error_rad["hand"]
    if not error < UNEXPLAINED * moved_rad:
        raise DataError(
            f"{source}: got an error of {error:.3g} rad after the fit, where the joints move by"
            f" {moved_rad:.3g} rad (root mean square), allowed: less than half of that;"
            " do angles and targets belong together?"
        )
    if not any(row.known.any() for row in hand.values()):
        raise DataError(
            f"{source}: identified no parameter, allowed: a recording in which the motors move,"
            " such as one of sleight rig calibrate joints"
        )


_BEFORE = {
    "gain": 1.0, "lag": BY_NAME["lag"].low, "slack": 0.0, "deadband": 0.0, "damping": 1.0,
    "friction": 0.0, "latency": 0.0,
}  # fmt: skip


def _plain(values: Values) -> dict[str, np.ndarray]:
    """Start values for the motors of training: those of `values`, without springs."""
    start = {name: float(np.exp(np.log(values[name]).mean())) for name in ("gain", "lag")}
    start |= {"damping": 1.0, "latency": 0.04, "friction": BY_NAME["friction"].start}
    plain = {row.name: row.everywhere(start.get(row.name, 0.0)) for row in ROWS}
    return {**plain, "slack": values["slack"], "deadband": values["deadband"]}


def solve(
    recordings: Sequence[Recording], stage: Stage, start: Values, iterations: int = ITERATIONS
) -> tuple[dict[str, Found], Values, float]:
    """Fit the free rows; returns them with intervals, all rows, and the error [rad]."""
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
    # Use the residuals with the largest blur: model errors are larger than the noise.
    return _intervals(blunt, x, blunt.residual(x)), problem.values(x), rms_rad


def _vector(stage: Stage, values: Values) -> np.ndarray:
    """The free values (n,)."""
    each = ((BY_NAME[name].motors, stage.size(name), name) for name in stage.free)
    return np.concatenate([values[name][0, list(motors)][:size] for motors, size, name in each])


def _optimize(problem: Problem, start: np.ndarray, iterations: int) -> tuple[np.ndarray, float]:
    """Optimize free values (n,) within their bounds; returns them and the error [rad]."""
    sysid, stage = _toolbox(), problem.stage
    params, scale, at = sysid.ParameterDict(), [], 0
    for name in stage.free:
        row, size = BY_NAME[name], stage.size(name)
        bounds = (np.full(size, bound) for bound in (row.low, row.high))
        params.add(sysid.Parameter(name, start[at : at + size], *bounds))
        scale += [row.step] * size
        at += size

    def residual(x: np.ndarray, _: object) -> tuple[list[np.ndarray], list, list]:
        # The optimizer passes columns (n, 1), other functions pass vectors.
        residuals = problem.residual(x.reshape(-1))
        return [residuals.reshape(-1, 1) if x.ndim > 1 else residuals], [], []

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
    """Intervals by `mujoco.sysid` from whitened residuals, corrected for autocorrelation."""
    sysid = _toolbox()
    motors = at_end.reshape(-1, len(MOTORS))
    sigma = np.maximum(np.sqrt(np.square(motors).mean(axis=0)), LEAST)
    weight = np.broadcast_to(1.0 / sigma, motors.shape).reshape(-1, 1)
    jacobian = weight * problem.jacobian(x, at_end)
    whitened = weight[:, 0] * at_end
    _, halves = sysid.calculate_intervals([whitened], jacobian, alpha=1.0 - CONFIDENCE)
    # A value without any effect has no interval, or a huge one.
    halves = np.where(halves < HUGE, halves, np.inf) * _memory(motors)
    fitted, at = {}, 0
    for name in problem.stage.free:
        size = problem.stage.size(name)
        half = halves[at : at + size]
        identified = np.where(half <= BY_NAME[name].max_half, half, np.inf)
        fitted[name] = Found(x[at : at + size], identified)
        at += size
    return fitted


def _memory(motors: np.ndarray) -> float:
    """Factor on intervals for the autocorrelation of residuals (T, A), as for an AR(1) process
    with their mean correlation."""
    centred = motors - motors.mean(axis=0)
    power = np.square(centred).sum(axis=0) + 1e-12
    rho = float(np.clip(((centred[1:] * centred[:-1]).sum(axis=0) / power).mean(), 0.0, 0.98))
    return float(np.sqrt((1.0 + rho) / (1.0 - rho)))


def _toolbox() -> Any:
    """The module `mujoco.sysid`. Raises ConfigError: without the extra it is empty."""
    # Imported by name: with a plain import mypy reads only this part of MuJoCo.
    sysid = importlib.import_module("mujoco.sysid")
    if not hasattr(sysid, "optimize"):
        raise ConfigError("mujoco.sysid: got no such extra; run: pip install 'sleight[sysid]'")
    return sysid


class SoftL1(minimize.Norm):
    """The norm sqrt(1 + r^2) - 1: outliers, such as lost turns, have little influence."""

    def value(self, r: np.ndarray) -> float:
        """See `mujoco.minimize.Norm`."""
        return float((np.sqrt(1.0 + r * r) - 1.0).sum())

    def grad_hess(self, r: np.ndarray, proj: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `mujoco.minimize.Norm`; the Hessian is that of weighted least squares."""
        weight = 1.0 / np.sqrt(1.0 + r * r)
        return proj.T @ (weight * r), proj.T @ (weight * proj)
