"""The stages of a run: go home, wait for the object, let it settle, run a trial of the policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import numpy as np

from ...config import Range
from ...contract.hand_spec import HandSpec
from ...contract.manifest import TaskEntry
from ...envs.cube.face_tracker import AnglesLost
from ..cameras.pose_sources import ObjectPose, PoseSource
from ..hand.hand import HandError, HandState
from .policy_runner import Decision, OnnxPolicy, Sensors
from .task_judge import TaskJudge
from .trial import Ending, Trial

Seconds = Annotated[float, Range(0, 600)]
BLIND_S = 0.5
"""A source of poses that delivered nothing for this time [s] cannot tell where the object is."""


@dataclass(frozen=True)
class StageConfig:
    """Times and limits between trials."""

    home_s: Seconds = 1.2
    """Time to move the hand to its home pose [s]."""
    settle_s: Seconds = 1.0
    """Time for the object to come to rest after it was placed [s]."""
    place_s: Seconds = 30.0
    """Longest wait for the object to be placed [s]."""
    place_tries: Annotated[int, Range(1, 100)] = 10
    """Largest number of attempts to place an object that falls before the trial begins."""
    pose_missing_ticks: Annotated[int, Range(0, 100)] = 2
    """Turns of a trial that may use the last pose if no new one arrives; then the hand holds."""


class Phase(StrEnum):
    """The phase of the run."""

    HOME = "home"
    PLACE = "place"
    SETTLE = "settle"
    TRIAL = "trial"


class PoseMissing(Exception):
    """No pose for too long: the hand must hold."""


class Stage:
    """Runs trials in sequence; `target` is called at each turn that may command the hand."""

    def __init__(
        self,
        spec: HandSpec,
        task: TaskEntry,
        policy: OnnxPolicy,
        poses: PoseSource,
        judge: TaskJudge,
        config: StageConfig,
        pictures: Callable[[], Mapping[str, np.ndarray]] | None = None,
    ) -> None:
        """pictures: the newest, see `Sensors.cameras`, for a policy that reads them."""
        self._spec, self._task, self._policy = spec, task, policy
        self._poses, self._judge, self._config = poses, judge, config
        self._pictures = pictures
        self.trials: list[Trial] = []
        """Trials that have begun."""
        self.decision: Decision | None = None
        """The policy's decision at this turn; None if the policy did not run."""
        self.pose: ObjectPose | None = None
        """The newest accepted pose."""
        self._missing = self._tries = 0
        self._enter(Phase.HOME)

    @property
    def trial(self) -> Trial | None:
        """The present trial."""
        return self.trials[-1] if self.phase is Phase.TRIAL else None

    @property
    def finished(self) -> int:
        """Trials that have ended."""
        return sum(trial.ending is not None for trial in self.trials)

    def target(
        self,
        state: HandState,
        pose: ObjectPose | None,
        last_sent: np.ndarray,
        elapsed_s: float,
        ask_policy: bool,
    ) -> np.ndarray:
        """The target (A,) for this turn, `elapsed_s` after the last one.

        Without `ask_policy` (a late turn) a trial continues with the last target, and the policy's
        memory does not change. Raises PoseMissing, StaleFrame, HandError, DataError.
        """
        self.decision = None
        self._in_phase_s += elapsed_s
        if self.phase is Phase.TRIAL:
            self._look(pose)
            self._advance(elapsed_s)
        else:
            self.pose = pose or self.pose
            self._prepare(pose)
        if self.phase is not Phase.TRIAL:
            return self._spec.home
        if not ask_policy:
            return last_sent
        return self._ask(state, last_sent)

    def lose(self) -> None:
        """End the trial as a drop, because the object was not seen for too long; the hand opens.

        The usual cause is a drop out of view of every camera. Leaving such trials out of the mean
        would bias it in favour of the policy.
        """
        self.trials[-1].ending = Ending.DROPPED
        self._enter(Phase.HOME)

    def _prepare(self, pose: ObjectPose | None) -> None:
        if self.phase is Phase.HOME and self._in_phase_s >= self._config.home_s:
            self._place()
        elif self.phase is Phase.PLACE and self._poses.placed():
            self._enter(Phase.SETTLE)
        elif self.phase is Phase.PLACE and self._in_phase_s > self._config.place_s:
            why = self._poses.blind(self._config.place_s)
            raise HandError(
                f"the object was not placed within {self._config.place_s:.0f} s"
                + (f"; {why}" if why else self._refused())
            )
        elif self.phase is Phase.SETTLE and self._in_phase_s >= self._config.settle_s:
            if pose is not None and not self._judge.lost(pose.sensors()):
                if self._judge.ready(pose.sensors()):
                    self._begin(pose)
            elif pose is None and (why := self._poses.blind(BLIND_S)):
                raise HandError(f"no trial can begin: {why}")
            else:
                self._place()

    def _refused(self) -> str:
        """Poses that the source saw and did not believe: the object may be there."""
        counts = sorted(self._poses.refused.items(), key=lambda item: -item[1])
        reasons = ", ".join(f"{reason} {count}" for reason, count in counts)
        return f"; poses that were refused: {reasons}" if reasons else ""

    def _place(self) -> None:
        if self._tries >= self._config.place_tries:
            raise HandError(
                f"the object fell {self._tries} times before a trial could begin{self._refused()}"
            )
        self._tries += 1
        self._poses.request_place()
        self._enter(Phase.PLACE)

    def _begin(self, pose: ObjectPose) -> None:
        self._tries = self._missing = 0
        self.pose = pose
        self._policy.reset()
        trial = Trial(self._task, self._judge)
        trial.begin(pose.sensors())
        self.trials.append(trial)
        self._enter(Phase.TRIAL)

    def _look(self, pose: ObjectPose | None) -> None:
        self._missing = 0 if pose else self._missing + 1
        if self._missing > self._config.pose_missing_ticks:
            raise PoseMissing(f"no pose of the object for {self._missing} turns")
        self.pose = pose or self.pose

    def _advance(self, elapsed_s: float) -> None:
        assert self.pose is not None
        trial = self.trials[-1]
        try:
            trial.advance(self.pose.sensors(), elapsed_s)
        except AnglesLost as error:
            trial.cut(str(error))
            self._enter(Phase.HOME)
            raise PoseMissing(str(error)) from error
        if trial.ending:
            self._enter(Phase.HOME)

    def _ask(self, state: HandState, last_sent: np.ndarray) -> np.ndarray:
        assert self.pose is not None
        sensors = Sensors(
            joint_position=state.position,
            joint_velocity=state.velocity,
            last_target=last_sent,
            object=self.pose.sensors(),
            goal=self.trials[-1].goal.parts,
            cameras=self._pictures() if self._pictures else {},
        )
        self.decision = self._policy.step(sensors)
        return self.decision.target

    def _enter(self, phase: Phase) -> None:
        self.phase, self._in_phase_s = phase, 0.0
