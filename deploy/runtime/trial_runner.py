"""Runs trials of a bundle on a hand and writes them to a run folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from ...config import save
from ...contract.bundle import Bundle, match_hand
from ...errors import ConfigError
from ..cameras.pose_sources import PoseSource, Referee
from ..checks.rig_check import check_hash
from ..hand.estop import watch_estop
from ..hand.guard import GuardedHand
from ..rig_file import RigConfig
from .operator_view import Progress
from .planned_judge import judge_of
from .policy_runner import OnnxPolicy
from .realtime import realtime
from .recorded_run import RecordedRun, new_folder
from .rig_connect import (
    connected_cameras,
    connected_hand,
    connected_pictures,
    connected_poses,
)
from .stage import Stage
from .trial import summarize

if TYPE_CHECKING:
    from ..cameras.camera_threads import Camera


def run_rig(
    config: RigConfig,
    bundle: Bundle,
    should_stop: Callable[[], bool],
    show: Callable[[Progress], None],
    dry: bool = False,
    only_simulated: bool = False,
) -> tuple[Path, dict[str, Any]]:
    """Run the trials; returns the run's folder and the content of `result.json`.

    Everything is checked before the hand is armed. Whatever ends the run, the hand is held, the
    link is closed, and the measurements are written. dry: no command that moves the hand is sent.
    Raises BundleError, ConfigError, ConnectError, SafetyStop, HandError, LogError.
    """
    check_hash(config, bundle)
    policy = OnnxPolicy(bundle, config.goal_seed)
    period_s = bundle.manifest.control.period_s
    with (
        # Cameras first: a hand drops a client that is silent while cameras open.
        connected_cameras(config, bundle) as cameras,
        connected_hand(config, period_s, dry) as hand,
        connected_poses(config, bundle, cameras, hand) as poses,
    ):
        match_hand(bundle, hand.spec)
        _match_object(bundle, poses)
        if only_simulated and not hand.simulated:
            name = config.rig.name
            raise ConfigError(f"{name}: got a real hand, allowed: a simulated one")
        pictures = connected_pictures(config, bundle, cameras)
        folder = new_folder(config.log.dir, bundle.manifest.name)
        save(config, folder / "config.yaml")
        with watch_estop(config.estop, hand.stop), realtime(config.realtime) as granted:
            run = _Run(folder, bundle, policy, hand, poses, cameras, pictures, config, dry)
            return folder, run.run(granted, should_stop, show)


def _match_object(bundle: Bundle, poses: PoseSource) -> None:
    """Raise ConfigError when the pose source does not measure joints that the task needs."""
    joints = bundle.manifest.task.object_joints
    if joints and not poses.measures_joints:
        raise ConfigError(
            f"pose: got a source without joints, allowed for the task {bundle.manifest.task.name}:"
            f" one that measures {', '.join(joints)} of its object as well"
        )


class _Run(RecordedRun):
    """One run of a bundle on a connected hand: combines the parts and describes the run."""

    def __init__(
        self,
        folder: Path,
        bundle: Bundle,
        policy: OnnxPolicy,
        hand: GuardedHand,
        poses: PoseSource,
        cameras: Mapping[str, Camera],
        pictures: Callable[[], Mapping[str, np.ndarray]] | None,
        config: RigConfig,
        dry: bool,
    ) -> None:
        self._bundle, self._dry, self._poses = bundle, dry, poses
        self._manifest = manifest = bundle.manifest
        self._cameras = cameras
        judge = judge_of(config, bundle, poses)
        self._stage = Stage(
            hand.spec, judge.entry, policy, poses, judge, config.loop.stage, pictures
        )
        period_s = manifest.control.period_s
        super().__init__(folder, hand, poses, self._stage, period_s, config.trials, config)

    def _during_loop(self) -> AbstractContextManager[None]:
        """See `RecordedRun`: logs camera pictures."""
        entry = self._config.log
        if not self._cameras or not entry.images_hz:
            return nullcontext()
        from ..logs.frame_log import frame_log  # needs OpenCV

        cameras = self._cameras.values()
        return frame_log(cameras, self._log, entry.images_hz, entry.images_quality)

    def _description(self) -> dict[str, Any]:
        """See `RecordedRun`: the data that a replay needs."""
        return {
            "bundle": {
                "name": self._manifest.name,
                "folder": str(self._bundle.folder),
                "sha256": self._manifest.graph.sha256,
            },
            "goal_seed": self._config.goal_seed,
            "dry": self._dry,
        }

    def _result(self, end: str) -> dict[str, Any]:
        for trial in self._stage.trials:
            trial.cut()
        manifest, common = self._manifest, self._common(end)
        rig_m = self._poses.object_size_m if isinstance(self._poses, Referee) else None
        return {
            **common,
            "versions": {**common["versions"], "onnxruntime": onnxruntime.__version__},
            "dry": self._dry,
            "bundle": {"name": manifest.name, "sha256": manifest.graph.sha256},
            "object_size_m": {"rig": rig_m, "trained": manifest.task.object_size_m},
            **summarize(self._stage.trials),
        }

    def _progress(self, seconds: float) -> Progress:
        trial, stage = self._stage.trial, self._stage
        what = f"{self._manifest.name}{', dry' if self._dry else ''}"
        unit = self._manifest.task.unit
        to_go = f"{trial.distance:.2f} {unit}".rstrip() if trial else ""
        if trial and trial.plan:
            to_go = f"{trial.plan.label}, {to_go}"
        return replace(
            self._common_progress(what, stage.phase, seconds),
            trials_done=stage.finished,
            successes=sum(trial.successes for trial in stage.trials),
            in_trial=trial.successes if trial else 0,
            goal_s=trial.goal.duration_s if trial else 0.0,
            to_go=to_go,
        )
