"""Residuals between candidate hands and recordings, and their Jacobian."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from ...contract.recording import Recording
from ...envs.hands.shadow import SHADOW_RIGHT
from ...errors import DataError
from .candidate_plant import FORCE, STIFFNESS, Plant
from .fitted_parameters import BY_NAME, Values
from .motor_chain import servo, setpoints, tendons

UNIT_RAD = 0.005
"""Unit of the residuals: an angle, or the effort for that angle."""
QUIET = 0.25
"""Quantile of the changes of an angle, for turns at rest: the noise is estimated from it."""
LEAST_NOISE_RAD = 1e-4
STRONGEST = 5.0
"""Largest plausible effort, as a multiple of the motor's force in the model."""


@dataclass(frozen=True)
class Stage:
    """One stage of the fit: the free parameters and the compared quantity."""

    free: tuple[str, ...]
    compare: Literal["effort", "position"]
    """effort: motor forces at the measured angles; they do not depend on the joints or on external
    forces, so nothing is simulated. position: angles of the simulated joints."""
    together: tuple[str, ...] = ()
    """Free rows with one value for the whole hand, besides the shared rows."""
    ramp: bool = True
    """Whether setpoints move to a target over the period; otherwise they jump."""
    timestep_s: float = 0.008
    blurs: tuple[float, ...] = (1.0,)
    """Factors on the noise between the controller's reading and the recorded one. The fit is
    repeated with each factor as long as the error decreases. Recorded efforts belong to the same
    reading, so their factor should be zero; but then the deadband has sharp edges, which trap a
    fit that starts far from the solution (graduated non-convexity: Blake and Zisserman, Visual
    Reconstruction, 1987, chapter 7)."""

    def size(self, name: str) -> int:
        """Number of fitted values of a free row."""
        together = BY_NAME[name].shared or name in self.together
        return 1 if together else len(BY_NAME[name].motors)


