"""A long run on Ray in which a process is killed every minute, compared with an undisturbed run.

    sleight bench soak [--minutes 30] [--every 60] [--seed 0] [--out runs/soak] [--field value]

Trains `reach` with workers and `--train.restarts`. kill -9 ends a random process: a worker, the
evaluator, the process that trains, or, if they are configured (`--train.learners 2`,
`adr.curriculum`), a learner or the ADR server. Afterwards the same number of steps is trained
undisturbed. Prints the results of both runs and the growth of the processes' memory, and plots both
curves, the kills and the memory (soak.png); a leak appears as a slope.
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
from dataclasses import asdict, dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sleight.errors import ConfigError
from sleight.files import atomic_path, write_json
from sleight.flags import Parser, output_folder, seed_of
from sleight.pages.colours import BLUE, GREEN, INK, ORANGE, QUIET, RED
from sleight.train.runs.metrics import read_metrics

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "reach.yaml"
VICTIMS = ("RolloutWorker", "EvaluationWorker", "LearnerWorker", "AdrActor", "learner")
"""Kinds of processes that are killed; the last is the process that trains."""
LOOK_S = 10.0
"""Interval between two measurements of memory [s]."""
YOUNG_S = 60.0
"""Start of a process's life [s] in which its memory still fills; not used to detect a leak."""


@dataclass(frozen=True)
class Process:
    """A descendant of the run's process."""

    pid: int
    kind: str
    """One of VICTIMS, or other."""
    memory_mb: float
    """Private memory, without shared memory."""


def descendants(root: int) -> list[Process]:
    """All descendants of `root`, the supervisor, whose only child is the learner."""
    words = ["ps", "-eo", "pid=,ppid=,rss=,args="]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 3) for line in listed.splitlines()]
    below, processes = {root}, []
    for _ in range(6):  # deeper than any process tree of Ray
        below |= {int(row[0]) for row in rows if int(row[1]) in below}
    for pid, parent, _, args in rows:
        if int(pid) in below and int(pid) != root:
            kind = "learner" if int(parent) == root else "other"
            kind = next((name for name in VICTIMS if f"::{name}" in args), kind)
            processes.append(Process(int(pid), kind, memory_mb(int(pid))))
    return processes


def memory_mb(pid: int) -> float:
    """Private memory of a process; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(float(line.split()[1]) for line in lines if line.startswith("Private")) / 1024


def train(name: str, out: Path, fields: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a run that restarts itself."""
    words = [sys.executable, "-m", "sleight", "train", str(CONFIG), "--name", name]
    words += ["--runs", str(out), "--wandb", "off", "--checkpoint_s", "10"]
    words += ["--train.workers", "2", "--train.evaluate_s", "30", "--train.restarts", "1000"]
    return subprocess.Popen([*words, *fields])


@dataclass(frozen=True)
class Look:
    """Memory of one process at one time."""

    time_s: float
    """Time since the start of the run [s]."""
    pid: int
    kind: str
    memory_mb: float


@dataclass(frozen=True)
class Kill:
    """One kill: its time and the kind of process."""

    time_s: float
    kind: str


def disturb(
    run: subprocess.Popen[bytes], minutes: float, every_s: float, chance: random.Random
) -> tuple[list[Kill], list[Look]]:
    """Kill one process every `every_s`, and measure the memory of all more often."""
    began, killed, looks = time.monotonic(), [], []
    while (now := time.monotonic() - began) < 60 * minutes and run.poll() is None:
        processes = [p for p in descendants(run.pid) if p.kind in VICTIMS]
        looks += [Look(now, p.pid, p.kind, p.memory_mb) for p in processes]
        if processes and now >= every_s * (len(killed) + 1):
            victim = chance.choice(processes)
            os.kill(victim.pid, signal.SIGKILL)
            killed.append(Kill(now, victim.kind))
        time.sleep(LOOK_S)
    return killed, looks


def growth(looks: Sequence[Look]) -> dict[str, float]:
    """Growth of memory [MB/h] per kind: least squares over lives longer than YOUNG_S + 60 s."""
    lives: dict[int, list[Look]] = {}
    for look in looks:
        lives.setdefault(look.pid, []).append(look)
    slopes = {}
    for kind in VICTIMS:
        grown = [[row for row in life if row.time_s - life[0].time_s >= YOUNG_S]
                 for life in lives.values() if life[0].kind == kind]  # fmt: skip
        grown = [life for life in grown if life and life[-1].time_s - life[0].time_s >= 60.0]
        if grown:
            slopes[kind] = 3600.0 * _slope(grown)
    return slopes


