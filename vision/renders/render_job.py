"""`sleight vision render`: shards of randomized pictures, each by a process of its own.

Mesa's software renderer was seen to crash once in tens of thousands of pictures, so a process makes
one shard and ends; one that dies or hangs is replaced, and its shard begun anew. A sample depends
on the seed and its own number alone, so that neither workers nor restarts change a pixel, and a job
that was stopped goes on where it was.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import mujoco
import numpy as np

from ... import __version__
from ...config import load, save
from ...envs.hands.shadow import SHADOW_RIGHT
from ...errors import ConfigError
from ...files import atomic_path
from ..config import RenderConfig
from .draws import FILE as DRAWS
from .draws import Draws, read_draws, write_draws
from .object_states import chosen, read_states, varied
from .random_looks import draw_views
from .render_crew import Crew, CrewOf, Report
from .render_parameters import scaled, with_ranges
from .shards import INDEX, Arrays, shard_path, write_index, write_shard
from .studio import Studio

CONFIG = "config.yaml"
STATES = "states.npy"


def render(
    config: RenderConfig,
    count: int,
    folder: Path,
    report: Report | None = None,
    draws: Draws | None = None,
    crew: CrewOf | None = None,
) -> Path:
    """Render samples until `folder` holds `count`; returns the folder. `report` is told how many.

    draws: what each sample is drawn with, in place of the config's ranges; `count` of them. crew:
    who renders; by default processes of this machine. Raises ConfigError when the folder holds
    renders of another config, SleightError when processes die again and again.
    """
    if count < 1:
        raise ConfigError(f"--count: got {count}, allowed: an integer >= 1")
    _claim(folder, config, draws)
    sizes = [min(config.shard_size, count - first) for first in range(0, count, config.shard_size)]
    (folder / INDEX).unlink(missing_ok=True)
    if not (folder / STATES).is_file():
        with atomic_path(folder / STATES) as temporary:
            np.save(temporary, chosen(config), allow_pickle=False)
    (crew or Processes)(config, folder, sizes).work(report or (lambda done: None))
    write_index(folder, config, sizes, {"sleight": __version__, "mujoco": mujoco.__version__})
    return folder


def _claim(folder: Path, config: RenderConfig, draws: Draws | None) -> None:
    """Make the folder this config's; a change of how the work is done is no other config."""
    path, drawn = folder / CONFIG, folder / DRAWS
    before = read_draws(drawn) if drawn.is_file() else None
    same = draws.same(before) if draws and before else draws is before
    if path.is_file() and not same:
        raise ConfigError(
            f"{folder}: got renders of other draws, allowed: the ones of {drawn}, or a new folder"
        )
    if path.is_file():
        found = load(RenderConfig, path)
        if _pictures(found) != _pictures(config):
            raise ConfigError(
                f"{folder}: got renders of another config, allowed: the one in {path}, or a new"
                " folder"
            )
    if draws:
        write_draws(drawn, draws)
    save(config, path)


def _pictures(config: RenderConfig) -> RenderConfig:
    blank = RenderConfig()
    return dataclasses.replace(
        config,
        workers=blank.workers,
        shard_timeout_s=blank.shard_timeout_s,
        restarts=blank.restarts,
    )


class Processes(Crew):
    """A process of this machine for each shard."""

    def __init__(self, config: RenderConfig, folder: Path, sizes: list[int]) -> None:
        super().__init__(config, folder, sizes)
        # Spawned: a forked child of a process with an OpenGL context hangs.
        self._context = multiprocessing.get_context("spawn")
        self._at_work: dict[int, tuple[BaseProcess, float]] = {}

    def room(self) -> bool:
        """See `Crew`."""
        return len(self._at_work) < self.config.workers

    def begin(self, index: int) -> None:
        """See `Crew`."""
        process = self._context.Process(
            target=_own_shard, args=(str(self.folder), index, self.sizes[index]), daemon=True
        )
        process.start()
        self._at_work[index] = (process, time.monotonic())

    def collect(self) -> tuple[list[int], dict[int, str]]:
        """See `Crew`."""
        made, lost = [], {}
        for index, (process, since_s) in list(self._at_work.items()):
            late = time.monotonic() - since_s > self.config.shard_timeout_s
            if process.is_alive() and not late:
                continue
            process.kill()
            process.join()
            del self._at_work[index]
            if self.made(index):
                made.append(index)
            else:
                lost[index] = "was too slow" if late else f"ended with {process.exitcode}"
        return made, lost

    def close(self) -> None:
        """See `Crew`."""
        for process, _ in self._at_work.values():
            process.kill()
            process.join()


def _own_shard(folder: str, index: int, size: int) -> None:
    # Ctrl-C reaches the whole group; the one who asked for the shard decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    render_shard(folder, index, size)


def render_shard(folder: str, index: int, size: int) -> None:
    """One shard, in the process of its own that `render` starts."""
    place = Path(folder)
    config = load(RenderConfig, place / CONFIG)
    states = read_states(place / STATES)
    draws = read_draws(place / DRAWS) if (place / DRAWS).is_file() else None
    first = index * config.shard_size
    with Studio(config.cameras, config.object_size_m) as studio:
        samples = [shoot(studio, config, states, first + i, draws) for i in range(size)]
    names = list(samples[0][1])
    arrays = {key: np.stack([sample[0][key] for sample in samples]) for key in samples[0][0]}
    arrays["drawn"] = np.array([list(s[1].values()) for s in samples], np.float32)
    arrays |= draws.rows(first, size) if draws else {}
    write_shard(shard_path(place, index), arrays, names)


def inputs(folder: Path) -> list[Path]:
    """The files of a folder of renders that its shards depend on."""
    return [path for name in (CONFIG, STATES, DRAWS) if (path := folder / name).is_file()]


def shoot(
    studio: Studio,
    config: RenderConfig,
    states: np.ndarray,
    number: int,
    draws: Draws | None = None,
) -> tuple[Arrays, dict[str, float]]:
    """Sample `number` of the config: its arrays without the leading n, and the numbers drawn."""
    rng = np.random.default_rng([config.seed, number])
    qpos = varied(states, studio.stage.object_qpos, config.states, rng)
    jitter, looks = with_ranges(*scaled(config), draws.sample(number) if draws else {})
    views = draw_views(config.cameras, jitter, rng)
    drawn = studio.dress(looks, rng)
    studio.stand(views)
    pose = qpos[studio.stage.object_qpos]
    wxyz = pose[3:] * (1.0 if pose[3] >= 0 else -1.0)
    arrays = {
        "images": studio.shoot(qpos),
        "position": pose[:3].astype(np.float32),
        "wxyz": wxyz.astype(np.float32),
        "joint_position": qpos[: len(SHADOW_RIGHT.joints)].astype(np.float32),
        "camera_position": np.array([at.position for at in views.told], np.float32),
        "camera_rotation": np.array([at.rotation for at in views.told], np.float32),
    }
    return arrays, drawn
