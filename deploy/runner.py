"""`sleight rig run`: a bundle on a hand, trial after trial, and a folder that tells of it."""

from __future__ import annotations

import gc
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnxruntime

from .. import __version__
from ..config import Range, save
from ..envs.bundle import Bundle, load_bundle, match_hand
from ..errors import ConfigError, SafetyStop, SleightError
from ..files import write_json
from .estop import EstopConfig, watch_estop
from .gate import GateConfig
from .goals import GoalGenerator
from .guard import GuardedHand, Watchdog, WatchdogConfig
from .hands import HandConfig, open_hand
from .loop import ControlLoop, LoopConfig
from .policy import OnnxPolicy
from .poses import Referee
from .realtime import realtime
from .run_log import RunLog
from .stage import Stage
from .trial import summarize


@dataclass(frozen=True)
class RunConfig:
    """A run of a bundle on a hand."""

    hand: HandConfig = field(default_factory=HandConfig)
    """The hand and the way to it."""
    rig: str = ""
    """HOST:PORT, in place of `hand.host` and `hand.port`."""
    referee: str = "127.0.0.1:7412"
    """The simulated rig's referee, which tells the object's pose, HOST:PORT."""
    trials: Annotated[int, Range(1, 10_000)] = 10
    """Trials: successes in a row until a drop, a timeout or the maximum."""
    goal_seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    """Seed of the goals, and of the noise of a policy that draws its actions."""
    duration_s: Annotated[float, Range(0, 1e6)] = 0.0
    """End after this much time, cutting the trial under way; 0 waits for all trials."""
    out: Path = Path("runs")
    """Where the run's folder is made."""
    connect_timeout_s: Annotated[float, Range(0.1, 60)] = 3.0
    """Longest wait for the referee."""
    arm: bool = False
    """Let a hand move that is not simulated. A simulated one needs no leave."""
    realtime: bool = True
    """Ask the system for real-time scheduling; without leave it runs as any process."""
    gate: GateConfig = field(default_factory=GateConfig)
    """The safety gate."""
    loop: LoopConfig = field(default_factory=LoopConfig)
    """The 80 ms loop."""
    watchdog: WatchdogConfig = field(default_factory=WatchdogConfig)
    """When the program gives up on its own loop."""
    estop: EstopConfig = field(default_factory=EstopConfig)
    """The operator's stop."""


@dataclass(frozen=True)
class Progress:
    """Where a run is, for the line on the terminal."""

    seconds: float
    trials_done: int
    trials: int
    successes: int
    goal_s: float
    phase: str
    gate: str
    ticks: int
    late_ticks: int
    gate_hits: int


def run_bundle(
    folder: Path,
    config: RunConfig,
    should_stop: Callable[[], bool],
    show: Callable[[Progress], None],
) -> tuple[Path, dict[str, Any]]:
    """Run; returns the run's folder and what `result.json` holds.

    Everything is checked before the hand is armed. Whatever ends the run, the hand is held, the
    link is closed, and what was measured is written. Raises BundleError, ConnectError, SafetyStop,
    HandError, LogError.
    """
    bundle = load_bundle(folder)
    policy = OnnxPolicy(bundle, config.goal_seed)
    hand, referee = _connect(config, bundle)
    try:
        match_hand(bundle, hand.spec)
        if not (hand.simulated or config.arm):
            raise ConfigError(
                f"--arm: got false, allowed: true, because {hand.spec.name} is a real hand"
            )
        place = _folder(config.out, bundle.manifest.name)
        save(config, place / "config.yaml")
        with watch_estop(config.estop, hand.stop), realtime(config.realtime) as granted:
            run = _Run(place, bundle, policy, hand, referee, config)
            return place, run.run(granted, should_stop, show)
    finally:
        hand.hold("the run has ended")
        hand.close()
        referee.close(1.0)


def _connect(config: RunConfig, bundle: Bundle) -> tuple[GuardedHand, Referee]:
    driver = open_hand(_way(config))
    referee = Referee(*address(config.referee, "--referee"))
    hand = GuardedHand(driver, config.gate, bundle.manifest.control.period_s)
    hand.connect(config.hand.timeout_s)
    try:
        referee.connect(config.connect_timeout_s)
    except SleightError:
        hand.close()
        raise
    return hand, referee


def _way(config: RunConfig) -> HandConfig:
    if not config.rig:
        return config.hand
    host, port = address(config.rig, "--rig")
    return replace(config.hand, host=host, port=port)


def address(text: str, flag: str) -> tuple[str, int]:
    """HOST:PORT. Raises ConfigError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(f"{flag}: got {text}, allowed: HOST:PORT, such as 127.0.0.1:7411")
    return host, int(port)


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
        referee: Referee,
        config: RunConfig,
    ) -> None:
        self._place, self._config = place, config
        self._manifest = manifest = bundle.manifest
        self._hand, self._referee = hand, referee
        self._log = RunLog(place / "log.jsonl")
        goals = GoalGenerator(manifest.task, config.goal_seed)
        self._stage = Stage(hand.spec, manifest.task, policy, referee, goals, config.loop.stage)
        period_s = manifest.control.period_s
        self._loop = ControlLoop(hand, referee, self._stage, period_s, config.loop, self._log)

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

        self._log.write(
            "start", wall=time.time(), t=started_s, bundle=self._manifest.name, realtime=granted
        )
        end = "interrupted"
        try:
            self._hand.arm()
            with Watchdog(self._hand, self._config.watchdog), _no_garbage_collection():
                self._loop.run(self._config.trials, over, lambda: show(self._progress(seconds())))
            end = "interrupted" if should_stop() else "done"
        except SleightError as error:
            end = f"{'safety stop' if isinstance(error, SafetyStop) else 'error'}: {error}"
            raise
        finally:
            self._hand.hold("the run has ended")
            self._log.close()
            result = self._result(end)
            self._write(result)
        self._log.check()
        return result

    def _result(self, end: str) -> dict[str, Any]:
        for trial in self._stage.trials:
            trial.cut()
        manifest, hand = self._manifest, self._hand
        trained_m = manifest.task.object_size_m
        return {
            "end": end,
            "bundle": {"name": manifest.name, "sha256": manifest.graph.sha256},
            "hand": {"name": hand.spec.name, "simulated": hand.simulated},
            "object_size_m": {"rig": self._referee.object_size_m, "trained": trained_m},
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
            write_json(self._place / "timing.json", self._loop.timing.summary())
        except SleightError:
            # On a full disk the log has failed first; its line is the one to show.
            if not result["end"].startswith("error"):
                raise

    def _progress(self, seconds: float) -> Progress:
        trial, timing = self._stage.trial, self._loop.timing
        return Progress(
            seconds=seconds,
            trials_done=self._stage.finished,
            trials=self._config.trials,
            successes=sum(trial.successes for trial in self._stage.trials),
            goal_s=trial.goal.duration_s if trial else 0.0,
            phase=self._stage.phase,
            gate=self._hand.state,
            ticks=timing.ticks,
            late_ticks=timing.late(100),
            gate_hits=self._loop.gate_hits.total(),
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
