"""The pool whose workers collect experience."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ....config import to_dict
from ....errors import ConfigError
from ...algorithms.teacher import Files
from ...config import TrainConfig
from ..actor_errors import put
from ..cores import cores_per_worker, places, without
from ..pool import Job, Pool, node_cores
from .rollout_worker import RolloutWorker


def rollout_pool(
    config: TrainConfig, failures: Path | None = None, lives: int = 0, teacher: Files | None = None
) -> Pool:
    """`config.train.workers` workers, see `Rollout`. Raises ConfigError as `worker_cores` does."""
    cores = worker_cores(config)
    dump = str(failures.resolve()) if failures else ""
    files = put(teacher) if teacher else None

    def begin(actor: Any, life: int, threads: int) -> Any:
        env = replace(config.env, threads=config.env.threads or threads)
        return actor.begin.remote(to_dict(replace(config, env=env)), life, dump, files)

    train = config.train
    return Pool(
        Job(RolloutWorker, begin, train.workers, cores, train.worker_gpus, train.standby),
        config.ray,
        lives,
    )


def worker_cores(config: TrainConfig) -> float:
    """Cores of each worker. Raises ConfigError when the run's own cluster has too few."""
    train = config.train
    nodes = without(node_cores(), train.learners, train.learner_cpus)
    cores = train.worker_cpus or cores_per_worker(nodes, train.workers) or 1.0
    if not config.ray.address and (room := places(nodes, cores)) < train.workers:
        raise ConfigError(
            f"train.workers: got {train.workers}, allowed: {room} of {cores:g} cores each on this"
            f" machine's {sum(nodes):g}, or --train.worker_cpus {sum(nodes) / train.workers:.3g}"
        )
    return cores
