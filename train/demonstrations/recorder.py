"""Records the trials of an evaluation as demonstrations."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...envs.env import HandEnv
from ...envs.mdp.observations import CAMERA_IMAGES
from ..rollout.players import Player
from .manifest import DemonstrationsManifest, PicturesEntry, describe
from .pictures import encoded
from .shards import Arrays, Demonstration, DemonstrationWriter

LEFT_OUT = ("world", CAMERA_IMAGES.name)
"""Sensors that are not recorded as such: `world` depends on which parameters vary in a run."""


@dataclass
class Episode:
    """One that is running: a row of numbers and the pictures of every step."""

    rows: list[np.ndarray]
    pictures: list[bytes]


class Recorder:
    """Writes the first episode of each of N worlds; see `evaluation.first_episodes`."""

    def __init__(self, folder: Path) -> None:
        """folder: new or empty."""
        self._folder = folder
        self._writer: DemonstrationWriter | None = None
        self._columns: list[tuple[str, tuple[int, ...]]] = []
        self._running: list[Episode] = []
        self._before = np.zeros((0, 0), np.float32)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *error: object) -> None:
        if self._writer is not None:
            self._writer.__exit__(*error)  # type: ignore[arg-type]  # as they came

    def chose(self, player: Player, env: HandEnv, action: Tensor, counts: Tensor) -> None:
        """Before a step: what the player has seen and chosen; counts: (N,) bool."""
        mean, std = player.label()
        if self._writer is None:
            self._begin(player, env, std is not None)
        values = {
            "action": action.clamp(-1.0, 1.0),
            "mean": mean,
            **({} if std is None else {"std": std}),
            **{f"sensors.{name}": value for name, value in env.actor_sensors.items()},
            **{f"truth.{name}": value for name, value in env.true_sensors.items()},
        }
        parts = [values[name].reshape(len(counts), -1).float() for name, _ in self._columns]
        self._before = torch.cat(parts, dim=1).cpu().numpy()
        seen = env.eyes.pictures() if env.eyes is not None else None
        if seen is not None:
            for world in counts.nonzero().squeeze(-1).tolist():
                self._running[world].pictures += [encoded(picture) for picture in seen[world]]

    def got(
        self, reward: Tensor, success: Tensor, terminated: Tensor, ended: Tensor, counts: Tensor
    ) -> None:
        """After the step, (N,) each. Episodes that have ended go to the writer."""
        assert self._writer is not None
        results = torch.stack((reward, success.float()), dim=1).cpu().numpy()
        for world in counts.nonzero().squeeze(-1).tolist():
            episode = self._running[world]
            episode.rows.append(np.concatenate((self._before[world], results[world])))
            if ended[world]:
                arrays = self._split(np.stack(episode.rows))
                failed = bool(terminated[world])
                self._writer.add(Demonstration(arrays, failed, episode.pictures))
                self._running[world] = Episode([], [])

    def _begin(self, player: Player, env: HandEnv, std: bool) -> None:
        manifest = manifest_of(env, player.name, std)
        self._columns = [
            (name, shape)
            for name, (_, shape) in manifest.arrays().items()
            if name not in ("reward", "success")
        ]
        self._running = [Episode([], []) for _ in range(env.num_envs)]
        self._writer = DemonstrationWriter(self._folder, manifest)
        self._writer.__enter__()

    def _split(self, rows: np.ndarray) -> Arrays:
        """(T, columns) -> name -> (T, *shape)."""
        columns = [*self._columns, ("reward", ()), ("success", ())]
        ends = np.cumsum([prod(shape) for _, shape in columns])[:-1]
        parts = np.split(rows, ends, axis=1)
        arrays = {
            name: part.reshape(len(rows), *shape)
            for (name, shape), part in zip(columns, parts, strict=True)
        }
        return {**arrays, "success": arrays["success"] > 0}


def manifest_of(env: HandEnv, teacher: str, std: bool) -> DemonstrationsManifest:
    """The manifest of episodes in `env`, whose worlds have been observed."""
    seen, true = env.actor_sensors, env.true_sensors
    names = [n for n, value in seen.items() if n not in LEFT_OUT and value[0].numel()]
    differ = [n for n in names if n in true and true[n] is not seen[n]]
    pictures = None
    if env.eyes is not None and (images := env.eyes.pictures()) is not None:
        pictures = PicturesEntry(images.shape[2], env.eyes.views)
    return describe(
        env.config,
        "simulation",
        teacher,
        sensors={name: tuple(seen[name].shape[1:]) for name in names},
        truth={name: tuple(true[name].shape[1:]) for name in differ},
        std=std,
        pictures=pictures,
    )
