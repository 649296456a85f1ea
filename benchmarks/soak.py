"""A long run on Ray in which something is killed every minute, beside one that is left alone.

    sleight bench soak [--minutes 30] [--every 60] [--seed 0] [--out runs/soak] [--field value]

Trains `reach` with workers and `--train.restarts`; a random one of the workers, the evaluator, the
process that trains, and where the fields ask for them (`--train.learners 2`, a `curriculum`) the
learners and the ADR server, gets kill -9. Afterwards the same steps are trained undisturbed. Prints
both curves and the memory of each kind of process over time; a leak shows as a slope.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sleight.files import write_json
from sleight.flags import Parser
from sleight.train.metrics import read_metrics

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "reach.yaml"
VICTIMS = ("RolloutWorker", "EvaluationWorker", "LearnerWorker", "AdrActor", "learner")
"""The last is the process that trains."""


@dataclass(frozen=True)
class Process:
    """A process that descends from the run's."""

    pid: int
    kind: str
    """One of VICTIMS, or other."""
    memory_mb: float
    """Of its own, without what it shares with others."""


def descendants(root: int) -> list[Process]:
    """Every process below `root`, which supervises: its only child is the learner."""
    words = ["ps", "-eo", "pid=,ppid=,rss=,args="]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 3) for line in listed.splitlines()]
    below, found = {root}, []
    for _ in range(6):  # deeper than any process tree of Ray
        below |= {int(row[0]) for row in rows if int(row[1]) in below}
    for pid, parent, _, args in rows:
        if int(pid) in below and int(pid) != root:
            kind = "learner" if int(parent) == root else "other"
            kind = next((name for name in VICTIMS if f"::{name}" in args), kind)
            found.append(Process(int(pid), kind, memory_mb(int(pid))))
    return found


def memory_mb(pid: int) -> float:
    """Private memory of a process; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(float(line.split()[1]) for line in lines if line.startswith("Private")) / 1024


def train(name: str, out: Path, fields: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a run that resumes by itself."""
    words = [sys.executable, "-m", "sleight", "train", str(CONFIG), "--name", name]
    words += ["--runs", str(out), "--wandb", "off", "--checkpoint_s", "10"]
    words += ["--train.workers", "2", "--train.evaluate_s", "30", "--train.restarts", "1000"]
    return subprocess.Popen([*words, *fields])


def disturb(
    run: subprocess.Popen[bytes], minutes: float, every_s: float, chance: random.Random
) -> tuple[list[str], list[dict[str, float]]]:
    """Kill one process every so often; returns who it was, and the memory before each kill."""
    killed, memory, end = [], [], time.monotonic() + 60 * minutes
    while time.monotonic() + every_s < end and run.poll() is None:
        time.sleep(every_s)
        processes = [p for p in descendants(run.pid) if p.kind in VICTIMS]
        memory.append({kind: _largest(processes, kind) for kind in VICTIMS})
        if processes:
            victim = chance.choice(processes)
            os.kill(victim.pid, signal.SIGKILL)
            killed.append(victim.kind)
    time.sleep(max(0.0, end - time.monotonic()))
    return killed, memory


def _largest(processes: Sequence[Process], kind: str) -> float:
    return max((p.memory_mb for p in processes if p.kind == kind), default=0.0)


def ending(folder: Path) -> tuple[int, float]:
    """Steps of a run, and the mean of its successes over its last tenth."""
    rows = read_metrics(folder / "metrics.jsonl")
    tail = rows[-max(1, len(rows) // 10) :]
    return int(rows[-1]["steps"]), statistics.fmean(row.get("successes_mean", 0.0) for row in tail)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = Parser("sleight bench soak", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=30.0, help="of the disturbed run")
    parser.add_argument("--every", type=float, default=60.0, help="seconds between kills")
    parser.add_argument("--seed", type=int, default=0, help="of who is killed")
    parser.add_argument("--out", type=Path, default=Path("runs/soak"), help="where the runs go")
    asked, fields = parser.parse_known_args(argv)
    run = train("disturbed", asked.out, ["--steps", "1000000000", *fields])
    killed, memory = disturb(run, asked.minutes, asked.every, random.Random(asked.seed))
    run.send_signal(signal.SIGINT)
    run.wait()
    steps, successes = ending(asked.out / "disturbed")
    train("alone", asked.out, ["--steps", str(steps), *fields]).wait()
    _, undisturbed = ending(asked.out / "alone")
    result = {"steps": steps, "killed": killed, "memory_mb": memory}
    result |= {"successes": successes, "successes_undisturbed": undisturbed}
    write_json(asked.out / "soak.json", result)
    print(f"killed: {', '.join(killed)}\nsteps: {steps:,}")
    print(f"successes at the end: {successes:.2f}, undisturbed {undisturbed:.2f}")
    for kind in (kind for kind in VICTIMS if any(row[kind] for row in memory)):
        print(f"{kind} [MB]: {', '.join(f'{row[kind]:.0f}' for row in memory)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
