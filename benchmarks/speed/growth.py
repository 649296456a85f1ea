"""How the cost of training and its memory grow with worlds, bodies and the size of the LSTM.

    sleight bench growth [--config FILE] [--iterations 3] [--rounds 2] [--axes worlds,object,lstm]
                         [--json FILE] [--plot FILE] [--field value]

Each point trains a few iterations in a process of its own, on one thread: CPU time of each part per
control step, and the largest memory of the process. All points take turns, `--rounds` times; the
median counts. With workers, `sleight bench scale` measures the same.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sleight.config import load
from sleight.errors import ConfigError, SleightError, nearest
from sleight.files import atomic_path, write_json
from sleight.flags import check_count, picture_file
from sleight.pages.colours import BLUE, PALETTE
from sleight.train import benching
from sleight.train.config import TrainConfig

POINT = Path(__file__).with_name("_growth_point.py")
CONFIG = Path(__file__).parents[2] / "configs" / "block.yaml"
ALWAYS = ("--threads", "1", "--env.threads", "1", "--env.resets.cache", "64")
"""Flags of every point: one thread, and few start states, so that the slow objects begin soon."""
AXES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "worlds": ("env.num_worlds", ("16", "64", "256", "1024")),
    "object": ("env.task", ("block", "cube-face", "cube-live", "cube-full")),
    "lstm": ("policy.hidden_size", ("64", "256", "512", "1024")),
}
"""Axis -> its field, and the values of its points."""
TITLE = "us of CPU per control step"


@dataclass(frozen=True)
class Point:
    """One point of an axis: medians over rounds."""

    axis: str
    value: str
    bodies: int
    degrees_of_freedom: int
    cpu_s_per_step: dict[str, float]
    """Part -> CPU seconds per control step of one world."""
    memory_mb: float

    @property
    def label(self) -> str:
        """Its place on the axis."""
        if self.axis != "object":
            return self.value
        return f"{self.value}\n{self.bodies} bodies\n{self.degrees_of_freedom} dof"


def measure(config: Path, iterations: int, flags: Sequence[str]) -> dict[str, Any]:
    """The answer of one process. Raises SleightError with its last line when it fails."""
    command = [sys.executable, str(POINT), str(config), str(iterations), *flags, *ALWAYS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines() or ["without a word"]
        raise SleightError(f"{' '.join(flags)}: exit code {done.returncode}: {words[-1]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def points(args: argparse.Namespace, flags: Sequence[str]) -> list[Point]:
    """All points of all axes, in turns."""
    places = {
        (axis, value): (*flags, f"--{AXES[axis][0]}", value)
        for axis in args.axes
        for value in AXES[axis][1]
    }
    for own in places.values():  # before the first is measured
        load(TrainConfig, args.config, (*own, *ALWAYS))
    answers: dict[tuple[str, str], list[dict[str, Any]]] = {place: [] for place in places}
    for number in range(args.rounds):
        for (axis, value), own in places.items():
            print(f"round {number + 1}/{args.rounds}: {axis} {value}", file=sys.stderr, flush=True)
            answers[axis, value].append(measure(args.config, args.iterations, own))
    return [_median(axis, value, answers[axis, value]) for axis, value in places]


def _median(axis: str, value: str, rows: Sequence[dict[str, Any]]) -> Point:
    parts = {
        part: statistics.median(row["cpu_s_per_step"][part] for row in rows)
        for part in rows[0]["cpu_s_per_step"]
    }
    memory_mb = statistics.median(row["memory_mb"] for row in rows)
    return Point(axis, value, rows[0]["bodies"], rows[0]["degrees_of_freedom"], parts, memory_mb)


def table(found: Sequence[Point]) -> str:
    """A line for each point: microseconds per control step, and megabytes."""
    parts = list(found[0].cpu_s_per_step)
    names = [f"{point.axis} {point.label}".replace("\n", ", ") for point in found]
    width = max(map(len, [*names, TITLE]))
    heads = "".join(f"{head:>13}" for head in (*parts, "all", "memory MB"))
    lines = [f"{TITLE:<{width}}{heads}"]
    for name, point in zip(names, found, strict=True):
        costs = [1e6 * point.cpu_s_per_step[part] for part in parts]
        numbers = "".join(f"{number:>13,.0f}" for number in (*costs, sum(costs), point.memory_mb))
        lines.append(f"{name:<{width}}{numbers}")
    return "\n".join(lines)


def draw(found: Sequence[Point], path: Path) -> None:
    """Costs above, memory below, an axis in each column."""
    axes = list(dict.fromkeys(point.axis for point in found))
    figure = Figure(figsize=(4.2 * len(axes), 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(2, len(axes), squeeze=False, height_ratios=(3, 2))
    for (above, below), axis in zip(grid.T, axes, strict=True):
        rows = [point for point in found if point.axis == axis]
        labels = [point.label for point in rows]
        bottom = [0.0] * len(rows)
        for part, colour in zip(rows[0].cpu_s_per_step, PALETTE, strict=False):
            costs = [1e6 * point.cpu_s_per_step[part] for point in rows]
            above.bar(labels, costs, bottom=bottom, label=part, color=colour)
            bottom = [low + cost for low, cost in zip(bottom, costs, strict=True)]
        below.bar(labels, [point.memory_mb for point in rows], color=BLUE)
        above.set_title(axis)
    grid[0][0].set_ylabel("µs of CPU per control step")
    grid[1][0].set_ylabel("memory of the process [MB]")
    grid[0][0].legend(frameon=False)
    for panel in grid.flat:
        panel.spines[["top", "right"]].set_visible(False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130)


def _axes(words: str) -> list[str]:
    names = [word for word in words.split(",") if word]
    for name in names:
        if name not in AXES:
            raise ConfigError(f"--axes: got {name}, {nearest(name, AXES)}")
    return names or list(AXES)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = benching.parser("growth", __doc__, iterations=3)
    parser.add_argument("--rounds", type=int, default=2, help="rounds; the median is reported")
    parser.add_argument("--axes", default="", help=f"some of {', '.join(AXES)} (default: all)")
    parser.add_argument("--plot", type=picture_file, help="plot to this file: .png, .svg, .pdf")
    args, flags = parser.parse_known_args(argv)
    for name in ("iterations", "rounds"):
        check_count(f"--{name}", getattr(args, name))
    args.axes, args.config = _axes(args.axes), args.config or CONFIG
    config = load(TrainConfig, args.config, flags)
    about = (
        f"{args.config.name}, {config.env.num_worlds} worlds x {config.rollout.horizon} steps,"
        f" LSTM of {config.policy.hidden_size}, one thread; {benching.machine()}"
    )
    print(about, flush=True)
    found = points(args, flags)
    print(f"{benching.machine()}\n\n{table(found)}")
    if args.json:
        write_json(args.json, {"about": about, "points": [asdict(point) for point in found]})
    if args.plot:
        draw(found, args.plot)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
