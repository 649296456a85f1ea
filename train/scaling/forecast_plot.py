"""What `forecast` foretells, as a picture."""

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


def draw(found: Measurement, clusters: dict[str, Cluster], path: Path) -> None:
    """Throughput over the workers' cores, and what the process in the middle does meanwhile."""
    figure = Figure(figsize=(10.5, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    most = max(cluster.cores for cluster in clusters.values())
    for (name, cluster), colour in zip(clusters.items(), COLOURS * len(clusters), strict=False):
        cores = sizes(cluster.worker_cores, most)
        outcomes = curve(found, cluster, cores)
        left.plot(cores, [out.steps_per_second for out in outcomes], color=colour, label=name)
        left.plot(cluster.cores, outcomes[_nearest(cores, cluster.cores)].steps_per_second, "o",
                  color=colour)  # fmt: skip
    name, last = list(clusters.items())[-1]
    cores = sizes(last.worker_cores, most)
    _limits(left, found, last, cores)
    points = check(found)
    measured = [point.result.median("rate") for point in points]
    left.plot([found.cores] * len(points), measured, "x", color=INK, label="measured")
    left.set(xscale="log", yscale="log", xlabel="cores of the workers", ylabel="control steps / s")
    left.legend(fontsize=8)
    outcomes = curve(found, last, cores)
    parts = [
        [getattr(out, part) for out in outcomes] for part in ("waiting", "copying", "learning")
    ]
    right.stackplot(cores, parts, labels=["waiting", "copying", "learning"],
                    colors=["#dfe4e9", ORANGE, BLUE])  # fmt: skip
    right.set(xscale="log", ylim=(0, 1), xlabel="cores of the workers", ylabel="share of its time")
    right.set_title(f"The process in the middle: {name}", fontsize=10)
    right.legend(fontsize=8, loc="lower left")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130)


def _limits(axes: Axes, found: Measurement, cluster: Cluster, cores: Sequence[int]) -> None:
    """What each part alone could keep up with, for the last of the clusters."""
    rows = [limits(foretell(found, replace(cluster, cores=n))) for n in cores]
    for part, style in (("simulation", ":"), ("copying", "--"), ("learning", "-.")):
        axes.plot(
            cores, [row[part] for row in rows], style, color=QUIET, lw=0.9, label=f"{part} alone"
        )


def sizes(least: int, most: int) -> list[int]:
    """Numbers of cores to draw: doubling, and the last."""
    found = [least]
    while found[-1] * 2 < most:
        found.append(found[-1] * 2)
    return [*found, most] if most > found[-1] else found


def _nearest(cores: Sequence[int], wanted: int) -> int:
    return min(range(len(cores)), key=lambda at: abs(cores[at] - wanted))
