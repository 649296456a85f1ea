"""The control loop: one turn per period, a safety gate before the hand, and holds on faults.

A turn reads hand state and object pose, decides (stage.py), sends (guard.py) and records. The loop
never catches up: a late turn repeats the last target, a missed turn is skipped (pacer.py).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

import numpy as np

from ...config import Range
from ...errors import SafetyStop
from ..cameras.camera_threads import StaleFrame
from ..cameras.pose_sources import ObjectPose, PoseSource
from ..hand.gate import GateState
from ..hand.guard import GuardedHand
from ..hand.hand import Applied, HandState, NotArmed, StaleState
from ..hand.temperature import TemperatureConfig, check_motors
from ..logs.run_log import RunLog
from .loop_timing import Timing
from .pacer import OverrunConfig, OverrunGuard, Pacer, Tick, Verdict
from .policy_runner import Decision
from .stage import PoseMissing, StageConfig
from .trial import Trial

Age = Annotated[float, Range(1e-3, 1)]


@dataclass(frozen=True)
class LoopConfig:
    """Limits of the control loop: ages of data, holds, and late turns."""

    hand_max_age_s: Age = 0.03
    """Largest age of a joint state [s]; with an older one the hand holds."""
    pose_max_age_s: Age = 0.06
    """Largest age of an object pose [s]; an older one counts as missing."""
    stop_after_s: Annotated[float, Range(1e-3, 60)] = 0.3
    """Time without a joint state [s] after which the run ends with a safety stop."""
    resume_ticks: Annotated[int, Range(1, 1000)] = 5
    """Number of consecutive good turns after which a holding hand is armed again."""
    hold_timeout_s: Annotated[float, Range(0.1, 60)] = 10.0
    """Longest hold [s]; a longer one ends the run with a safety stop."""
    max_holds: Annotated[int, Range(0, 1000)] = 10
    """Largest number of holds in one trial; one more ends the run with a safety stop."""
    lost_after_s: Annotated[float, Range(1e-3, 60)] = 2.0
    """Time without an object pose in a trial [s] after which the object counts as dropped, if the
    source of poses works; if it does not, the hand holds, up to hold_timeout_s."""
    overrun: OverrunConfig = field(default_factory=OverrunConfig)
    """Limits for late turns."""
    stage: StageConfig = field(default_factory=StageConfig)
    """Times and limits between trials."""
    temperature: TemperatureConfig = field(default_factory=TemperatureConfig)
    """Temperature limits of the motors, for hands that report temperatures."""


@dataclass
class _Turn:
    """Inputs and results of one turn, for the log."""

    tick: Tick
    verdict: Verdict
    started_s: float
    state: HandState | None = None
    pose_new: bool = False
    pose_age_s: float | None = None
    sent_s: float | None = None
    round_trip_s: float | None = None
    last_target: np.ndarray | None = None
    asked: np.ndarray | None = None
    decision: Decision | None = None
    applied: Applied | None = None
    note: str = ""


class Clock(Protocol):
    """Paces the loop; `Pacer` is the real implementation."""

    def wait(self) -> Tick:
        """Sleep until the next turn."""


class Director(Protocol):
    """Chooses the target of each turn: trials of a policy (`Stage`), or a sweep."""

    trials: list[Trial]
    """Trials that have begun."""
    decision: Decision | None
    """The policy's decision at this turn; None if the policy did not run."""
    pose: ObjectPose | None
    """The newest accepted pose."""

    @property
    def phase(self) -> str:
        """The present phase: in a trial, or between two trials."""

    @property
    def trial(self) -> Trial | None:
        """The present trial."""

    @property
    def finished(self) -> int:
        """Trials that have ended."""

    def target(
        self,
        state: HandState,
        pose: ObjectPose | None,
        last_sent: np.ndarray,
        elapsed_s: float,
        ask_policy: bool,
    ) -> np.ndarray:
        """The target (A,) for this turn. Raises PoseMissing, StaleFrame, HandError."""

    def lose(self) -> None:
        """Handle an object that was not seen for too long."""


