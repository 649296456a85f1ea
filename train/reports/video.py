"""Records videos of a policy in real time, with the goal beside the hand."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imageio_ffmpeg
import numpy as np
import torch
from torch import Tensor

from ...envs.env import HandEnv, Observation
from ...envs.gym import draw
from ...envs.make import make_env
from ...envs.objects.object_spec import size_of
from ...envs.rendering.looks import GOAL_POSITION
from ...envs.rendering.renderer import HandRenderer, camera_for
from ...errors import ConfigError, SleightError
from ...files import atomic_path
from ...policies.actor import Actor, forget
from ..rollout.adr_source import AdrSource
from ..rollout.eyes import eyes_of
from .overlay import BAD, GOOD, QUIET, Flash, Words, write

if TYPE_CHECKING:
    from ..runs.training_loop import Training

Act = Callable[[Observation, Tensor], Tensor]
"""(observation, starts) -> actions (N, A); starts (N,) bool: worlds whose episode begins here."""

TRAINING_FILM_S = 20.0
"""Length of the videos that training records [s]."""
_FLASH_S = 0.7
_NARROW = 320
"""Width below which pictures have no room for every field of the bottom line [pixels]."""
_CRF = 27
"""Constant quality of x264: 20 s of 480 x 360 stay below 1 MB."""
FORMATS: dict[str, dict[str, Any]] = {
    ".mp4": {
        "codec": "libx264",
        "pix_fmt_out": "yuv420p",
        "output_params": ["-crf", str(_CRF), "-threads", "1", "-movflags", "+faststart"],
    },
    ".gif": {
        "codec": "gif",
        "pix_fmt_out": "pal8",
        "output_params": ["-filter_complex", "split[a][b];[a]palettegen[p];[b][p]paletteuse"],
    },
}
"""Suffix -> what the encoder is told; the colours of a GIF are chosen from its pictures."""
_LOW_MB = 10.0
"""With less free than this, the disk is what the encoder's failure is put down to."""


def record(
    env: HandEnv,
    act: Act,
    steps: int,
    path: str | Path,
    fps: float | None = None,
    worlds: Sequence[int] = (0,),
    width: int = 480,
    height: int = 360,
    every: int = 1,
) -> Path:
    """Reset `env`, act for `steps`, and write an MP4 (H.264) or a GIF of `worlds` in a grid.

    The file appears when it is whole. fps: None is real time. every: only each of so many steps is
    a picture, which makes the film as many times faster. Raises ConfigError for a world that
    is not there and for another format, SleightError when the machine cannot render or the file
    cannot be written.
    """
    check_format(Path(path))
    invalid = [world for world in worlds if not 0 <= world < env.num_envs]
    if invalid or not worlds or steps < 1:
        raise ConfigError(
            f"video: got worlds {list(worlds)} and {steps} steps,"
            f" allowed: one or more of worlds 0 to {env.num_envs - 1}, and at least one step"
        )
    columns = math.ceil(math.sqrt(len(worlds)))
    rows = math.ceil(len(worlds) / columns)
    tile = (_even(width / columns), _even(height / rows))
    camera = camera_for(env.task_spec)
    with HandRenderer(env.config.model, *tile, camera) as renderer:
        shots = [_Shot(env, world, renderer) for world in worlds]
        shape = (columns * tile[0], rows * tile[1])
        rate = fps or 1.0 / env.config.period_s
        with atomic_path(path) as temporary, _encoder(temporary, shape, rate, Path(path)) as encode:
            for number, _ in enumerate(_play(env, act, steps, shots)):
                if number % every:
                    continue
                encode(_grid([shot.picture() for shot in shots], columns, rows))
    return Path(path)


def actor_act(actor: Actor, count: int) -> Act:
    """The deterministic actions of an actor, with a memory for `count` worlds."""
    carry = actor.initial_carry(count)

    @torch.no_grad()
    def act(observation: Observation, starts: Tensor) -> Tensor:
        nonlocal carry
        distribution, carry = actor(observation["actor"], forget(carry, starts))
        return distribution.action(distribution.mode())

    return act


def checkpoint_video(training: Training, folder: Path) -> None:
    """Record the present actor in a world from the present ranges: videos/<steps>.mp4."""
    config = training.config
    # Without boundary episodes: they are the hardest worlds, not typical ones.
    config = replace(config, adr=replace(config.adr, boundary_probability=0.0))
    source = AdrSource(config, training.adr, seed=training.steps)
    one = replace(config.env, num_worlds=1, threads=1)
    eyes = eyes_of(config.cameras, one, training.steps)
    act = actor_act(training.agent.actor, 1)
    steps = round(TRAINING_FILM_S / config.env.period_s)
    with closing(make_env(one, training.steps, source, eyes=eyes)) as env:
        record(env, act, steps, folder / "videos" / f"{training.steps:012d}.mp4")


