"""What every kind of sweep is made of: its state, and the journal that the state follows from."""

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
"""Of a run that a signal ended: it goes on from its checkpoint."""
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
        """One more setting; fresh: drawn by the study, which has to know."""
        row = self.journal.add("setting", setting=len(self.state.settings), values=values)
        self.state.apply(row, fresh=fresh)

    def _end(
        self, key: tuple[int, int], state: str, value: float | None, steps: int, remark: str
    ) -> None:
        """The run of a setting and a seed has ended."""
        self._write(
            "end", setting=key[0], seed=key[1], state=state, value=value, steps=steps, remark=remark
        )
        said = f"{self.config.metric} {value:.3g}" if value is not None else remark
        self.say(f"{run_name(*key)}: {state}, {said}")

    def _write(self, event: str, **fields: object) -> Event:
        row = self.journal.add(event, **fields)
        self.state.apply(row)
        return row


def wind_down(active: Collection[Trial]) -> None:
    """Ask each to save; what it has then is on the disk, not in the journal."""
    for trial in active:
        trial.ask_to_stop()
    while any(trial.running() for trial in active):
        time.sleep(POLL_S)
