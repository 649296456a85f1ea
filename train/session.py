"""`sleight train`: a run folder, the hooks that fill it, resuming and stopping."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .. import __version__
from ..adr import persistence
from ..adr.state import restart
from ..config import from_dict, to_dict
from ..config import load as load_config
from ..config import save as save_config
from ..errors import CheckpointError, ConfigError
from . import checkpoint
from .config import TrainConfig
from .local import build, use_threads
from .loop import Hook, Metrics, Training, run
from .metrics import MetricsFile, Wandb
from .progress import ProgressBar
from .randomization import dimensions


def start(config: TrainConfig) -> Path:
    """A new run; returns its folder. Raises ConfigError when the name is taken."""
    name = config.name or f"{config.env.task}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    config = replace(config, name=name)
    folder = Path(config.runs) / name
    if (folder / "config.yaml").exists():
        raise ConfigError(f"--name: got {name}, which exists; allowed: a new name, or --resume")
    use_threads(config)
    training = build(config, folder / "failures")
    if config.warm_start:
        warm_start(training, Path(config.warm_start))
    folder.mkdir(parents=True, exist_ok=True)
    save_config(config, folder / "config.yaml")
    _go(training, folder, None)
    return folder


def resume(folder: Path, overrides: list[str]) -> Path:
    """Continue a run from its newest checkpoint; the curve goes on as if it had not stopped."""
    config = load_config(TrainConfig, folder / "config.yaml", overrides)
    use_threads(config)
    training = build(config, folder / "failures")
    found = checkpoint.load(folder)
    training.load(found.weights, found.state, found.meta)
    training.adr = _adr(found.meta, config, str(folder))
    if overrides:
        save_config(config, folder / "config.yaml")
    _go(training, folder, training.steps)
    return folder


def warm_start(training: Training, path: Path) -> None:
    """Begin with the networks and the ADR ranges of another run."""
    found = checkpoint.load(path, state=False)
    training.load_weights(found.weights, str(path))
    if found.meta.get("adr") and training.adr.dimensions:
        table = dimensions(training.config)
        data = found.meta["adr"]
        training.adr = restart(persistence.from_data(data, table, str(path), carry=True))


def _adr(meta: Metrics, config: TrainConfig, source: str) -> Any:
    return persistence.from_data(meta["adr"], dimensions(config), source)


def _go(training: Training, folder: Path, resume_at: int | None) -> None:
    config = training.config
    metrics = MetricsFile(folder / "metrics.jsonl", resume_at)
    tracker = Wandb(config.wandb, folder, to_dict(config), folder.name)
    total = config.steps
    with ProgressBar(folder.name, total, training.steps) as bar, _saved_on_exit(training, folder):

        def log(training: Training, row: Metrics) -> None:
            metrics.write(row)
            tracker.log(row)
            bar.update(training.steps, _note(row))

        hooks = [
            Hook(log),
            Hook(lambda training, row: save(training, folder), every_s=config.checkpoint_s),
        ]
        if config.video_steps:
            from .video import checkpoint_video

            hooks.append(
                Hook(
                    lambda training, row: checkpoint_video(training, folder),
                    every_steps=config.video_steps,
                )
            )
        run(training, hooks)
    tracker.close()


@contextmanager
def _saved_on_exit(training: Training, folder: Path) -> Iterator[None]:
    """Save when the run ends, and also when Ctrl-C stops it between two iterations."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write(f"\nstopped; continue with: sleight train --resume {folder}\n")
        raise
    save(training, folder)


def save(training: Training, folder: Path) -> None:
    """A checkpoint, and adr.json beside it for people and for reports."""
    weights, state, meta = training.save()
    meta |= {
        "config": to_dict(training.config),
        "adr": persistence.to_data(training.adr),
        "versions": versions(),
    }
    checkpoint.save(folder / "checkpoints", checkpoint.Checkpoint(weights, state, meta))
    persistence.save(training.adr, folder / "adr.json")


def _note(row: Metrics) -> str:
    parts = [f"sim {row['sim_share']:.0%}"]
    if "successes_mean" in row:
        parts.insert(0, f"successes {row['successes_mean']:.2f}  drops {row['drop_rate']:.0%}")
    if "range/goal.angle" in row:
        parts.append(f"goals up to {row['range/goal.angle'][1]:.2f} rad")
    if "adr_entropy" in row:
        parts.append(f"entropy {row['adr_entropy']:.2f} npd")
    return "  ".join(parts)


def versions() -> dict[str, str]:
    """What a figure depends on: this package and commit, and the libraries."""
    packages = ("mujoco", "torch", "numpy", "gymnasium", "gymnasium-robotics", "onnxruntime")
    return {
        "sleight": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{name: version(name) for name in packages},
    }


def commit() -> str:
    """The commit of the checkout, with + when it was changed; empty outside one."""
    here = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout.strip()


def load_run(path: Path) -> tuple[TrainConfig, checkpoint.Checkpoint]:
    """A run's config and networks, to look at or to export. Raises CheckpointError."""
    found = checkpoint.load(path, state=False)
    if "config" not in found.meta:
        raise CheckpointError(f"{path}: config: got nothing, allowed: the run's config")
    return from_dict(TrainConfig, found.meta["config"], str(path)), found
