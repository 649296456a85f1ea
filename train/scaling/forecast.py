"""Forecasts the throughput of larger clusters from a file of `sleight bench scale --json`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...config import from_dict
from ...errors import ConfigError, DataError
from ...files import read_json
from .loop_model import Outcome, System, simulate

FORMAT = "sleight-scale-2"


@dataclass(frozen=True)
class Turn:
    """A few iterations of one setup; times are means per iteration [s]."""

    iterations: int
    steps: int
    """Control steps in all iterations."""
    seconds: float
    """Wall time of all iterations [s]."""
    cpu_s: float
    """CPU time of the central process in all iterations [s]."""
    collect_s: float
    wait_s: float
    transfer_s: float
    learn_s: float
    share_s: float
    """Sending batches to learners and fetching results; 0 without learners."""
    learner_s: float
    """Time of the slowest learner; 0 without learners."""
    lag: float
    moved_mb: float
    """Data moved: weights out, batches in [MB]."""
    batch_mb: float

    @property
    def rate(self) -> float:
        """Control steps per second."""
        return self.steps / self.seconds


@dataclass(frozen=True)
class Result:
    """The measurements of one setup."""

    name: str
    workers: int
    """Number of workers; 0: one process."""
    learners: int
    """Number of learners; 0: the central process learns."""
    max_lag: int
    turns: tuple[Turn, ...]

    def median(self, field: str) -> float:
        """Median of a field over the turns."""
        return statistics.median(getattr(turn, field) for turn in self.turns)

    @property
    def update(self) -> float:
        """Control steps per iteration."""
        return self.turns[0].steps / self.turns[0].iterations


@dataclass(frozen=True)
class Measurement:
    """The content of a file of `sleight bench scale`."""

    about: str
    cores: int
    """Cores of the one machine that ran everything."""
    steps: int
    """Control steps in one worker's batch."""
    results: tuple[Result, ...]

    def waited(self, workers: int, learners: int) -> Result | None:
        """The setup in which learner and workers alternate, so that neither slows the other."""
        setups = (r for r in self.results if (r.workers, r.learners) == (workers, learners))
        return next((r for r in setups if r.max_lag == 0), None)


@dataclass(frozen=True)
class Constants:
    """The constants of the model, each measured while nothing else was running."""

    simulate_s: float
    """Core-seconds of simulation per control step, including the policy."""
    copy_s: float
    """Time of the central process to copy data, per control step, including weights [s]."""
    learn_s: float
    """Core-seconds of learning per control step, in the central process."""
    learners_s: float
    """Core-seconds of learning per control step, in learners; NaN if not measured."""
    share_s: float
    """Time to send data to learners and back, per control step [s]; NaN if not measured."""
    meet_s: float
    """Additional time of an update per doubling of the learners [s]; NaN if not measured."""
    step_bytes: float
    weights_bytes: float


def read(path: Path) -> Measurement:
    """Read a file. Raises DataError for another format, ConfigError for a damaged field."""
    data = read_json(path)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        got = data.get("format") if isinstance(data, dict) else type(data).__name__
        raise DataError(f"{path}: format: got {got}, allowed: {FORMAT}, of sleight bench scale")
    measurement = from_dict(
        Measurement, {name: v for name, v in data.items() if name != "format"}, str(path)
    )
    if not any(r.workers and not r.max_lag for r in measurement.results):
        raise DataError(f"{path}: results: got no setup with max_lag 0 and workers")
    return measurement


def constants(measurement: Measurement) -> Constants:
    """The constants: medians over turns, from the largest measured number of workers."""
    waited = [r for r in measurement.results if r.workers and not r.max_lag]
    base = max((r for r in waited if not r.learners), key=lambda r: r.workers)
    own = measurement.cores / base.workers
    apart = sorted((r for r in waited if r.learners), key=lambda r: r.learners)
    learners_s = share_s = meet_s = math.nan
    if apart:
        first, last = apart[0], apart[-1]
        learners_s = first.median("learner_s") * measurement.cores / first.update
        share_s = first.median("share_s") / first.update
        more = last.median("learner_s") - first.median("learner_s")
        doublings = math.log2(last.learners / first.learners)
        meet_s = max(0.0, more / doublings) if doublings else 0.0
    moved = base.median("moved_mb") - base.median("batch_mb")
    return Constants(
        simulate_s=base.median("collect_s") * own / measurement.steps,
        copy_s=base.median("transfer_s") / base.update,
        learn_s=base.median("learn_s") * measurement.cores / base.update,
        learners_s=learners_s,
        share_s=share_s,
        meet_s=meet_s,
        step_bytes=base.median("batch_mb") * 1e6 / base.update,
        weights_bytes=moved * 1e6,
    )


def measured_system(measurement: Measurement, result: Result) -> System:
    """The model of a measured setup: everything on one machine, with undisturbed times."""
    own = measurement.waited(result.workers, result.learners)
    if own is None:
        raise DataError(f"results: {result.name}: got no turn with max_lag 0 and the same workers")
    return System(
        workers=result.workers,
        steps=measurement.steps,
        collect_s=own.median("collect_s"),
        copy_s=own.median("transfer_s") / result.workers,
        publish_s=0.0,  # included in copy_s
        learn_s=own.median("learn_s"),
        max_lag=result.max_lag,
        worker_cores=measurement.cores / result.workers,
        learn_cores=float(measurement.cores),
        cores=float(measurement.cores),
    )


