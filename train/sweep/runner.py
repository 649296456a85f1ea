"""The loop of a sweep: start trials in free slots, watch them, write the journal."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ...errors import ConfigError
from ...machine import usable_cores
from .config import SweepConfig
from .journal import Journal
from .space import Setting, Space, check, flags
from .sweep_base import POLL_S, RETRIES, Say, Sweep, wind_down
from .sweep_folder import BASE
from .sweep_state import Tried
from .trial_process import Trial, run_name


class Runner(Sweep):
    """Runs a sweep until its end or until it is stopped."""

    def __init__(
        self, config: SweepConfig, space: Space, journal: Journal, folder: Path, say: Say
    ) -> None:
        super().__init__(config, space, journal, folder, say)
        self.total = space.base.steps
        self._grid: list[Setting] = list(space.grid()) if config.method == "grid" else []
        self._active: dict[tuple[int, int], Trial] = {}
        self._tries: dict[tuple[int, int], int] = {}

    @property
    def settings(self) -> int:
        """Number of settings that the sweep tries."""
        return len(self._grid) if self.config.method == "grid" else self.config.trials

    def run(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Run until nothing is left or `stop()` is true; then runs save and end."""
        self._adopt()
        try:
            while not stop():
                self._watch()
                while len(self._active) < self.config.concurrent and self._begin():
                    pass
                if not self._active:
                    return
                time.sleep(POLL_S)
            wind_down(self._active.values())
        except KeyboardInterrupt:
            for trial in self._active.values():
                trial.kill()
            raise

    def _adopt(self) -> None:
        """Watch runs that continued after their sweep was killed."""
        for tried in self.state.settings:
            for seed in range(self.config.seeds):
                trial = self._trial(tried.index, seed)
                if seed not in tried.ends and trial.running():
                    self._active[tried.index, seed] = trial

    def _watch(self) -> None:
        for key, trial in list(self._active.items()):
            tried = self.state.settings[key[0]]
            running = trial.running()
            if key[1] == 0:
                self._compare(tried, trial)
            if not running:
                del self._active[key]
                self._conclude(key, trial)

    def _compare(self, tried: Tried, trial: Trial) -> None:
        """Make ASHA's decisions at the rungs that the first run of a setting has passed."""
        due = [rung for rung in self.state.study.rungs if rung not in tried.rungs]
        last_step = trial.seen() if due else 0
        for rung in due:
            if last_step < rung or tried.condemned:
                break
            value = trial.score(self.config.metric, rung)
            self._write("rung", setting=tried.index, steps=rung, value=value)
        if tried.condemned:
            trial.ask_to_stop()

    def _conclude(self, key: tuple[int, int], trial: Trial) -> None:
        steps, tried = trial.steps(), self.state.settings[key[0]]
        if steps >= self.total:
            value = trial.score(self.config.metric, steps)
            remark = "" if value is not None else f"metrics.jsonl: no {self.config.metric}"
            self._end(key, "failed" if value is None else "complete", value, steps, remark)
        elif tried.condemned and key[1] == 0:
            value = trial.score(self.config.metric, max(steps, *tried.rungs))
            self._end(key, "pruned", value, steps, "")
        elif trial.killed() and self._tries.get(key, 0) < RETRIES:
            self._tries[key] = self._tries.get(key, 0) + 1
            self._start(key)
        else:
            self._end(key, "failed", None, steps, trial.failure())

    def _begin(self) -> bool:
        """Start the next run, if there is one."""
        for tried in self.state.settings:
            for seed in range(self.config.seeds):
                key = (tried.index, seed)
                if seed in tried.ends or key in self._active or not self._may(tried, seed):
                    continue
                if tried.condemned:  # it was stopped when the sweep was killed
                    self._conclude(key, self._trial(*key))
                else:
                    self._start(key)
                return True
        return self._draw()

    def _may(self, tried: Tried, seed: int) -> bool:
        """Whether a run may start: with ASHA the first run of a setting decides for the others."""
        if seed == 0:
            return True
        decided = not self.state.study.rungs or 0 in tried.ends
        return decided and not self.state.given_up(tried)

    def _draw(self) -> bool:
        index = len(self.state.settings)
        if index >= self.settings:
            return False
        values = self._grid[index] if self._grid else self.state.study.draw()
        self._add(values, fresh=not self._grid)
        try:
            check(self.folder / BASE, self.space.expand(values))
        except ConfigError as error:
            for seed in range(self.config.seeds):
                self._end((index, seed), "failed", None, 0, str(error))
        return True

    def _start(self, key: tuple[int, int]) -> None:
        trial = self._trial(*key)
        values = self.space.expand(self.state.settings[key[0]].values)
        words = command(self.folder, key, values, self.config.seed)
        self._active[key] = trial
        trial.start(words, threads(self.config.concurrent))

    def _trial(self, setting: int, seed: int) -> Trial:
        return Trial(self.folder, run_name(setting, seed))


def command(folder: Path, key: tuple[int, int], values: Setting, first_seed: int) -> list[str]:
    """The command line that starts this run alone."""
    own = [f"--seed={first_seed + key[1]}", f"--name={run_name(*key)}", f"--runs={folder}"]
    return ["train", str(folder / BASE), *flags(values), *own]


def threads(concurrent: int) -> int:
    """Threads for each of the concurrent runs; 0: each run decides."""
    if concurrent == 1:
        return 0
    return max(1, usable_cores() // concurrent)
