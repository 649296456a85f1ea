"""`sleight rig calibrate joints`: moves the motors through the gate, without policy and object."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...config import save
from ...contract.hand_spec import HandSpec
from ...errors import ConfigError
from ..cameras.pose_sources import ObjectPose, PoseSource
from ..hand.estop import watch_estop
from ..hand.gate import Limits
from ..hand.guard import GuardedHand
from ..hand.hand import HandState
from ..rig_file import RigConfig
from ..runtime.operator_view import Progress
from ..runtime.policy_runner import Decision
from ..runtime.realtime import realtime
from ..runtime.recorded_run import RecordedRun, new_folder
from ..runtime.rig_connect import connected_hand
from ..runtime.trial import Trial
from .excitation import excitation


class NoObject(PoseSource):
    """The pose source of an empty hand."""

    def newest(self, max_age_s: float) -> ObjectPose | None:
        """Always None."""
        return None

    def request_place(self) -> None:
        """Do nothing."""

    def placed(self) -> bool:
        """Always False."""
        return False

    def close(self, timeout_s: float) -> None:
        """Do nothing."""


class Sweep:
    """Goes through targets (T, A) [rad] from any start; see `Director` in control_loop.py."""

    trial: Trial | None = None
    decision: Decision | None = None
    pose: ObjectPose | None = None

    def __init__(self, targets: np.ndarray, period_s: float, home_s: float) -> None:
        self._targets, self._period_s, self._home_s = targets, period_s, home_s
        self._since_s = -home_s
        self.trials: list[Trial] = []

    @property
    def phase(self) -> str:
        """home: on the way to the first target; sweep: after that."""
        return "home" if self._since_s < 0.0 else "sweep"

    @property
    def finished(self) -> int:
        """1 at the end of the sweep, else 0."""
        return int(self._since_s >= len(self._targets) * self._period_s)

    @property
    def done(self) -> float:
        """Share of the sweep that is done, by time."""
        whole_s = len(self._targets) * self._period_s + self._home_s
        return min((self._since_s + self._home_s) / whole_s, 1.0)

    def target(
        self,
        state: HandState,
        pose: ObjectPose | None,
        last_sent: np.ndarray,
        elapsed_s: float,
        ask_policy: bool,
    ) -> np.ndarray:
        """The current target, (A,) rad; lost time is not caught up."""
        at = int(max(self._since_s, 0.0) / self._period_s + 0.5)
        self._since_s += elapsed_s
        if not ask_policy:
            return last_sent
        return np.asarray(self._targets[min(at, len(self._targets) - 1)])

    def lose(self) -> None:
        """Do nothing: there is no object."""


class _Run(RecordedRun):
    """One recorded sweep of a connected hand."""

    def __init__(
        self, folder: Path, name: str, hand: GuardedHand, targets: np.ndarray, config: RigConfig
    ) -> None:
        self._config, self._name = config, name
        period_s = config.calibrate.joints.period_s
        self._sweep = Sweep(targets, period_s, config.loop.stage.home_s)
        super().__init__(folder, hand, NoObject(), self._sweep, period_s, 1, config)

    def _description(self) -> dict[str, Any]:
        """See `RecordedRun`."""
        return {"sweep": self._name}

    def _result(self, end: str) -> dict[str, Any]:
        """See `RecordedRun`."""
        return {**self._common(end), "done": self._sweep.done}

    def _progress(self, seconds: float) -> Progress:
        """See `RecordedRun`."""
        what = f"{self._name}, {self._sweep.done:.0%}"
        return self._common_progress(what, self._sweep.phase, seconds)


def joint_targets(config: RigConfig, spec: HandSpec) -> np.ndarray:
    """(T, A) rad: the targets of `calibrate joints`. Raises ConfigError."""
    return excitation(spec, config.calibrate.joints, Limits.of(spec, config.gate))


def record_sweep(
    config: RigConfig,
    name: str,
    targets_of: Callable[[RigConfig, HandSpec], np.ndarray],
    should_stop: Callable[[], bool],
    show: Callable[[Progress], None],
    only_simulated: bool,
) -> tuple[Path, HandSpec, dict[str, Any]]:
    """Command the targets (T, A) rad, one per `calibrate.joints.period_s`, and record the run.

    Returns the run's folder (named after `name`), the hand's spec, and the contents of
    `result.json`. Raises ConfigError, ConnectError, SafetyStop, HandError, LogError.
    """
    with connected_hand(config, config.calibrate.joints.period_s) as hand:
        if only_simulated and not hand.simulated:
            name = config.rig.name
            raise ConfigError(f"{name}: got a real hand, allowed: a simulated one, as in its check")
        targets = targets_of(config, hand.spec)
        folder = new_folder(config.log.dir, name)
        save(config, folder / "config.yaml")
        with watch_estop(config.estop, hand.stop), realtime(config.realtime) as granted:
            run = _Run(folder, name, hand, targets, config)
            return folder, hand.spec, run.run(granted, should_stop, show)
