"""`demonstrations.json`: what the episodes of a folder have in common, and their files."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from ...config import Range, from_dict, to_dict
from ...contract.manifest import HandEntry
from ...envs.config import ControlConfig, EnvConfig
from ...envs.hands.hand_model import hand_of
from ...envs.make import resolve
from ...envs.sim.model_config import ModelConfig
from ...errors import ConfigError, DataError
from ...files import check_folder, read_json, write_json
from ..runs.versions import versions

FORMAT = 1
"""Version of the format."""
INDEX = "demonstrations.json"
Source = Literal["simulation", "rig", "lerobot"]
Count = Annotated[int, Range(1, 1e12)]


@dataclass(frozen=True)
class PicturesEntry:
    """The pictures of every step: one JPEG file of each camera."""

    px: Annotated[int, Range(1, 8192)]
    """Edge length of the square pictures."""
    cameras: tuple[str, ...]
    """Their names, in the order of the pictures of a step."""
    encoding: Literal["jpeg"] = "jpeg"


@dataclass(frozen=True)
class ShardEntry:
    """One file, and what it holds."""

    file: str
    episodes: Count
    steps: Count


@dataclass(frozen=True)
class DemonstrationsManifest:
    """The contents of `demonstrations.json`."""

    format: int
    id: str
    """Random; every shard repeats it, so that those of another data set are noticed."""
    source: Source
    teacher: str
    """Path of the run or the bundle that acted."""
    task: str
    object: str
    hand_model: str
    """`env.model.hand` of a training config."""
    hand: HandEntry
    control: ControlConfig
    """The action law: what an action does."""
    timestep_s: float
    """Time of a physics step; a control step has `control.substeps`."""
    period_s: float
    """Time between two control steps."""
    sensors: dict[str, tuple[int, ...]]
    """Sensor -> shape of one step, as the policy observed it."""
    truth: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """The same of the true state, of those sensors in which it differs."""
    std: bool = False
    """Whether labels have a standard deviation beside their mean."""
    rewards: bool = True
    """Whether steps have a reward."""
    pictures: PicturesEntry | None = None
    """None: steps have no pictures."""
    shards: tuple[ShardEntry, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def episodes(self) -> int:
        """Episodes in all shards."""
        return sum(shard.episodes for shard in self.shards)

    @property
    def steps(self) -> int:
        """Control steps in all shards."""
        return sum(shard.steps for shard in self.shards)

    @property
    def env(self) -> EnvConfig:
        """The parts of a training's environment that decide what an action does."""
        model = ModelConfig(hand=self.hand_model, object=self.object, timestep_s=self.timestep_s)
        return EnvConfig(task=self.task, model=model, control=self.control)

    def arrays(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Name of an array with one row per step -> dtype and shape of a row."""
        action = (len(self.hand.actuators),)
        return {
            **{f"sensors.{name}": ("float32", shape) for name, shape in self.sensors.items()},
            **{f"truth.{name}": ("float32", shape) for name, shape in self.truth.items()},
            "action": ("float32", action),
            "mean": ("float32", action),
            **({"std": ("float32", action)} if self.std else {}),
            **({"reward": ("float32", ())} if self.rewards else {}),
            "success": ("bool", ()),
        }


def describe(env: EnvConfig, source: Source, teacher: str, **fields: Any) -> DemonstrationsManifest:
    """The manifest of a new data set of episodes in `env`; fields: what it holds."""
    env = resolve(env)
    return DemonstrationsManifest(
        format=FORMAT,
        id=secrets.token_hex(8),
        source=source,
        teacher=teacher,
        task=env.task,
        object=env.model.object,
        hand_model=env.model.hand,
        hand=HandEntry.of(hand_of(env.model).spec),
        control=env.control,
        timestep_s=env.model.timestep_s,
        period_s=env.period_s,
        versions=versions(),
        **fields,
    )


def check_new(folder: Path, flag: str) -> None:
    """Raise SleightError unless `folder` is new or empty, and can be written into."""
    check_folder(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise ConfigError(f"{flag}: got {folder}, which is not empty, allowed: a new folder")


def write_manifest(folder: Path, manifest: DemonstrationsManifest) -> None:
    """Write `demonstrations.json`; its shards have to be there."""
    write_json(folder / INDEX, to_dict(manifest))


def read_manifest(folder: Path) -> DemonstrationsManifest:
    """Read `demonstrations.json`. Raises DataError with one line: file, field, got, allowed."""
    path = folder / INDEX
    manifest = parsed(read_json(path, DataError), path)
    for shard in manifest.shards:
        if Path(shard.file).name != shard.file:
            raise DataError(f"{path}: shards: got {shard.file!r:.60}, allowed: a file in {folder}")
    return manifest


def parsed(data: Any, path: Path) -> DemonstrationsManifest:
    """The manifest that the JSON of a file says. Raises DataError."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        got = data.get("format") if isinstance(data, dict) else type(data).__name__
        raise DataError(f"{path}: format: got {got!r:.40}, allowed: {FORMAT}")
    try:
        return from_dict(DemonstrationsManifest, data, str(path))
    except ConfigError as error:
        raise DataError(str(error)) from error


def with_shard(manifest: DemonstrationsManifest, shard: ShardEntry) -> DemonstrationsManifest:
    """The manifest with one more shard."""
    return replace(manifest, shards=(*manifest.shards, shard))
