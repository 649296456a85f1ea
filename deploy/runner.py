"""A bundle on a hand, trial after trial, and a folder that tells of it."""

from __future__ import annotations

import contextlib
import gc
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from .. import __version__
from ..config import save
from ..envs.bundle import Bundle, match_hand
from ..errors import ConfigError, SafetyStop, SleightError
from ..files import write_json
from .check import check_hash
from .connect import connected_cameras, connected_hand, connected_poses
from .estop import watch_estop
from .goals import GoalGenerator
from .guard import GuardedHand, Watchdog
from .log_read import LOG
from .loop import ControlLoop
from .policy import OnnxPolicy
from .poses import PoseSource, Referee
from .realtime import realtime
from .rig_file import RigConfig, facts
from .rotations import distance
from .run_log import LogError, RunLog
from .stage import Stage
from .temperature import hottest
from .trial import summarize
from .view import Progress

if TYPE_CHECKING:
    from .cameras import Camera


def run_rig(
    config: RigConfig,
    bundle: Bundle,
    should_stop: Callable[[], bool],
    show: Callable[[Progress], None],
    dry: bool = False,
    only_simulated: bool = False,
) -> tuple[Path, dict[str, Any]]:
    """Run; returns the run's folder and what `result.json` holds.

    Everything is checked before the hand is armed. Whatever ends the run, the hand is held, the
    link is closed, and what was measured is written. dry: nothing is sent that moves the hand.
    Raises BundleError, ConfigError, ConnectError, SafetyStop, HandError, LogError.
    """
    check_hash(config, bundle)
    policy = OnnxPolicy(bundle, config.goal_seed)
    with (
        # First: a hand whose client is silent while cameras open would give its place away.
        connected_cameras(config, bundle) as cameras,
        connected_hand(config, bundle, dry) as hand,
        connected_poses(config, bundle, cameras) as poses,
    ):
        match_hand(bundle, hand.spec)
        if only_simulated and not hand.simulated:
            name = config.rig.name
            raise ConfigError(f"{name}: got a real hand, allowed: a simulated one, as it was told")
        place = _folder(config.log.dir, bundle.manifest.name)
        save(config, place / "config.yaml")
        with watch_estop(config.estop, hand.stop), realtime(config.realtime) as granted:
            run = _Run(place, bundle, policy, hand, poses, cameras, config, dry)
            return place, run.run(granted, should_stop, show)


def _folder(out: Path, name: str) -> Path:
    """A new folder, named after the bundle and the time."""
    stem = f"rig-{name}-{datetime.now():%Y%m%d-%H%M%S}"
    for suffix in ("", *(f"-{count}" for count in range(2, 1000))):
        place = out / f"{stem}{suffix}"
        try:
            place.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise SleightError(f"{place}: cannot be made: {error.strerror}") from error
        return place
    raise SleightError(f"{out / stem}: exists a thousand times")


