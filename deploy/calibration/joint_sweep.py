"""Motors that move behind the gate without policy or object: `sleight rig calibrate joints`."""

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
    """Nobody looks: the hand is empty."""

    def newest(self, max_age_s: float) -> ObjectPose | None:
        """None."""
        return None

    def request_place(self) -> None:
        """Nothing is placed."""

    def placed(self) -> bool:
        """Never asked for."""
        return False

    def close(self, timeout_s: float) -> None:
        """Nothing is open."""


class Sweep:
    """Targets (T, A) [rad], one after the other, from wherever the hand is; see `loop.Director`."""

    trial: Trial | None = None
    decision: Decision | None = None
    pose: ObjectPose | None = None

    def __init__(self, targets: np.ndarray, period_s: float, home_s: float) -> None:
        self._targets, self._period_s, self._home_s = targets, period_s, home_s
        self._since_s = -home_s
        self.trials: list[Trial] = []

    @property
    def phase(self) -> str:
        """On the way to the first target, or on the sweep."""
        return "home" if self._since_s < 0.0 else "sweep"

    @property
    def finished(self) -> int:
        """1 at the end."""
        return int(self._since_s >= len(self._targets) * self._period_s)

    @property
    def done(self) -> float:
        """Share of the time."""
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
        """The target of this moment, (A,) rad; time that was lost stays lost."""
        at = int(max(self._since_s, 0.0) / self._period_s + 0.5)
        self._since_s += elapsed_s
        if not ask_policy:
            return last_sent
        return np.asarray(self._targets[min(at, len(self._targets) - 1)])

    def lose(self) -> None:
        """There is no object to lose."""


class _Run(RecordedRun):
    """One sweep of a hand that is connected, and its story."""

    def __init__(
        self, place: Path, name: str, hand: GuardedHand, targets: np.ndarray, config: RigConfig
    ) -> None:
        self._config, self._name = config, name
        period_s = config.calibrate.joints.period_s
        self._sweep = Sweep(targets, period_s, config.loop.stage.home_s)
        super().__init__(place, hand, NoObject(), self._sweep, period_s, 1, config)

    def _story(self) -> dict[str, Any]:
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
    """(T, A) rad of `calibrate joints`. Raises ConfigError."""
    return excitation(spec, config.calibrate.joints, Limits.of(spec, config.gate))


def record_sweep(
    config: RigConfig,
    name: str,
    targets_of: Callable[[RigConfig, HandSpec], np.ndarray],
    should_stop: Callable[[], bool],
    show: Callable[[Progress], None],
    only_simulated: bool,
) -> tuple[Path, HandSpec, dict[str, Any]]:
    """Go through the targets (T, A) rad, one each `calibrate.joints.period_s`.

    Returns the run's folder, named after `name`, the hand, and what `result.json` holds. Raises
    ConfigError, ConnectError, SafetyStop, HandError, LogError.
    """
    with connected_hand(config, config.calibrate.joints.period_s) as hand:
        if only_simulated and not hand.simulated:
            name = config.rig.name
            raise ConfigError(f"{name}: got a real hand, allowed: a simulated one, as it was told")
        targets = targets_of(config, hand.spec)
        place = new_folder(config.log.dir, name)
        save(config, place / "config.yaml")
        with watch_estop(config.estop, hand.stop), realtime(config.realtime) as granted:
            run = _Run(place, name, hand, targets, config)
            return place, hand.spec, run.run(granted, should_stop, show)
