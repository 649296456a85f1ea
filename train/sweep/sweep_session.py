"""Runs a sweep from the command line: trials, progress, and the page at the end."""

from __future__ import annotations

import sys
from pathlib import Path

from ...errors import SleightError
from ..runs.interrupt import Interrupt
from ..runs.progress import ProgressBar
from .config import SweepConfig
from .journal import Journal
from .pbt import Population
from .reports.effects import done as done_runs
from .reports.sweep_report import summary, write_report
from .reports.trial_table import evaluate_runs, markdown, rows, write_table
from .runner import Runner
from .space import Space


def go(config: SweepConfig, space: Space, journal: Journal, folder: Path, source: Path) -> None:
    """Run the sweep, or the rest of it. Raises KeyboardInterrupt when it was interrupted."""
    runner: Runner | Population
    kind = Population if config.stopping == "pbt" else Runner
    with Interrupt() as stop:
        done = sum(event["event"] == "end" for event in journal.events)

        def say(line: str) -> None:
            nonlocal done
            done += 1
            if sys.stderr.isatty():
                bar.update(done, line)
            else:  # a log file gets every line, and sometimes the progress
                sys.stderr.write(f"{line}\n")
                bar.update(done)

        runner = kind(config, space, journal, folder, say)
        with ProgressBar(folder.name, runner.settings * config.seeds, done, "runs") as bar:
            runner.run(stop)
        if config.evaluate.trials:
            evaluate_runs(runner.state, folder, stop)
            write_table(runner.state, folder)
    page = write_report(runner.state, folder)
    if stop():
        sys.stderr.write(f"stopped; continue with: sleight sweep {source} --resume\n")
        raise KeyboardInterrupt
    if not done_runs(runner.state):
        ends = [end for tried in runner.state.settings for end in tried.ends.values()]
        remark = ends[0].remark if ends else "no run was started"
        raise SleightError(f"{folder}: no run was completed; the first: {remark}")
    sys.stdout.write(f"{summary(runner.state)}\n{page}\n")
    if config.evaluate.trials:
        sys.stdout.write(markdown(*rows(runner.state, folder)))
