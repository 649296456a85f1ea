"""Goals of a run from a plan for a Rubik's cube, with the state that its reports tell.

The bundle's graph still judges distance, success and drop. A turn that went wrong leads to a new
plan; until a search for it is done, the goal is to stay as the cube is.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from ...contract.bundle import Bundle
from ...envs.cube.cube_geometry import FACES, wrapped
from ...envs.cube.cubelets import face_up
from ...envs.cube.face_tracker import QUARTER, AnglesLost, FaceTracker
from ...envs.cube.hand_goals import STRAIGHT_RAD, HandTrial
from ...envs.cube.plan import Plan, plan_turns
from ...errors import ConfigError, DataError
from ..cameras.pose_sources import JointReport, PoseSource
from ..rig_file import RigConfig
from .plan_config import PlanConfig
from .plan_search import PlanSearch
from .task_judge import Goal, Judgement, Pose, TaskJudge

_GOALS = {"goal_wxyz", "goal_joints", "goal_yaw_free"}


def judge_of(config: RigConfig, bundle: Bundle, poses: PoseSource) -> TaskJudge:
    """The judge of a run: by its plan, if it has one. Raises BundleError, ConfigError."""
    if config.plan.turns:
        return PlannedJudge(bundle, config.goal_seed, config.plan, poses)
    return TaskJudge(bundle, config.goal_seed)


def check_plan(plan: PlanConfig, bundle: Bundle) -> None:
    """Raise ConfigError if there is a plan and the bundle's task has no faces to turn."""
    task = bundle.manifest.task
    if plan.turns and not turns_faces(bundle):
        raise ConfigError(
            f"plan: got moves with a bundle of the task {task.name}, whose inner joints are"
            f" {', '.join(task.object_joints) or 'none'}, allowed: a task with the faces"
            f" {', '.join(FACES)}"
        )


def turns_faces(bundle: Bundle) -> bool:
    """Whether the bundle's task is one of a cube whose six faces turn."""
    task = bundle.manifest.task
    return task.object_joints == tuple(FACES) and {goal.name for goal in task.goals} == _GOALS


class PlannedJudge(TaskJudge):
    """Judges as `TaskJudge`; `trial` says what the goal is."""

    def __init__(self, bundle: Bundle, seed: int, plan: PlanConfig, poses: PoseSource) -> None:
        """Raises BundleError, ConfigError."""
        check_plan(plan, bundle)
        super().__init__(bundle, seed)
        self.entry = replace(self.entry, goal_timeout_s=plan.goal_timeout_s)
        self._config, self._poses = plan, poses
        self._search = PlanSearch(plan.end)
        self._first: Plan | None = None
        self._newest: JointReport | None = None
        self.tracker = FaceTracker(plan.start, max_gap_s=plan.max_gap_s)
        self.trial: HandTrial | None = None
        """The present trial."""

    def lost(self, pose: Pose) -> bool:
        """See `TaskJudge`; a cube that a fall has left partway through a turn is placed again.

        Raises AnglesLost.
        """
        angles = self._fresh().joints
        partway = np.abs(angles - np.rint(angles / QUARTER) * QUARTER).max() > STRAIGHT_RAD
        return bool(partway) or super().lost(pose)

    def ready(self, pose: Pose) -> bool:
        """See `TaskJudge`: whether there is a plan for the cube as it lies."""
        if self.trial is not None:  # the one before
            self.trial = None
            self._search.forget()
        up, config = face_up(pose["object_wxyz"])[0], self._config
        if config.scramble:
            self._first = plan_turns(config.turns, config.start, up)
        else:
            self._first = self._first or self._search(config.start, up)
        return self._first is not None

    def begin(self, pose: Pose) -> HandTrial:
        """See `TaskJudge`. Raises AnglesLost, and DataError for a cube in another state."""
        assert self._first is not None
        self._start()
        self.trial, self._first = HandTrial(self._first, self._search), None
        return self.trial

    def next(self, pose: Pose) -> Goal:
        """See `TaskJudge`: the goal of the present step."""
        assert self.trial is not None
        return self.trial.goal(pose["object_wxyz"])

    def advance(self, pose: Pose, goal: Goal) -> Judgement:
        """See `TaskJudge`."""
        assert self.trial is not None
        self._follow()
        judged, trial = self.judge(pose, goal), self.trial
        if judged.dropped:
            return judged
        cube = self.tracker.now
        step = trial.follower.step
        if judged.reached and step is not None and cube.state.same_stickers(step.state):
            return judged
        waited = trial.follower.waiting
        changed = trial.measured(cube, pose["object_wxyz"])
        why = "a plan was found" if waited else trial.follower.reason
        return replace(judged, reached=False, replaced=why if changed else "")

    def _follow(self) -> None:
        """Take the reports since the last turn. Raises AnglesLost."""
        for report in self._poses.joint_reports():
            self._newest = report
            if self.tracker.update(report.joints, report.time_s).doubtful:
                raise AnglesLost(
                    "cube angles: two faces of different axes turned between two reports,"
                    " and their order was not seen; set the state again"
                )
        self._check_age()

    def _start(self) -> None:
        """Begin to track the cube as it lies. Raises DataError."""
        newest, start = self._fresh(), self._config.start
        away = np.abs(wrapped(newest.joints - start.joint_angles_rad))
        worst = int(away.argmax())
        if away[worst] > STRAIGHT_RAD:
            wanted, got = start.joint_angles_rad[worst], newest.joints[worst]
            what = "a cube after these moves" if self._config.solve else "a solved cube"
            raise DataError(
                f"cube: face {FACES[worst]}: got {got:.2f} rad, allowed: within {STRAIGHT_RAD:g} of"
                f" {wanted:.2f}, as the plan starts from {what}"
            )
        self.tracker.restart(start)
        self.tracker.update(newest.joints, newest.time_s)
        for face, angle_rad in zip(FACES, newest.joints, strict=True):
            self.tracker.correct(face, angle_rad)

    def _fresh(self) -> JointReport:
        """The newest report of a cube that is not followed yet. Raises AnglesLost."""
        if reports := self._poses.joint_reports():
            self._newest = reports[-1]
        return self._check_age()

    def _check_age(self) -> JointReport:
        """The newest report. Raises AnglesLost if there is none, or if it is too old."""
        limit_s, newest = self._config.max_gap_s, self._newest
        silent_s = np.inf if newest is None else time.monotonic() - newest.heard_s
        if newest is None or silent_s > limit_s:
            got = "none" if newest is None else f"the last one {silent_s:.2f} s ago"
            raise AnglesLost(f"cube angles: got {got}, allowed: a report every {limit_s:g} s")
        return newest