class _Run:
    """One run of a bundle on a hand that is connected: its parts put together, and its story."""

    def __init__(
        self,
        place: Path,
        bundle: Bundle,
        policy: OnnxPolicy,
        hand: GuardedHand,
        poses: PoseSource,
        cameras: Mapping[str, Camera],
        config: RigConfig,
        dry: bool,
    ) -> None:
        self._place, self._config, self._bundle, self._dry = place, config, bundle, dry
        self._manifest = manifest = bundle.manifest
        self._hand, self._poses, self._cameras = hand, poses, cameras
        self._log = RunLog(place / LOG, hand.spec, manifest.control.period_s)
        goals = GoalGenerator(manifest.task, config.goal_seed)
        self._stage = Stage(hand.spec, manifest.task, policy, poses, goals, config.loop.stage)
        period_s = manifest.control.period_s
        self._loop = ControlLoop(hand, poses, self._stage, period_s, config.loop, self._log)

    def run(
        self, granted: bool, should_stop: Callable[[], bool], show: Callable[[Progress], None]
    ) -> dict[str, Any]:
        """Arm, run, hold, write; returns what `result.json` holds."""
        started_s = time.monotonic()

        def over() -> bool:
            late = self._config.duration_s and seconds() > self._config.duration_s
            return bool(late) or should_stop()

        def seconds() -> float:
            return time.monotonic() - started_s

        self._log.write("start", t=started_s, realtime=granted, **self._story())
        end = "interrupted"
        try:
            self._hand.arm()
            watchdog = Watchdog(self._hand, self._config.watchdog)
            with watchdog, self._frames(), _no_garbage_collection():
                self._loop.run(self._config.trials, over, lambda: show(self._progress(seconds())))
            end = "interrupted" if should_stop() else "done"
        except SleightError as error:
            end = f"{'safety stop' if isinstance(error, SafetyStop) else 'error'}: {error}"
            raise
        finally:
            self._hand.hold("the run has ended")
            self._note_end(end)
            self._log.close()
            result = self._result(end)
            self._write(result)
        self._log.check()
        return result

    def _frames(self) -> AbstractContextManager[None]:
        """What logs pictures meanwhile."""
        entry = self._config.log
        if not self._cameras or not entry.images_hz:
            return nullcontext()
        from .frame_log import frame_log  # OpenCV, which a rig without cameras need not have

        cameras = self._cameras.values()
        return frame_log(cameras, self._log, entry.images_hz, entry.images_quality)

    def _story(self) -> dict[str, Any]:
        """What a replay of the log needs to know."""
        manifest = self._manifest
        return {
            "rig": facts(self._config),
            "bundle": {
                "name": manifest.name,
                "folder": str(self._bundle.folder),
                "sha256": manifest.graph.sha256,
            },
            "goal_seed": self._config.goal_seed,
            "period_s": manifest.control.period_s,
            "dry": self._dry,
            "joints": self._hand.spec.joints,
            "actuators": self._hand.spec.actuators,
        }

    def _note_end(self, end: str) -> None:
        # A log that has failed is told of below; its line must not hide the run's own error.
        with contextlib.suppress(LogError):
            self._log.write("end", end=end)

    def _result(self, end: str) -> dict[str, Any]:
        for trial in self._stage.trials:
            trial.cut()
        manifest, hand = self._manifest, self._hand
        trained_m = manifest.task.object_size_m
        rig_m = self._poses.object_size_m if isinstance(self._poses, Referee) else None
        return {
            "end": end,
            "dry": self._dry,
            "rig": facts(self._config),
            "bundle": {"name": manifest.name, "sha256": manifest.graph.sha256},
            "hand": {"name": hand.spec.name, "simulated": hand.simulated},
            "object_size_m": {"rig": rig_m, "trained": trained_m},
            "holds": self._loop.holds,
            "gate_hits": dict(self._loop.gate_hits.most_common()),
            "link": hand.health(),
            "versions": {
                "sleight": __version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
                "onnxruntime": onnxruntime.__version__,
            },
            **summarize(self._stage.trials),
        }

    def _write(self, result: dict[str, Any]) -> None:
        try:
            write_json(self._place / "result.json", result)
            self._loop.timing.spans_s["look"] += self._poses.looks_s
            write_json(self._place / "timing.json", self._loop.timing.summary())
        except SleightError:
            # On a full disk the log has failed first; its line is the one to show.
            if not result["end"].startswith("error"):
                raise

    def _progress(self, seconds: float) -> Progress:
        trial, timing, stage = self._stage.trial, self._loop.timing, self._stage
        away = distance(stage.pose.wxyz, trial.goal.wxyz) if trial and stage.pose else None
        return Progress(
            rig=f"{self._config.rig.name}: {self._manifest.name}{', dry' if self._dry else ''}",
            seconds=seconds,
            trials_done=stage.finished,
            trials=self._config.trials,
            successes=sum(trial.successes for trial in stage.trials),
            in_trial=trial.successes if trial else 0,
            goal_s=trial.goal.duration_s if trial else 0.0,
            goal_rad=away,
            phase=stage.phase,
            gate=self._hand.state,
            reason=self._hand.reason,
            ticks=timing.ticks,
            late_ticks=timing.late(100),
            lateness_s=timing.newest("lateness") or 0.0,
            hand_age_s=timing.newest("hand_state_age"),
            pose_age_s=timing.newest("pose_age"),
            holds=self._loop.holds,
            gate_hits=self._loop.gate_hits.copy(),  # another thread draws it
            hottest=hottest(self._hand.spec, self._loop.temperature_c),
            warn_c=self._config.loop.temperature.warn_c,
        )


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A collection may take longer than a turn may be late."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
