"""Plots the forecasts of `forecast`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ...files import atomic_path
from ...pages.colours import BLUE, GREEN, INK, ORANGE, QUIET, RED
from .forecast import Cluster, Measurement, check, curve, foretell, limits

COLOURS = (BLUE, ORANGE, GREEN, RED)


def draw(measurement: Measurement, clusters: dict[str, Cluster], path: Path) -> None:
    """Plot throughput over worker cores, and how the central process spends its time."""
    figure = Figure(figsize=(10.5, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    most = max(cluster.cores for cluster in clusters.values())
    for (name, cluster), colour in zip(clusters.items(), COLOURS * len(clusters), strict=False):
        cores = sizes(cluster.worker_cores, most)
        outcomes = curve(measurement, cluster, cores)
        left.plot(cores, [out.steps_per_second for out in outcomes], color=colour, label=name)
        left.plot(cluster.cores, outcomes[_nearest(cores, cluster.cores)].steps_per_second, "o",
                  color=colour)  # fmt: skip
    name, last = list(clusters.items())[-1]
    cores = sizes(last.worker_cores, most)
    _limits(left, measurement, last, cores)
    points = check(measurement)
    measured = [point.result.median("rate") for point in points]
    left.plot([measurement.cores] * len(points), measured, "x", color=INK, label="measured")
    left.set(xscale="log", yscale="log", xlabel="cores of the workers", ylabel="control steps / s")
    left.legend(fontsize=8)
    outcomes = curve(measurement, last, cores)
    parts = [
        [getattr(out, part) for out in outcomes] for part in ("waiting", "copying", "learning")
    ]
    right.stackplot(cores, parts, labels=["waiting", "copying", "learning"],
                    colors=["#dfe4e9", ORANGE, BLUE])  # fmt: skip
    right.set(xscale="log", ylim=(0, 1), xlabel="cores of the workers", ylabel="share of its time")
    right.set_title(f"Central process: {name}", fontsize=10)
    right.legend(fontsize=8, loc="lower left")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130)


def _limits(axes: Axes, measurement: Measurement, cluster: Cluster, cores: Sequence[int]) -> None:
    """Plot the limit of each part alone, for the last cluster."""
    rows = [limits(foretell(measurement, replace(cluster, cores=n))) for n in cores]
    for part, style in (("simulation", ":"), ("copying", "--"), ("learning", "-.")):
        axes.plot(
            cores, [row[part] for row in rows], style, color=QUIET, lw=0.9, label=f"{part} alone"
        )


def sizes(least: int, most: int) -> list[int]:
    """Numbers of cores to plot: doubling, and the last."""
    numbers = [least]
    while numbers[-1] * 2 < most:
        numbers.append(numbers[-1] * 2)
    return [*numbers, most] if most > numbers[-1] else numbers


def _nearest(cores: Sequence[int], target: int) -> int:
    return min(range(len(cores)), key=lambda at: abs(cores[at] - target))
