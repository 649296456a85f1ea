"""The training loop of the pose network: start, resume, checkpoints, metrics."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...config import from_dict, load, save, to_dict
from ...envs.rotations import to_columns
from ...errors import ConfigError
from ...vision.config import CamerasConfig, RenderConfig
from ...vision.net import PoseNet, orthonormal, pose_loss
from ...vision.photo import Photo
from ...vision.shards import open_renders
from .. import checkpoint
from ..interrupt import Interrupt
from ..lock import FolderLock
from ..metrics import MetricsFile
from ..progress import ProgressBar
from ..session import check_new, versions
from .config import PoseTrainConfig
from .data import Batch, batches
from .evaluate import NetReader, judge

WARM_UP = 0.1
"""Share of the visits during which the learning rate rises."""


def start(config: PoseTrainConfig) -> Path:
    """A new run; returns its folder. Raises ConfigError, DataError."""
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
    """Go on from the newest checkpoint. Raises ConfigError, CheckpointError."""
    config = load(PoseTrainConfig, folder / "config.yaml", overrides)
    with FolderLock(folder):
        trainer = Trainer(config)
        trainer.restore(folder)
        save(config, folder / "config.yaml")
        trainer.run(folder, trainer.visits)
    return folder


def load_pose_run(path: Path) -> tuple[PoseTrainConfig, PoseNet, RenderConfig]:
    """A run's config, its newest network, and the config of what it learned from.

    The renders themselves need not be there. Raises CheckpointError.
    """
    found = checkpoint.load(path, state=False)
    config = from_dict(PoseTrainConfig, found.meta["config"], f"{path}: config")
    renders = from_dict(RenderConfig, found.meta.get("renders"), f"{path}: renders")
    net = build_net(config, renders.cameras)
    checkpoint.load_module("pose", net, found.weights, str(path))
    return config, net.eval(), renders


def build_net(config: PoseTrainConfig, cameras: CamerasConfig) -> PoseNet:
    """The network for a nominal rig."""
    distances = [math.dist(view.position_m, view.target_m) for view in cameras.views.values()]
    return PoseNet(config.net, cameras.image_px, tuple(distances))


class Trainer:
    """The state of one training."""

    def __init__(self, config: PoseTrainConfig) -> None:
        """Raises ConfigError, DataError."""
        if config.device == "cuda" and not torch.cuda.is_available():
            raise ConfigError("device: got cuda, which torch does not see here, allowed: cpu")
        self.config = config
        self.renders = open_renders(config.data)
        self.test = open_renders(config.test) if config.test else None
        if self.test and self.test.config.cameras != self.renders.config.cameras:
            raise ConfigError(
                f"test: got {config.test}, allowed: renders of the cameras of {config.data}"
            )
        torch.manual_seed(config.seed)
        self.net = build_net(config, self.renders.config.cameras).to(config.device)
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), config.rate, weight_decay=config.weight_decay
        )
        self.photo = Photo(config.photo)
        self.visits = self.steps = 0

    def step(self, batch: Batch) -> float:
        """One step on a batch; returns the loss."""
        noise = torch.Generator().manual_seed(1_000_003 * self.config.seed + self.steps)
        here = {name: values.to(self.config.device) for name, values in batch.items()}
        images = self.photo(here["images"], noise)
        guess = self.net(images, here["camera_position"], here["camera_rotation"])
        loss = pose_loss(guess, here["position"], matrices(here["wxyz"]))
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.rate * self._schedule()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.steps += 1
        self.visits += len(batch["position"])
        return float(loss.detach())

    def run(self, folder: Path, resume_at: int | None) -> None:
        """To the end of the visits, or to Ctrl-C; saves either way."""
        metrics = MetricsFile(folder / "metrics.jsonl", resume_at)
        title = f"train {folder.name}"
        order = batches(
            self.renders, self.config.batch, self.config.mix, self.config.seed, self.steps
        )
        clocks = {"row": time.monotonic(), "test": time.monotonic(), "save": time.monotonic()}
        losses: list[float] = []
        with (
            Interrupt() as stop,
            ProgressBar(title, self.config.visits, self.visits, "samples") as bar,
        ):
            while self.visits < self.config.visits and not stop():
                losses.append(self.step(next(order)))
                last = self.visits >= self.config.visits or stop()
                if last or _due(clocks, "row", self.config.row_s):
                    test = last or _due(clocks, "test", self.config.test_s)
                    row = self._row(losses, test)
                    metrics.write(row)
                    bar.update(self.visits, _note(row))
                    losses = []
                if last or _due(clocks, "save", self.config.checkpoint_s):
                    self.save(folder)
        if stop():
            raise KeyboardInterrupt

    def save(self, folder: Path) -> None:
        """Write a checkpoint."""
        weights = checkpoint.module_tensors("pose", self.net.cpu())
        self.net.to(self.config.device)
        meta = {
            "steps": self.visits,
            "batches": self.steps,
            "config": to_dict(self.config),
            "renders": to_dict(self.renders.config),
            "adr": {},
            "versions": versions(),
        }
        state = {name: value.cpu() for name, value in checkpoint.moments_of(self.optimizer).items()}
        found = checkpoint.Checkpoint(weights, state, meta)
        checkpoint.save(folder / "checkpoints", found)

    def restore(self, folder: Path) -> None:
        """Continue from the newest checkpoint. Raises CheckpointError."""
        found = checkpoint.load(folder)
        checkpoint.load_module("pose", self.net, found.weights, str(folder))
        checkpoint.load_moments(self.optimizer, found.state)
        self.visits, self.steps = found.meta["steps"], found.meta["batches"]

    def _schedule(self) -> float:
        """Factor on the learning rate: a rise, then a cosine (Smith 2018, one cycle)."""
        done = self.visits / self.config.visits
        if done < WARM_UP:
            return 0.04 + 0.96 * done / WARM_UP
        return 0.5 + 0.5 * math.cos(math.pi * min((done - WARM_UP) / (1 - WARM_UP), 1.0)) + 1e-4

    def _row(self, losses: list[float], test: bool) -> dict[str, Any]:
        row: dict[str, Any] = {"steps": self.visits, "time": time.time()}
        row["loss"] = sum(losses) / max(len(losses), 1)
        row["rate"] = self.optimizer.param_groups[0]["lr"]
        if test and self.test:
            reader = NetReader(self.net, self.config.device)
            row["test"] = judge(reader, self.test).errors.table()
            self.net.train()
        return row


def matrices(wxyz: Tensor) -> Tensor:
    """Quaternions (B, 4) -> rotation matrices (B, 3, 3)."""
    # Two columns, each after the other, make the matrix as the network's own do.
    return orthonormal(to_columns(wxyz).unflatten(-1, (2, 3)).transpose(-1, -2))


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