@dataclass(frozen=True)
class Point:
    """A measured setup, and its prediction by the model."""

    result: Result
    modelled: Outcome


def check(measurement: Measurement) -> list[Point]:
    """Predictions for the setups in which workers collect while the learner learns."""
    return [
        Point(result, simulate(measured_system(measurement, result)))
        for result in measurement.results
        if result.workers and result.max_lag
    ]


@dataclass(frozen=True)
class Cluster:
    """A cluster to forecast; its parts do not share cores."""

    cores: int
    """Cores of all workers; or their GPUs, if `core_rate` is the rate of a GPU."""
    worker_cores: int = 1
    core_rate: float = 0.0
    """Control steps per second of one core; 0: as measured."""
    learners: int = 0
    learner_cores: int = 1
    """Cores of each learner, or of the central process without learners."""
    learner_speed: float = 1.0
    """Speed of a learner, relative to the same number of measured cores."""
    steps: int = 0
    """Control steps in a worker's batch; 0: as measured."""


def foretell(measurement: Measurement, cluster: Cluster) -> System:
    """The model of a cluster. Raises ConfigError for parts that were not measured."""
    costs = constants(measurement)
    if cluster.learners and math.isnan(costs.learners_s):
        raise ConfigError("--learners: got a measurement without learners, allowed: 0")
    workers = max(1, cluster.cores // cluster.worker_cores)
    steps = cluster.steps or measurement.steps
    update = workers * steps
    if cluster.learners:
        power = cluster.learners * cluster.learner_cores * cluster.learner_speed
        learn_s = costs.learners_s * update / power + costs.share_s * update
        learn_s += costs.meet_s * math.log2(cluster.learners)
    else:
        learn_s = costs.learn_s * update / (cluster.learner_cores * cluster.learner_speed)
    return System(
        workers=workers,
        steps=steps,
        collect_s=_simulate_s(costs, cluster) * steps / cluster.worker_cores,
        copy_s=costs.copy_s * steps,
        publish_s=0.0,
        learn_s=learn_s,
        worker_cores=float(cluster.worker_cores),
        learn_cores=float(cluster.learner_cores),
        jitter=0.05,
    )


def limits(system: System) -> dict[str, float]:
    """The limit of each part alone [control steps per second]."""
    update = system.workers * system.steps
    return {
        "simulation": update / system.collect_s,
        "copying": update / (system.workers * system.copy_s) if system.copy_s else math.inf,
        "learning": update / system.learn_s if system.learn_s else math.inf,
    }


def curve(measurement: Measurement, cluster: Cluster, cores: Sequence[int]) -> list[Outcome]:
    """Outcomes of a cluster for different numbers of worker cores."""
    return [simulate(foretell(measurement, replace(cluster, cores=n)), 30) for n in cores]


def saturation(measurement: Measurement, cluster: Cluster) -> tuple[float, str]:
    """Number of worker cores at which throughput saturates, and the part that limits it.

    The central process copies and learns sequentially.
    """
    system = foretell(measurement, cluster)
    update = system.workers * system.steps
    serial = (system.workers * system.copy_s + system.learn_s) / update
    cause = "learning" if system.learn_s > system.workers * system.copy_s else "copying"
    return _simulate_s(constants(measurement), cluster) / serial, cause


def _simulate_s(costs: Constants, cluster: Cluster) -> float:
    """Core-seconds of simulation per control step."""
    return 1.0 / cluster.core_rate if cluster.core_rate else costs.simulate_s


def report(measurement: Measurement, clusters: dict[str, Cluster]) -> str:
    """The constants, the check against measurements, and the forecasts, as text."""
    costs = constants(measurement)
    lines = [measurement.about, "", "constants, each measured while nothing else was running:"]
    lines += [f"  {name:<14}{value:.4g}" for name, value in _rows(costs)]
    lines += ["", f"{'measured':<26}{'steps/s':>9}{'model':>9}{'ratio':>7}{'lag':>7}{'model':>7}"]
    for point in check(measurement):
        rate, model = point.result.median("rate"), point.modelled
        lines.append(
            f"{point.result.name:<26}{rate:>9,.0f}{model.steps_per_second:>9,.0f}"
            f"{model.steps_per_second / rate:>7.2f}"
            f"{point.result.median('lag'):>7.2f}{model.lag_mean:>7.2f}"
        )
    lines += ["", f"{'forecast':<40}{'steps/s':>11}{'lag':>6}{'waiting':>9}{'copying':>9}"
              f"{'learning':>9}{'MB/s':>8}{'updates/s':>11}  saturates at"]  # fmt: skip
    for name, cluster in clusters.items():
        system = foretell(measurement, cluster)
        out = simulate(system, 30)
        updates = out.steps_per_second / (system.workers * system.steps)
        most, cause = saturation(measurement, cluster)
        lines.append(
            f"{name:<40}{out.steps_per_second:>11,.0f}{out.lag_mean:>6.2f}{out.waiting:>9.0%}"
            f"{out.copying:>9.0%}{out.learning:>9.0%}"
            f"{out.steps_per_second * costs.step_bytes / 1e6:>8,.0f}{updates:>11.3g}"
            f"  {most:,.0f} cores, by {cause}"
        )
    return "\n".join(lines)


def _rows(costs: Constants) -> list[tuple[str, float]]:
    names: dict[str, Any] = costs.__dict__
    return [(name, value) for name, value in names.items() if not math.isnan(value)]