def _slope(lives: Sequence[Sequence[Look]]) -> float:
    """One slope for all lives [MB/s], each centred at its own mean."""
    above = below = 0.0
    for life in lives:
        time_s, memory = (statistics.fmean(v) for v in zip(*((x.time_s, x.memory_mb) for x in life),
                                                            strict=True))  # fmt: skip
        above += sum((x.time_s - time_s) * (x.memory_mb - memory) for x in life)
        below += sum((x.time_s - time_s) ** 2 for x in life)
    return above / below


def ending(folder: Path) -> tuple[int, float]:
    """Steps of a run, and the mean of its successes over its last tenth.

    Raises ConfigError for a run without a complete iteration.
    """
    rows = read_metrics(folder / "metrics.jsonl")
    if not rows:
        raise ConfigError(f"{folder}: no iteration in that time; allowed: more --minutes")
    tail = rows[-max(1, len(rows) // 10) :]
    return int(rows[-1]["steps"]), statistics.fmean(row.get("successes_mean", 0.0) for row in tail)


def draw(out: Path, killed: Sequence[Kill], looks: Sequence[Look]) -> None:
    """Write soak.png: successes of both runs over steps; memory over time, with the kills."""
    figure = Figure(figsize=(10.5, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for name, colour in (("alone", QUIET), ("disturbed", BLUE)):
        rows = [
            row for row in read_metrics(out / name / "metrics.jsonl") if "successes_mean" in row
        ]
        left.plot([row["steps"] / 1e6 for row in rows], [row["successes_mean"] for row in rows],
                  color=colour, label=name)  # fmt: skip
    left.set(xlabel="control steps [million]", ylabel="successes per episode", ylim=(0, None))
    left.legend(fontsize=8)
    _memory(right, killed, looks)
    with atomic_path(out / "soak.png") as temporary:
        figure.savefig(temporary, dpi=130)


def _memory(axes: Axes, killed: Sequence[Kill], looks: Sequence[Look]) -> None:
    for kill in killed:
        axes.axvline(kill.time_s / 60, color=QUIET, lw=0.6)
    for kind, colour in zip(VICTIMS, (BLUE, ORANGE, GREEN, RED, INK), strict=True):
        rows = [look for look in looks if look.kind == kind]
        if rows:
            axes.plot([row.time_s / 60 for row in rows], [row.memory_mb for row in rows], ".",
                      color=colour, ms=3, label=kind)  # fmt: skip
    axes.set(xlabel="minutes (lines: a kill)", ylabel="memory of a process [MB]", ylim=(0, None))
    axes.legend(fontsize=8)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = Parser("sleight bench soak", description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--minutes", type=float, default=30.0, help="duration of the disturbed run [min]"
    )
    parser.add_argument("--every", type=float, default=60.0, help="seconds between kills")
    parser.add_argument(
        "--seed", type=seed_of, default=0, help="seed of the choice of killed processes"
    )
    parser.add_argument(
        "--out", type=output_folder, default=Path("runs/soak"), help="folder of the runs"
    )
    args, fields = parser.parse_known_args(argv)
    run = train("disturbed", args.out, ["--steps", "1000000000", *fields])
    killed, looks = disturb(run, args.minutes, args.every, random.Random(args.seed))
    run.send_signal(signal.SIGTERM)  # SIGINT is ignored where a shell started it in the background
    run.wait()
    steps, successes = ending(args.out / "disturbed")
    train("alone", args.out, ["--steps", str(steps), *fields]).wait()
    _, undisturbed = ending(args.out / "alone")
    result = {
        "steps": steps,
        "killed": [asdict(x) for x in killed],
        "looks": [asdict(x) for x in looks],
    }
    result |= {"successes": successes, "successes_undisturbed": undisturbed}
    write_json(args.out / "soak.json", result)
    draw(args.out, killed, looks)
    counted = {kind: sum(kill.kind == kind for kill in killed) for kind in VICTIMS}
    print("killed: " + ", ".join(f"{n} {kind}" for kind, n in counted.items() if n))
    print(f"steps: {steps:,}")
    print(f"successes at the end: {successes:.2f}, undisturbed {undisturbed:.2f}")
    for kind, slope in growth(looks).items():
        most = max(look.memory_mb for look in looks if look.kind == kind)
        print(f"{kind}: {slope:+.0f} MB per hour of life, at most {most:.0f} MB")
    print(args.out / "soak.png")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