class ControlLoop:
    """Runs the trials of a director on a hand that is connected and armed."""

    def __init__(
        self,
        hand: GuardedHand,
        poses: PoseSource,
        stage: Director,
        period_s: float,
        config: LoopConfig,
        log: RunLog,
    ) -> None:
        self._hand, self._poses, self._stage = hand, poses, stage
        self._period_s, self._config, self._log = period_s, config, log
        self._overruns = OverrunGuard(config.overrun)
        self._fresh_s = self._seen_s = time.monotonic()
        self._held_since_s: float | None = None
        self._good_turns = 0
        self.timing = Timing(period_s, config.overrun.late_s)
        self.gate_hits: Counter[str] = Counter()
        """`kind:actuator` -> number of targets that the gate or the hand changed."""
        self.holds = 0
        self.temperature_c: Sequence[float] = ()
        """(A,) last reported temperatures of the motors."""
        self._logged_c: Sequence[float] = ()

    def run(
        self,
        trials: int,
        should_stop: Callable[[], bool],
        after_turn: Callable[[], None] = lambda: None,
        pacer: Clock | None = None,
    ) -> None:
        """Run until `trials` trials have ended or `should_stop()` is true.

        Raises HandError, SafetyStop, LogError.
        """
        pacer = pacer or Pacer(self._period_s)
        try:
            while self._stage.finished < trials and not should_stop():
                turn = self._turn(pacer.wait())
                self._record(turn)
                after_turn()
        except SafetyStop as error:
            self._hand.stop(str(error))
            raise

    def _turn(self, tick: Tick) -> _Turn:
        turn = _Turn(tick, self._overruns.judge(tick), time.monotonic())
        try:
            turn.state = self._look()
            if self._hand.state is not GateState.ARMED:
                self._wait_to_resume(turn)
            elif turn.verdict is Verdict.HOLD:
                self._hold(turn, "the loop was late too often")
            else:
                self._act(turn, turn.state)
        except (StaleState, StaleFrame, NotArmed, PoseMissing) as error:
            self._hold(turn, str(error))
        self.timing.note("turn", time.monotonic() - turn.started_s)
        return turn

    def _look(self) -> HandState:
        """The newest state. Raises StaleState, or SafetyStop if states are missing for too long."""
        try:
            state = self._hand.read(self._config.hand_max_age_s)
        except StaleState as error:
            silent_s = time.monotonic() - self._fresh_s
            if silent_s > self._config.stop_after_s:
                raise SafetyStop(f"no joint state for {silent_s:.2f} s: {error}") from error
            raise
        self._fresh_s = time.monotonic()
        self.timing.note("hand_state_age", state.age_s)
        self.temperature_c = self._hand.health().temperature_c
        check_motors(self._hand.spec, self.temperature_c, self._config.temperature)
        if self._hand.state is GateState.STOPPED:
            raise SafetyStop(self._hand.reason)
        return state

    def _act(self, turn: _Turn, state: HandState) -> None:
        pose = self._newest_pose()
        turn.pose_new = pose is not None
        turn.pose_age_s = pose.age_s if pose else None
        before_s = time.monotonic()
        elapsed_s = (1 + turn.tick.dropped) * self._period_s
        run = turn.verdict is Verdict.RUN
        turn.last_target = self._hand.last_sent
        turn.asked = self._stage.target(state, pose, turn.last_target, elapsed_s, run)
        turn.decision = self._stage.decision
        decided_s = time.monotonic()
        if turn.decision is not None:
            self.timing.note("policy", decided_s - before_s)
        self._note_sending(turn, decided_s)
        turn.applied = self._hand.command(turn.asked, state)
        turn.round_trip_s = time.monotonic() - decided_s
        self.timing.note("command_round_trip", turn.round_trip_s)
        self.gate_hits.update(turn.applied.reasons)

    def _note_sending(self, turn: _Turn, now_s: float) -> None:
        """Count a turn that began in time but sent late as a late turn."""
        turn.sent_s = turn.tick.lateness_s + now_s - turn.started_s
        self.timing.note("sent", turn.sent_s)
        if turn.sent_s >= self._config.overrun.send_s:
            self._overruns.overran()

    def _newest_pose(self) -> ObjectPose | None:
        pose = self._poses.newest(self._config.pose_max_age_s)
        if pose is not None:
            self._seen_s = time.monotonic()
            self.timing.note("pose_age", pose.age_s)
        return pose

    def _hold(self, turn: _Turn, reason: str) -> None:
        """Hold, and repeat the hold while it lasts, as a keep-alive for the hand."""
        turn.note = reason
        self._hand.hold(reason)
        self._count_hold(reason)
        self._good_turns = 0

    def _count_hold(self, reason: str) -> None:
        if self._held_since_s is not None:
            return
        self._held_since_s = time.monotonic()
        self._overruns.reset()
        self.holds += 1
        trial = self._stage.trial
        if trial is None:
            return
        trial.holds += 1
        if trial.holds > self._config.max_holds:
            raise SafetyStop(f"held {trial.holds} times in one trial, at last because {reason}")

    def _wait_to_resume(self, turn: _Turn) -> None:
        """While the gate holds: arm again after enough good turns."""
        turn.note = self._hand.reason
        self._count_hold(turn.note)
        self._hand.heartbeat()
        assert self._held_since_s is not None
        held_s = time.monotonic() - self._held_since_s
        pose_ok = self._stage.trial is None or self._newest_pose() is not None
        if not pose_ok and time.monotonic() - self._seen_s > self._config.lost_after_s:
            self._lose(turn)
        if held_s > self._config.hold_timeout_s:
            raise SafetyStop(f"held for {held_s:.0f} s, because {turn.note}")
        good = turn.verdict is Verdict.RUN and pose_ok
        self._good_turns = self._good_turns + 1 if good else 0
        if self._good_turns >= self._config.resume_ticks:
            self._hand.arm()
            self._held_since_s, self._good_turns = None, 0

    def _lose(self, turn: _Turn) -> None:
        """The object has dropped, unless it is the source of poses that sees nothing at all."""
        if why := self._poses.blind(self._config.lost_after_s):
            turn.note = f"{turn.note}; {why}"
        else:
            self._stage.lose()

    def _record(self, turn: _Turn) -> None:
        timing, tick = self.timing, turn.tick
        timing.note("lateness", tick.lateness_s)
        timing.dropped += tick.dropped
        timing.repeated += turn.verdict is Verdict.REPEAT
        timing.held += turn.applied is None
        self._log.write("turn", **self._fields(turn))

    def _news_of_motors(self) -> Sequence[float] | None:
        """New temperatures that are not in the log yet."""
        if self.temperature_c == self._logged_c:
            return None
        self._logged_c = self.temperature_c
        return self._logged_c

    def _fields(self, turn: _Turn) -> dict[str, Any]:
        """One turn as data: enough to recompute the policy's steps."""
        stage, state, applied = self._stage, turn.state, turn.applied
        return {
            "t": time.monotonic(),
            "k": turn.tick.index,
            "late_s": turn.tick.lateness_s,
            "dropped": turn.tick.dropped,
            "verdict": turn.verdict,
            "gate": self._hand.state,
            "note": turn.note,
            "phase": stage.phase,
            "trial": len(stage.trials),
            "goal": stage.trial.goal.parts if stage.trial else None,
            "joint_position": state.position if state else None,
            "joint_velocity": state.velocity if state else None,
            "effort": state.effort if state else None,
            "sensor_time_s": state.sensor_time_s if state else None,
            "hand_age_s": state.age_s if state else None,
            "object_position": stage.pose.position if stage.pose else None,
            "object_wxyz": stage.pose.wxyz if stage.pose else None,
            "object_joints": stage.pose.joints if stage.pose else None,
            "pose_new": turn.pose_new,
            "pose_age_s": turn.pose_age_s,
            "sent_s": turn.sent_s,
            "round_trip_s": turn.round_trip_s,
            "action": turn.decision.action if turn.decision else None,
            "carry": turn.decision.carry if turn.decision else None,
            "last_target": turn.last_target,
            "asked": turn.asked,
            "applied": applied.target if applied else None,
            "reasons": applied.reasons if applied else (),
            "temperature_c": self._news_of_motors(),
        }