class Problem:
    """Residuals (R,) of recordings, T turns of A motors each, in units of `UNIT_RAD`."""

    def __init__(
        self, recordings: Sequence[Recording], stage: Stage, fixed: Values, blur: float = 1.0
    ) -> None:
        self.stage, self._fixed = stage, fixed
        counts = (1, len(stage.free)) if stage.compare == "position" else ()
        self._plants = {count: Plant(count, stage.timestep_s) for count in counts}
        self._tracks = [_Track(recording, stage, blur) for recording in recordings]

    def values(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Free values (n,) -> values of every row, (1, A), or (1, 1) for shared rows."""
        values, at = dict(self._fixed), 0
        for name in self.stage.free:
            size = self.stage.size(name)
            values[name] = values[name].copy()
            values[name][0, BY_NAME[name].motors] = x[at : at + size]
            at += size
        return values

    def residual(self, x: np.ndarray) -> np.ndarray:
        """Free values (n,) -> residuals (R,)."""
        return self._residuals(self.values(x))[0].ravel()

    @staticmethod
    def rms_rad(residual: np.ndarray) -> float:
        """Root mean square [rad] of (R,) residuals."""
        return float(UNIT_RAD * np.sqrt(np.square(residual).mean()))

    def jacobian(self, x: np.ndarray, at_x: np.ndarray) -> np.ndarray:
        """Free values (n,) and their residuals -> Jacobian (R, n).

        The values of all motors in a row are changed at the same time, in one simulation per row:
        motors hardly affect each other, so each residual depends on its own motor.
        """
        values, free = self.values(x), self.stage.free
        moved = {name: np.repeat(v, len(free), axis=0) for name, v in values.items()}
        for world, name in enumerate(free):
            moved[name][world] += BY_NAME[name].step
        changed = self._residuals(moved)
        changes = changed - at_x.reshape(changed.shape[1:])
        columns = [self._column(name, change) for name, change in zip(free, changes, strict=True)]
        return np.concatenate(columns, axis=1)

    def _column(self, name: str, change: np.ndarray) -> np.ndarray:
        """Changes (T, A) -> columns (T A, 1), or (T A, A) with one column per motor."""
        slope = change / BY_NAME[name].step
        if self.stage.size(name) == 1:
            return slope.reshape(-1, 1)
        own = np.eye(slope.shape[-1])[:, BY_NAME[name].motors]
        return (slope[..., None] * own).reshape(-1, own.shape[-1])

    def _residuals(self, values: Values) -> np.ndarray:
        """(N, T, A), all recordings concatenated."""
        plant = self._plants.get(len(values[self.stage.free[0]]))
        return np.concatenate([track.residual(plant, values) for track in self._tracks], axis=1)


class _Track:
    """One recording, prepared for comparison."""

    def __init__(self, recording: Recording, stage: Stage, blur: float) -> None:
        self._recording, self._timestep_s = recording, stage.timestep_s
        ramp_s = recording.period_s if stage.ramp else 0.0
        # A jump becomes its mean over each step, which changes smoothly with the latency.
        step_s = 0.0 if ramp_s else stage.timestep_s
        times_s, values = setpoints(recording, ramp_s or step_s)
        self._corners = (times_s - step_s / 2, values)
        first_s = min(recording.state_s[0], recording.command_s[0])
        self._times_s = np.arange(
            first_s, recording.state_s[-1] + stage.timestep_s, stage.timestep_s
        )
        self._measured = SHADOW_RIGHT.control_position(recording.position)
        self._noise = blur * noise_of(recording)

    def residual(self, plant: Plant | None, values: Values) -> np.ndarray:
        """(N, T, A): residuals of positions with a plant, of efforts without."""
        tendon = tendons(self._corners, self._times_s, values)
        if plant is not None:
            start = self._recording.position[0]
            rolled = plant.roll(start, tendon, self._noise, values)
            return (self._seen(rolled) - self._measured) / UNIT_RAD
        error = servo(self._seen(tendon) - self._measured, values["deadband"][:, None], self._noise)
        force = np.clip(values["gain"][:, None] * STIFFNESS * error, -FORCE, FORCE)
        assert self._recording.effort is not None
        return (force - self._recording.effort) / (STIFFNESS * UNIT_RAD)

    def _seen(self, rolled: np.ndarray) -> np.ndarray:
        """Interpolate (S, N, A) to (N, T, A) at the times of the states."""
        places = (self._recording.state_s - self._times_s[0]) / self._timestep_s
        at = np.minimum(places.astype(int), len(rolled) - 2)
        share = np.minimum(places - at, 1.0)[:, None, None]
        return np.moveaxis((1.0 - share) * rolled[at] + share * rolled[at + 1], 0, 1)


def noise_of(recording: Recording) -> np.ndarray:
    """(A,) standard deviation of a reading [rad], from the turns with the least motion."""
    position = SHADOW_RIGHT.control_position(recording.position)
    # Second differences cancel steady motion; they have six times the variance.
    bends = np.quantile(np.abs(np.diff(position, 2, axis=0)), QUIET, axis=0)
    return np.maximum(bends / (ndtri((1.0 + QUIET) / 2) * np.sqrt(6.0)), LEAST_NOISE_RAD)


def motion_rad(recording: Recording) -> float:
    """Root mean square [rad] of the motion of the control positions about their means."""
    return float(np.sqrt(SHADOW_RIGHT.control_position(recording.position).var(axis=0).mean()))


def check_effort(recording: Recording) -> None:
    """Raise DataError for efforts that cannot be in Nm: no motor has so much force."""
    assert recording.effort is not None
    share = np.quantile(np.abs(recording.effort), 0.9, axis=0) / FORCE
    worst = int(share.argmax())
    if share[worst] > STRONGEST:
        name, got = SHADOW_RIGHT.actuators[worst], share[worst] * FORCE[worst]
        raise DataError(
            f"{recording.source}: effort.{name}: got {got:.3g} Nm, allowed: about"
            f" {FORCE[worst]:.3g} Nm, the motor's force; --no-effort leaves efforts of another"
            " unit out"
        )
