"""What `sleight eval --record` asks for: checked before the work, and opened for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...config import load
from ...envs.config import EnvConfig
from ...errors import ConfigError
from ...vision.config import ImagesConfig
from ...vision.live.image_eyes import ImageEyes
from ..config import TrainConfig
from ..rollout.eyes import image_eyes, sees
from ..rollout.players import Player
from .manifest import check_new
from .recorder import Recorder


@dataclass(frozen=True)
class Recording:
    """Where demonstrations go, and the cameras that look on while they are recorded."""

    folder: Path | None = None
    """None: nothing is recorded."""
    cameras: ImagesConfig | None = None
    """None: no pictures but those that the player looks at itself."""

    def check(self, pose: str, player: Player, plan: Mapping[str, str]) -> None:
        """Raise ConfigError for trials that cannot be recorded."""
        if self.folder is None:
            if self.cameras is not None:
                raise ConfigError("--record_cameras: got it alone, allowed: with --record")
            return
        if plan or pose == "both":
            got = f"--{next(iter(plan))}" if plan else "--pose both"
            raise ConfigError(f"--record: got {got}, allowed: without it")
        if self.cameras is not None and (pose != "true" or sees(player.env_config)):
            got = f"--pose {pose}" if pose != "true" else f"{player.name}, which sees"
            raise ConfigError(
                f"--record_cameras: got {got}, allowed: a policy that observes no pictures"
            )
        check_new(self.folder, "--record")

    @contextmanager
    def recorder(self) -> Iterator[Recorder | None]:
        """What records the trials; it writes the last shard at its end."""
        if self.folder is None:
            yield None
            return
        with Recorder(self.folder) as recorder:
            yield recorder

    def eyes(self, env: EnvConfig, seed: int) -> ImageEyes | None:
        """The cameras that look on. Raises the errors of `image_eyes`."""
        if self.cameras is None:
            return None
        return image_eyes(self.cameras, env, seed, "--record_cameras")


def recording_of(folder: Path | None, config: Path | None) -> Recording:
    """config: of a training, whose block `cameras` says what the pictures are of."""
    cameras = load(TrainConfig, config, []).cameras if config is not None else None
    return Recording(folder, cameras)
