"""One run on a connected hand: arm, run the loop, log, hold at the end, write the result."""

from __future__ import annotations

import contextlib
import gc
import platform
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...errors import SafetyStop, SleightError
from ...files import write_json
from ...threads import describe
from ..cameras.pose_sources import PoseSource
from ..hand.guard import GuardedHand
from ..hand.temperature import hottest
from ..hand.watchdog import Watchdog
from ..logs.log_read import LOG
from ..logs.run_log import LogError, RunLog
from ..rig_file import RigConfig, facts
from .control_loop import ControlLoop, Director
from .operator_view import Progress


def new_folder(out: Path, name: str) -> Path:
    """A new folder, named after the bundle and the time."""
    stem = f"rig-{name}-{datetime.now():%Y%m%d-%H%M%S}"
    for suffix in ("", *(f"-{count}" for count in range(2, 1000))):
        folder = out / f"{stem}{suffix}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise SleightError(f"{folder}: cannot be created: {error.strerror}") from error
        return folder
    raise SleightError(f"{out / stem}: exists a thousand times")


class RecordedRun(ABC):
    """Runs a director on a hand and records it; subclasses add the description and the result."""

    def __init__(
        self,
        folder: Path,
        hand: GuardedHand,
        poses: PoseSource,
        director: Director,
        period_s: float,
        trials: int,
        config: RigConfig,
    ) -> None:
        self._folder, self._hand, self._config = folder, hand, config
        self._poses = poses
        self._period_s, self._trials = period_s, trials
        self._log = RunLog(folder / LOG, hand.spec, period_s)
        self._loop = ControlLoop(hand, poses, director, period_s, config.loop, self._log)

    @abstractmethod
    def _description(self) -> dict[str, Any]:
        """Facts for readers of the log, besides the rig, the names and the period."""

    @abstractmethod
    def _result(self, end: str) -> dict[str, Any]:
        """The content of `result.json` for a run with this end."""

    @abstractmethod
    def _progress(self, seconds: float) -> Progress:
        """The progress of the run, for the view."""

    def _during_loop(self) -> AbstractContextManager[None]:
        """A context that is active while the loop runs."""
        return nullcontext()

    def run(
        self, granted: bool, should_stop: Callable[[], bool], show: Callable[[Progress], None]
    ) -> dict[str, Any]:
        """Arm, run, hold and write; returns the content of `result.json`."""
        started_s = time.monotonic()

        def over() -> bool:
            late = self._config.duration_s and seconds() > self._config.duration_s
            return bool(late) or should_stop()

        def seconds() -> float:
            return time.monotonic() - started_s

        self._log.write("start", t=started_s, realtime=granted, **self._facts())
        end = "interrupted"
        try:
            self._hand.arm()
            watchdog = Watchdog(self._hand, self._config.watchdog)
            with watchdog, self._during_loop(), _no_garbage_collection():
                self._loop.run(self._trials, over, lambda: show(self._progress(seconds())))
            end = "interrupted" if should_stop() else "done"
        except SleightError as error:
            end = f"{'safety stop' if isinstance(error, SafetyStop) else 'error'}: {error}"
            raise
        except Exception as error:
            end = f"error: {describe(error)}"
            raise
        finally:
            self._hand.hold("the run has ended")
            self._note_end(end)
            self._log.close()
            result = self._result(end)
            self._write(result)
        self._log.check()
        return result

    def _facts(self) -> dict[str, Any]:
        """The first entry of the log."""
        return {
            "rig": facts(self._config),
            "period_s": self._period_s,
            "joints": self._hand.spec.joints,
            "actuators": self._hand.spec.actuators,
            **self._description(),
        }

    def _common(self, end: str) -> dict[str, Any]:
        """The fields that every result has."""
        hand = self._hand
        return {
            "end": end,
            "rig": facts(self._config),
            "hand": {"name": hand.spec.name, "simulated": hand.simulated},
            "holds": self._loop.holds,
            "gate_hits": dict(self._loop.gate_hits.most_common()),
            "link": hand.health(),
            "versions": {
                "sleight": __version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
            },
        }

    def _common_progress(self, what: str, phase: str, seconds: float) -> Progress:
        """The fields that every view shows."""
        timing, hand = self._loop.timing, self._hand
        return Progress(
            rig=f"{self._config.rig.name}: {what}",
            seconds=seconds,
            trials=self._trials,
            phase=phase,
            gate=hand.state,
            reason=hand.reason,
            ticks=timing.ticks,
            late_ticks=timing.late(100),
            lateness_s=timing.newest("lateness") or 0.0,
            hand_age_s=timing.newest("hand_state_age"),
            pose_age_s=timing.newest("pose_age"),
            holds=self._loop.holds,
            gate_hits=self._loop.gate_hits.copy(),  # another thread draws it
            hottest=hottest(hand.spec, self._loop.temperature_c),
            warn_c=self._config.loop.temperature.warn_c,
        )

    def _note_end(self, end: str) -> None:
        # A failed log is reported below; its error must not hide the error of the run.
        with contextlib.suppress(LogError):
            self._log.write("end", end=end)

    def _write(self, result: dict[str, Any]) -> None:
        try:
            write_json(self._folder / "result.json", result)
            self._loop.timing.spans_s["look"] += self._poses.looks_s
            write_json(self._folder / "timing.json", self._loop.timing.summary())
        except SleightError:
            # On a full disk the log fails first; its error is the one to show.
            if not result["end"].startswith("error"):
                raise


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Disable garbage collection: it can take longer than a turn may be late."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
