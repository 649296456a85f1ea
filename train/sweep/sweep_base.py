"""Shared parts of all sweeps: the state, and the journal from which it follows."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path

from .config import SweepConfig
from .journal import Event, Journal
from .space import Setting, Space
from .sweep_folder import restore
from .trial_process import Trial, run_name

POLL_S = 0.5
RETRIES = 2
"""Number of restarts of a run that a signal ended; it continues from its checkpoint."""
Say = Callable[[str], None]


class Sweep:
    """The base of `Runner` and `Population`."""

    def __init__(
        self, config: SweepConfig, space: Space, journal: Journal, folder: Path, say: Say
    ) -> None:
        self.config, self.space, self.journal = config, space, journal
        self.folder, self.say = folder, say
        self.state = restore(config, space, journal)

    def _add(self, values: Setting, fresh: bool) -> None:
        """Add a setting; fresh: it was drawn by the study."""
        row = self.journal.add("setting", setting=len(self.state.settings), values=values)
        self.state.apply(row, fresh=fresh)

    def _end(
        self, key: tuple[int, int], state: str, value: float | None, steps: int, remark: str
    ) -> None:
        """Record the end of a run."""
        self._write(
            "end", setting=key[0], seed=key[1], state=state, value=value, steps=steps, remark=remark
        )
        result = f"{self.config.metric} {value:.3g}" if value is not None else remark
        self.say(f"{run_name(*key)}: {state}, {result}")

    def _write(self, event: str, **fields: object) -> Event:
        row = self.journal.add(event, **fields)
        self.state.apply(row)
        return row


def wind_down(active: Collection[Trial]) -> None:
    """Ask each trial to save and end; its state is then on disk, not in the journal."""
    for trial in active:
        trial.ask_to_stop()
    while any(trial.running() for trial in active):
        time.sleep(POLL_S)