class _Shot:
    """The video of one world: its clock, its last event, and its present picture."""

    def __init__(self, env: HandEnv, world: int, renderer: HandRenderer) -> None:
        self._env, self._world, self._renderer = env, world, renderer
        self._clock_s = 0.0
        self._flash: Flash | None = None
        self._flash_ends_s = 0.0

    def note(self, info: dict[str, Any]) -> None:
        """Advance by one control step."""
        self._clock_s += self._env.config.period_s
        if self._clock_s > self._flash_ends_s:
            self._flash = None
        if info["success"][self._world]:
            self._show(Flash("success!", GOOD))
        for episode in info["episodes"]:
            if episode.world == self._world:
                how = "dropped" if episode.dropped else "over"
                text = f"{how} after {episode.successes}"
                self._show(Flash(text, BAD if episode.dropped else QUIET))

    def _show(self, flash: Flash) -> None:
        self._flash, self._flash_ends_s = flash, self._clock_s + _FLASH_S

    def picture(self) -> np.ndarray:
        """The present picture, uint8 (H, W, 3)."""
        env, world = self._env, self._world
        frame = draw(env, self._renderer, world)
        beside = env.task_spec.goal_beside
        label = ((env.task.picture(world).label, *self._below_goal()),) if beside else ()
        return write(frame, Words(self._line(), label, self._flash))

    def _line(self) -> tuple[str, ...]:
        env, world = self._env, self._world
        successes = int(env.successes[world])
        time_s, reached = f"{self._clock_s:.1f} s", f"reached {successes}"
        left = f"{env.task.remaining(world)} to go"
        if self._renderer.width < _NARROW:
            return time_s, reached, left
        return time_s, f"goal {successes + 1}", reached, left

    def _below_goal(self) -> tuple[float, float]:
        x, y, z = GOAL_POSITION
        edge = size_of(self._env.config.model)
        return self._renderer.pixel((x, y - 0.9 * edge, z - 0.9 * edge))


def _play(env: HandEnv, act: Act, steps: int, shots: list[_Shot]) -> Iterator[None]:
    """Yield once per picture: after the reset, and after each step except the last."""
    observation, _ = env.reset()
    starts = torch.ones(env.num_envs, dtype=torch.bool, device=env.device)
    yield
    for _ in range(steps - 1):
        observation, _, terminated, truncated, info = env.step(act(observation, starts))
        starts = terminated | truncated
        for shot in shots:
            shot.note(info)
        yield


def _grid(pictures: list[np.ndarray], columns: int, rows: int) -> np.ndarray:
    empty = np.full_like(pictures[0], 255)
    cells = [*pictures, *[empty] * (columns * rows - len(pictures))]
    lines = [np.hstack(cells[row * columns : (row + 1) * columns]) for row in range(rows)]
    return np.vstack(lines)


def _even(length: float) -> int:
    """The length as an even number, which H.264 with subsampled colour needs."""
    return 2 * max(8, round(length / 2))


@contextmanager
def _encoder(
    path: Path, size: tuple[int, int], fps: float, name: Path | None = None
) -> Iterator[Callable[[np.ndarray], None]]:
    """Yield a function that takes pictures. name: the file in messages, if `path` is temporary."""
    writer = imageio_ffmpeg.write_frames(
        str(path),
        size,
        fps=fps,
        quality=None,
        macro_block_size=2,
        ffmpeg_log_level="quiet",
        **FORMATS[path.suffix.lower()],
    )
    count = 0

    def encode(frame: np.ndarray) -> None:
        nonlocal count
        writer.send(np.ascontiguousarray(frame))
        count += 1

    try:
        writer.send(None)
        yield encode
        writer.close()
        _check(path, count)
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no ffmpeg
        free_mb = shutil.disk_usage(path.parent).free / 1e6
        why = f"{free_mb:.1f} MB are free on its disk" if free_mb < _LOW_MB else _line(error)
        raise SleightError(f"{name or path}: the video cannot be written; {why}") from error
    finally:
        writer.close()


def _line(error: BaseException) -> str:
    return f"the encoder failed: {' '.join(str(error).split())[:200]}"


def check_format(path: Path) -> None:
    """Raise ConfigError unless the suffix of a video names a format."""
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(f"video: got {path}, allowed: a name that ends in {' or '.join(FORMATS)}")


def _check(path: Path, count: int) -> None:
    """Raise OSError unless the file has `count` pictures: the encoder fails silently."""
    try:
        written, _ = imageio_ffmpeg.count_frames_and_secs(str(path))
    except RuntimeError as error:
        raise OSError(str(error)) from error
    if written != count:
        raise OSError(f"{written} of {count} pictures were written")
