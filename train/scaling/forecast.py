"""From a measurement file of `sleight bench scale --json` to what more of everything would give."""

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
    """A few iterations of one kind; times are means per iteration [s]."""

    iterations: int
    steps: int
    """Control steps, of all iterations."""
    seconds: float
    """Wall time, of all iterations."""
    cpu_s: float
    """CPU time of the process in the middle, of all iterations."""
    collect_s: float
    wait_s: float
    transfer_s: float
    learn_s: float
    share_s: float
    """Handing shares to learners, and fetching what they made of them; 0 without."""
    learner_s: float
    """Of the slowest learner; 0 without."""
    lag: float
    moved_mb: float
    """Weights out, and batches in."""
    batch_mb: float

    @property
    def rate(self) -> float:
        """Control steps per second."""
        return self.steps / self.seconds


@dataclass(frozen=True)
class Result:
    """One kind over all rounds."""

    name: str
    workers: int
    """0: one process."""
    learners: int
    """0: the process in the middle learns."""
    max_lag: int
    turns: tuple[Turn, ...]

    def median(self, field: str) -> float:
        """Over the turns."""
        return statistics.median(getattr(turn, field) for turn in self.turns)

    @property
    def update(self) -> float:
        """Control steps of an iteration."""
        return self.turns[0].steps / self.turns[0].iterations


@dataclass(frozen=True)
class Measurement:
    """What `sleight bench scale` writes."""

    about: str
    cores: int
    """Of the one machine that everything was on."""
    steps: int
    """Control steps of one worker's batch."""
    results: tuple[Result, ...]

    def waited(self, workers: int, learners: int) -> Result | None:
        """The kind in which learner and workers take turns, so that neither slows the other."""
        found = (r for r in self.results if (r.workers, r.learners) == (workers, learners))
        return next((r for r in found if r.max_lag == 0), None)


@dataclass(frozen=True)
class Constants:
    """What the model is made of, each measured while nothing else ran beside it."""

    simulate_s: float
    """Core-seconds of simulation per control step, the policy's part included."""
    copy_s: float
    """Of the process in the middle, per control step; weights included."""
    learn_s: float
    """Core-seconds of learning per control step, in the process in the middle."""
    learners_s: float
    """The same in learners; NaN without a measurement."""
    share_s: float
    """Handing over to learners and back, per control step; NaN without."""
    meet_s: float
    """What an update takes longer each time the number of learners doubles [s]; NaN without."""
    step_bytes: float
    weights_bytes: float


def read(path: Path) -> Measurement:
    """Raises DataError for another file, ConfigError that names the field for a damaged one."""
    data = read_json(path)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        got = data.get("format") if isinstance(data, dict) else type(data).__name__
        raise DataError(f"{path}: format: got {got}, allowed: {FORMAT}, of sleight bench scale")
    found = from_dict(
        Measurement, {name: v for name, v in data.items() if name != "format"}, str(path)
    )
    if not any(r.workers and not r.max_lag for r in found.results):
        raise DataError(f"{path}: results: got no kind with workers that are waited for")
    return found


def constants(found: Measurement) -> Constants:
    """Medians over turns, of the largest number of workers that was measured."""
    waited = [r for r in found.results if r.workers and not r.max_lag]
    base = max((r for r in waited if not r.learners), key=lambda r: r.workers)
    own = found.cores / base.workers
    apart = sorted((r for r in waited if r.learners), key=lambda r: r.learners)
    learners_s = share_s = meet_s = math.nan
    if apart:
        first, last = apart[0], apart[-1]
        learners_s = first.median("learner_s") * found.cores / first.update
        share_s = first.median("share_s") / first.update
        more = last.median("learner_s") - first.median("learner_s")
        doublings = math.log2(last.learners / first.learners)
        meet_s = max(0.0, more / doublings) if doublings else 0.0
    moved = base.median("moved_mb") - base.median("batch_mb")
    return Constants(
        simulate_s=base.median("collect_s") * own / found.steps,
        copy_s=base.median("transfer_s") / base.update,
        learn_s=base.median("learn_s") * found.cores / base.update,
        learners_s=learners_s,
        share_s=share_s,
        meet_s=meet_s,
        step_bytes=base.median("batch_mb") * 1e6 / base.update,
        weights_bytes=moved * 1e6,
    )


def measured_system(found: Measurement, result: Result) -> System:
    """The model of a kind that was measured: everything on one machine, undisturbed times."""
    own = found.waited(result.workers, result.learners)
    if own is None:
        raise DataError(f"results: {result.name}: got no turn in which its workers are waited for")
    return System(
        workers=result.workers,
        steps=found.steps,
        collect_s=own.median("collect_s"),
        copy_s=own.median("transfer_s") / result.workers,
        publish_s=0.0,  # it is in copy_s
        learn_s=own.median("learn_s"),
        max_lag=result.max_lag,
        worker_cores=found.cores / result.workers,
        learn_cores=float(found.cores),
        cores=float(found.cores),
    )


@dataclass(frozen=True)
class Point:
    """A kind as it was measured, and as the model has it."""

    result: Result
    modelled: Outcome


