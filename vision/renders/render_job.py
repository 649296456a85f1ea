"""`sleight vision render`: renders shards of randomized images, each in its own process.

Mesa's software renderer crashes about once in tens of thousands of images. Therefore a process
renders one shard and ends; if it dies or hangs, another one restarts the shard. A sample depends
only on the seed and its number, so that workers and restarts do not change the images, and an
interrupted job resumes.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import signal
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import mujoco
import numpy as np

from ... import __version__
from ...config import load, save
from ...envs.hands.shadow import SHADOW_RIGHT
from ...errors import ConfigError, SleightError
from ...files import atomic_path
from ...stop_signals import children_outlive_hang_ups
from ..config import RenderConfig
from .object_states import arranged, chosen, keypoints_in, read_states, shown_in, varied
from .random_looks import draw_views
from .render_crew import Crew, CrewOf, Report
from .render_parameters import with_ranges
from .render_values import FILE as VALUES
from .render_values import RenderValues, read_values, write_values
from .scene import Stage
from .shards import INDEX, LAYERS, Arrays, shard_path, write_index, write_shard
from .studio import Studio

CONFIG = "config.yaml"
STATES = "states.npy"


def render(
    config: RenderConfig,
    count: int,
    folder: Path,
    report: Report | None = None,
    draws: RenderValues | None = None,
    crew: CrewOf | None = None,
) -> Path:
    """Render until `folder` has `count` samples; returns the folder. `report` gets the progress.

    draws: parameters of the `count` samples, in place of the config's ranges. crew: who renders; by
    default processes on this machine. Raises ConfigError if the folder has renders of another
    config, SleightError if too many processes die.
    """
    if count < 1:
        raise ConfigError(f"--count: got {count}, allowed: an integer >= 1")
    keypoints_in(config)  # labels need them
    _claim(folder, config, draws)
    sizes = [min(config.shard_size, count - first) for first in range(0, count, config.shard_size)]
    (folder / INDEX).unlink(missing_ok=True)
    if not (folder / STATES).is_file():
        with atomic_path(folder / STATES) as temporary:
            np.save(temporary, chosen(config), allow_pickle=False)
    (crew or Processes)(config, folder, sizes).work(report or (lambda done: None))
    write_index(folder, config, sizes, {"sleight": __version__, "mujoco": mujoco.__version__})
    return folder


def _claim(folder: Path, config: RenderConfig, draws: RenderValues | None) -> None:
    """Assign the folder to this config; options of the process pool may differ."""
    path, drawn = folder / CONFIG, folder / VALUES
    before = read_values(drawn) if drawn.is_file() else None
    same = draws.same(before) if draws and before else draws is before
    if path.is_file() and not same:
        raise ConfigError(
            f"{folder}: got renders of other draws, allowed: the ones of {drawn}, or a new folder"
        )
    if path.is_file():
        previous = load(RenderConfig, path)
        if _without_pool(previous) != _without_pool(config):
            raise ConfigError(
                f"{folder}: got renders of another config, allowed: the one in {path}, or a new"
                " folder"
            )
    if draws:
        write_values(drawn, draws)
    save(config, path)


def _without_pool(config: RenderConfig) -> RenderConfig:
    """The config with default options of the process pool."""
    default = RenderConfig()
    return dataclasses.replace(
        config,
        workers=default.workers,
        shard_timeout_s=default.shard_timeout_s,
        restarts=default.restarts,
    )


class Processes(Crew):
    """Renders each shard in a process on this machine."""

    def __init__(self, config: RenderConfig, folder: Path, sizes: list[int]) -> None:
        super().__init__(config, folder, sizes)
        # Spawned: a forked child of a process with an OpenGL context hangs.
        self._context = multiprocessing.get_context("spawn")
        self._at_work: dict[int, tuple[BaseProcess, float]] = {}
        self._said: dict[int, Connection] = {}

    def room(self) -> bool:
        """See `Crew`."""
        return len(self._at_work) < self.config.workers

    def begin(self, index: int) -> None:
        """See `Crew`."""
        self._said[index], theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=_own_shard,
            args=(str(self.folder), index, self.sizes[index], theirs),
            daemon=True,
        )
        with children_outlive_hang_ups():
            process.start()
        theirs.close()
        self._at_work[index] = (process, time.monotonic())

    def collect(self) -> tuple[list[int], dict[int, str]]:
        """See `Crew`. Raises SleightError with what a process said, which would come again."""
        made, lost = [], {}
        for index, (process, since_s) in list(self._at_work.items()):
            late = time.monotonic() - since_s > self.config.shard_timeout_s
            if process.is_alive() and not late:
                continue
            process.kill()
            process.join()
            del self._at_work[index]
            with self._said.pop(index) as said, suppress(EOFError):
                if said.poll():
                    raise SleightError(said.recv_bytes().decode())
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


def _own_shard(folder: str, index: int, size: int, say: Connection) -> None:
    # Ctrl-C reaches the whole process group; only the parent handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        render_shard(folder, index, size)
    except SleightError as error:
        say.send_bytes(str(error).encode())


def render_shard(folder: str, index: int, size: int) -> None:
    """Render one shard, in a process that `render` has started."""
    path = Path(folder)
    config = load(RenderConfig, path / CONFIG)
    states = read_states(path / STATES)
    draws = read_values(path / VALUES) if (path / VALUES).is_file() else None
    first = index * config.shard_size
    with open_studio(config) as studio:
        samples = [shoot(studio, config, states, first + i, draws) for i in range(size)]
    names = list(samples[0][1])
    arrays = {key: np.stack([sample[0][key] for sample in samples]) for key in samples[0][0]}
    arrays["drawn"] = np.array([list(s[1].values()) for s in samples], np.float32)
    arrays |= draws.rows(first, size) if draws else {}
    write_shard(shard_path(path, index), arrays, names)


def open_studio(config: RenderConfig) -> Studio:
    """The studio of a job, for images before they are averaged. Raises SleightError."""
    fine_px = config.cameras.image_px * config.supersample
    kind: type[Studio] = Studio
    if config.renderer == "filament":
        # Imported here: it loads MuJoCo's Vulkan renderer.
        from .filament_studio import FilamentStudio as kind
    return kind(config.cameras, shown_in(config), (fine_px, fine_px))


def inputs(folder: Path) -> list[Path]:
    """The files in a folder of renders that its shards depend on."""
    return [path for name in (CONFIG, STATES, VALUES) if (path := folder / name).is_file()]


def averaged(images: np.ndarray, factor: int) -> np.ndarray:
    """Average squares of `factor` pixels: uint8 (V, H, W, 3) -> (V, H / factor, W / factor, 3)."""
    if factor == 1:
        return images
    # Integer sums of strided views: `mean` over two axes costs a third of a render.
    rows = [images[:, row::factor, column::factor] for row, column in np.ndindex(factor, factor)]
    total = rows[0].astype(np.uint16)
    for row in rows[1:]:
        total += row
    area = factor * factor
    return ((2 * total + area) // (2 * area)).astype(np.uint8)


def state_of(
    config: RenderConfig, stage: Stage, states: np.ndarray, number: int
) -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    """Sample `number`: the generator of what follows, qpos (nq,), and angles of layers (J,)."""
    rng = np.random.default_rng([config.seed, number])
    held = stage.object_qpos
    state = varied(states, held, config.states, rng)
    parts, layers = arranged(shown_in(config), stage.model.nq - held.stop, rng)
    return rng, np.concatenate((state, parts)), layers


def shoot(
    studio: Studio,
    config: RenderConfig,
    states: np.ndarray,
    number: int,
    draws: RenderValues | None = None,
) -> tuple[Arrays, dict[str, float]]:
    """Render sample `number`: its arrays without the leading n, and the drawn values."""
    held = studio.stage.object_qpos
    rng, qpos, layers = state_of(config, studio.stage, states, number)
    state = qpos[: held.stop]
    jitter, looks = with_ranges(*config.scaled(), draws.sample(number) if draws else {})
    views = draw_views(config.cameras, jitter, rng)
    drawn = studio.dress(looks, rng)
    studio.stand(views)
    pose = state[held]
    wxyz = pose[3:] * (1.0 if pose[3] >= 0 else -1.0)
    arrays = {
        "images": averaged(studio.shoot(qpos), config.supersample),
        "position": pose[:3].astype(np.float32),
        "wxyz": wxyz.astype(np.float32),
        "joint_position": state[: len(SHADOW_RIGHT.joints)].astype(np.float32),
        "camera_position": np.array([at.position for at in views.calibrated], np.float32),
        "camera_rotation": np.array([at.rotation for at in views.calibrated], np.float32),
        "true_position": np.array([at.position for at in views.true], np.float32),
        "true_rotation": np.array([at.rotation for at in views.true], np.float32),
        "true_fovy_deg": views.fovy_deg.astype(np.float32),
    }
    if len(layers):
        arrays[LAYERS] = layers.astype(np.float32)
    return arrays, drawn
