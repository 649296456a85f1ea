"""Shared parts of both trainings of a pose network: network, training step, checkpoints."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from ...config import from_dict, to_dict
from ...envs.hands.shadow import SHADOW_RIGHT
from ...errors import ConfigError
from ...vision.config import RenderConfig
from ...vision.decoders import Batch, PoseDecoder
from ...vision.keypoint_decoder import KeypointDecoder, Scene
from ...vision.photo import Photo
from ...vision.renders.object_states import keypoints_in
from ..runs import checkpoint
from ..runs.versions import versions
from .config import PoseTrainConfig

WARM_UP = 0.1
"""Fraction of training in which the learning rate rises."""


def load_pose_run(path: Path) -> tuple[PoseTrainConfig, PoseDecoder, RenderConfig]:
    """A run's config, its newest network, and the config of the renders that it was trained on.

    The renders themselves are not needed. Raises CheckpointError.
    """
    saved = checkpoint.load(path, state=False)
    config = from_dict(PoseTrainConfig, saved.meta["config"], f"{path}: config")
    renders = from_dict(RenderConfig, saved.meta.get("renders"), f"{path}: renders")
    decoder = build_decoder(config, renders)
    checkpoint.load_module("pose", decoder, saved.weights, str(path))
    return config, decoder.eval(), renders


def build_decoder(config: PoseTrainConfig, renders: RenderConfig) -> PoseDecoder:
    """The untrained network and decoder for such renders."""
    hand = SHADOW_RIGHT
    scene = Scene(
        renders.cameras,
        keypoints_in(renders),
        hand.landmarks,
        tuple(hand.joints.index(hinge.joint) for hinge in hand.landmarks.hinges),
    )
    return KeypointDecoder(config.keypoints, config.augment, scene)


class Learner:
    """A network in training."""

    def __init__(self, config: PoseTrainConfig, renders: RenderConfig) -> None:
        """Raises ConfigError."""
        if config.device == "cuda" and not torch.cuda.is_available():
            raise ConfigError("device: got cuda, which torch cannot use here, allowed: cpu")
        self.config = config
        torch.manual_seed(config.seed)
        self.decoder = build_decoder(config, renders).to(config.device)
        self.optimizer = torch.optim.AdamW(
            self.decoder.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )
        self.photo = Photo(config.photo)
        self.samples_seen = self.steps = 0

    def step(self, batch: Batch) -> float:
        """One training step on a batch; returns the loss."""
        noise = torch.Generator().manual_seed(1_000_003 * self.config.seed + self.steps)
        inputs = {name: values.to(self.config.device) for name, values in batch.items()}
        loss = self.decoder.loss(inputs, self.photo, noise)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * self._schedule()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.decoder.parameters(), 1.0)
        self.optimizer.step()
        self.steps += 1
        self.samples_seen += len(batch["position"])
        return float(loss.detach())

    def save(self, folder: Path, renders: RenderConfig, **more: Any) -> None:
        """Write a checkpoint of a run; `more` is added to its metadata."""
        weights = checkpoint.module_tensors("pose", self.decoder.cpu())
        self.decoder.to(self.config.device)
        meta = {
            "steps": self.samples_seen,
            "batches": self.steps,
            "config": to_dict(self.config),
            "renders": to_dict(renders),
            "versions": versions(),
            "adr": {},
            **more,
        }
        state = {name: value.cpu() for name, value in checkpoint.moments_of(self.optimizer).items()}
        checkpoint.save(folder / "checkpoints", checkpoint.Checkpoint(weights, state, meta))

    def restore(self, folder: Path) -> dict[str, Any]:
        """Continue from the newest checkpoint; returns its metadata. Raises CheckpointError."""
        saved = checkpoint.load(folder)
        with checkpoint.understood(str(folder)):
            checkpoint.load_module("pose", self.decoder, saved.weights, str(folder))
            checkpoint.load_moments(self.optimizer, saved.state)
            self.samples_seen, self.steps = saved.meta["steps"], saved.meta["batches"]
        return saved.meta

    def _schedule(self) -> float:
        """Factor on the learning rate: warm-up, then a cosine (Smith 2018, one cycle)."""
        done = self.samples_seen / self.config.training_samples
        if done < WARM_UP:
            return 0.04 + 0.96 * done / WARM_UP
        return 0.5 + 0.5 * math.cos(math.pi * min((done - WARM_UP) / (1 - WARM_UP), 1.0)) + 1e-4