def check(found: Measurement) -> list[Point]:
    """The kinds in which workers collect while the learner learns: those the model foretells."""
    return [
        Point(result, simulate(measured_system(found, result)))
        for result in found.results
        if result.workers and result.max_lag
    ]


@dataclass(frozen=True)
class Cluster:
    """Machines to foretell; none of them shares its cores with another's work."""

    cores: int
    """Of all workers; or their GPUs, where `core_rate` is that of a GPU."""
    worker_cores: int = 1
    core_rate: float = 0.0
    """Control steps per second that one of them simulates; 0: as measured."""
    learners: int = 0
    learner_cores: int = 1
    """Of each learner, or of the process in the middle where that learns."""
    learner_speed: float = 1.0
    """Of a learner, times that of as many of the measured cores."""
    steps: int = 0
    """Control steps of a worker's batch; 0: as measured."""


def foretell(found: Measurement, cluster: Cluster) -> System:
    """The model of a cluster. Raises ConfigError for what was not measured."""
    known = constants(found)
    if cluster.learners and math.isnan(known.learners_s):
        raise ConfigError("--learners: got a measurement without learners, allowed: 0")
    workers = max(1, cluster.cores // cluster.worker_cores)
    steps = cluster.steps or found.steps
    update = workers * steps
    if cluster.learners:
        power = cluster.learners * cluster.learner_cores * cluster.learner_speed
        learn_s = known.learners_s * update / power + known.share_s * update
        learn_s += known.meet_s * math.log2(cluster.learners)
    else:
        learn_s = known.learn_s * update / (cluster.learner_cores * cluster.learner_speed)
    return System(
        workers=workers,
        steps=steps,
        collect_s=_simulate_s(known, cluster) * steps / cluster.worker_cores,
        copy_s=known.copy_s * steps,
        publish_s=0.0,
        learn_s=learn_s,
        worker_cores=float(cluster.worker_cores),
        learn_cores=float(cluster.learner_cores),
        jitter=0.05,
    )


def limits(system: System) -> dict[str, float]:
    """Steps per second that each part alone could keep up with."""
    update = system.workers * system.steps
    return {
        "simulation": update / system.collect_s,
        "copying": update / (system.workers * system.copy_s) if system.copy_s else math.inf,
        "learning": update / system.learn_s if system.learn_s else math.inf,
    }


def curve(found: Measurement, cluster: Cluster, cores: Sequence[int]) -> list[Outcome]:
    """The same cluster with each of these numbers of workers' cores."""
    return [simulate(foretell(found, replace(cluster, cores=n)), 30) for n in cores]


def saturation(found: Measurement, cluster: Cluster) -> tuple[float, str]:
    """Workers' cores beyond which more give nothing, and the part that is then at its limit.

    What the process in the middle does, copying and learning, it does one after the other.
    """
    system = foretell(found, cluster)
    update = system.workers * system.steps
    serial = (system.workers * system.copy_s + system.learn_s) / update
    cause = "learning" if system.learn_s > system.workers * system.copy_s else "copying"
    return _simulate_s(constants(found), cluster) / serial, cause


def _simulate_s(known: Constants, cluster: Cluster) -> float:
    """Core-seconds of simulation per control step."""
    return 1.0 / cluster.core_rate if cluster.core_rate else known.simulate_s


def report(found: Measurement, clusters: dict[str, Cluster]) -> str:
    """Constants, the check against what was measured, and the clusters: as text."""
    known = constants(found)
    lines = [found.about, "", "constants, each measured while nothing else ran beside it:"]
    lines += [f"  {name:<14}{value:.4g}" for name, value in _rows(known)]
    lines += ["", f"{'measured':<26}{'steps/s':>9}{'model':>9}{'ratio':>7}{'lag':>7}{'model':>7}"]
    for point in check(found):
        rate, model = point.result.median("rate"), point.modelled
        lines.append(
            f"{point.result.name:<26}{rate:>9,.0f}{model.steps_per_second:>9,.0f}"
            f"{model.steps_per_second / rate:>7.2f}"
            f"{point.result.median('lag'):>7.2f}{model.lag_mean:>7.2f}"
        )
    lines += ["", f"{'foretold':<40}{'steps/s':>11}{'lag':>6}{'waiting':>9}{'copying':>9}"
              f"{'learning':>9}{'MB/s':>8}{'updates/s':>11}  saturates at"]  # fmt: skip
    for name, cluster in clusters.items():
        system = foretell(found, cluster)
        out = simulate(system, 30)
        updates = out.steps_per_second / (system.workers * system.steps)
        most, cause = saturation(found, cluster)
        lines.append(
            f"{name:<40}{out.steps_per_second:>11,.0f}{out.lag_mean:>6.2f}{out.waiting:>9.0%}"
            f"{out.copying:>9.0%}{out.learning:>9.0%}"
            f"{out.steps_per_second * known.step_bytes / 1e6:>8,.0f}{updates:>11.3g}"
            f"  {most:,.0f} cores, by {cause}"
        )
    return "\n".join(lines)


def _rows(known: Constants) -> list[tuple[str, float]]:
    names: dict[str, Any] = known.__dict__
    return [(name, value) for name, value in names.items() if not math.isnan(value)]
