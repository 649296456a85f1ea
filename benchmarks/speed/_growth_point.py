"""One point of `sleight bench growth`: trains a few iterations in a process of its own.

Its arguments are a config, the number of timed iterations, and flags of `sleight train`. The last
line that it prints is JSON: CPU seconds of each part per control step, and its peak memory [MB].
"""

import json
import runpy
import statistics
import sys
from pathlib import Path

from sleight.config import load
from sleight.train.config import TrainConfig
from sleight.train.rollout.in_process import LocalSampler, build, use_threads

TRAIN = runpy.run_path(str(Path(__file__).with_name("train.py")))


def main(path: str, iterations: str, *flags: str) -> None:
    """Print the point."""
    config = load(TrainConfig, Path(path), flags)
    use_threads(config)
    training = build(config)
    assert isinstance(training.sampler, LocalSampler)
    run, before = TRAIN["Watched"](training), TRAIN["WARM_UP"]
    rows = [run.iterate() for _ in range(before + int(iterations))][before:]
    parts = {
        part: statistics.median(row.cpu_parts[part] / row.steps for row in rows)
        for part in TRAIN["PARTS"]
    }
    model = training.sampler.collector.env.sim.model
    about = {"bodies": int(model.nbody), "degrees_of_freedom": int(model.nv)}
    print(json.dumps({"cpu_s_per_step": parts, "memory_mb": peak_mb(), **about}))


def peak_mb() -> float:
    """Largest resident memory [MB]. Of this program alone: ru_maxrss would keep its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    main(*sys.argv[1:])
