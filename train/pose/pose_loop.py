"""The training loop of the pose network: start, resume, checkpoints, metrics."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...config import load, save
from ...errors import ConfigError
from ...vision.renders.shards import open_renders
from ..runs.folder_lock import FolderLock
from ..runs.interrupt import Interrupt
from ..runs.metrics import MetricsFile
from ..runs.progress import ProgressBar
from ..runs.session import check_new
from .config import PoseTrainConfig
from .pose_evaluation import NetReader, judge
from .pose_learner import Learner
from .render_batches import batches


def start(config: PoseTrainConfig) -> Path:
    """Start a new run; returns its folder. Raises ConfigError, DataError."""
    if not config.name:
        config = replace(config, name=f"pose-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    folder = config.runs / config.name
    check_new(folder)
    trainer = Trainer(config)
    with FolderLock(folder):
        save(config, folder / "config.yaml")
        trainer.run(folder, None)
    return folder


def resume(folder: Path, overrides: list[str]) -> Path:
    """Continue from the newest checkpoint. Raises ConfigError, CheckpointError."""
    config = load(PoseTrainConfig, folder / "config.yaml", overrides)
    with FolderLock(folder):
        trainer = Trainer(config)
        trainer.restore(folder)
        save(config, folder / "config.yaml")
        trainer.run(folder, trainer.samples_seen)
    return folder


class Trainer(Learner):
    """The training of a network on a folder of renders."""

    def __init__(self, config: PoseTrainConfig) -> None:
        """Raises ConfigError, DataError."""
        self.renders = open_renders(config.data)
        self.test = open_renders(config.test) if config.test else None
        if self.test and self.test.config.cameras != self.renders.config.cameras:
            raise ConfigError(
                f"test: got {config.test}, allowed: renders of the cameras of {config.data}"
            )
        super().__init__(config, self.renders.config)

    def run(self, folder: Path, resume_at: int | None) -> None:
        """Train until the end or until Ctrl-C; saves in both cases."""
        metrics = MetricsFile(folder / "metrics.jsonl", resume_at)
        title = f"train {folder.name}"
        order = batches(
            self.renders,
            self.config.batch_size,
            self.config.shuffle_shards,
            self.config.seed,
            self.steps,
        )
        clocks = {"row": time.monotonic(), "test": time.monotonic(), "save": time.monotonic()}
        losses: list[float] = []
        last = self.samples_seen >= self.config.training_samples
        with (
            Interrupt() as stop,
            ProgressBar(title, self.config.training_samples, self.samples_seen, "samples") as bar,
        ):
            while self.samples_seen < self.config.training_samples and not stop():
                losses.append(self.step(next(order)))
                last = self.samples_seen >= self.config.training_samples or stop()
                if last or _due(clocks, "row", self.config.log_s):
                    test = last or _due(clocks, "test", self.config.evaluate_s)
                    row = self._row(losses, test)
                    metrics.write(row)
                    bar.update(self.samples_seen, _note(row))
                    losses = []
                if last or _due(clocks, "save", self.config.checkpoint_s):
                    self.save(folder, self.renders.config)
            if not last:  # stopped since it looked
                self.save(folder, self.renders.config)
        if stop():
            raise KeyboardInterrupt

    def _row(self, losses: list[float], test: bool) -> dict[str, Any]:
        row: dict[str, Any] = {"steps": self.samples_seen, "time": time.time()}
        row["loss"] = sum(losses) / max(len(losses), 1)
        row["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        if test and self.test:
            row["test"] = judge(NetReader(self.decoder, self.config.device), self.test).data()
            row["test"] = row["test"]["errors"]
            self.decoder.train()
        return row


def _due(clocks: dict[str, float], name: str, every_s: float) -> bool:
    now_s = time.monotonic()
    if now_s - clocks[name] < every_s:
        return False
    clocks[name] = now_s
    return True


def _note(row: dict[str, Any]) -> str:
    text = f"loss {row['loss']:.3f}"
    if "test" in row:
        moved, turned = row["test"]["position_mm"], row["test"]["rotation_deg"]
        text += f", test {moved['median']:.1f} mm, {turned['median']:.1f} deg"
    return text
