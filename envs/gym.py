"""Standard Gymnasium environments on numpy around `HandEnv`: one hand, or a vector of N hands.

Observations are the actor's terms, a Dict of float32 arrays; actions are Box(-1, 1), one per motor.
Keywords of `gymnasium.make` are fields of `EnvConfig`; `config=` sets all of them:

    gymnasium.make("sleight/Block-v0", goals=GoalConfig(flip_share=0.0))
    gymnasium.make_vec("sleight/Block-v0", num_envs=64, randomization={"object.mass": (0.5, 2.0)})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor

from ..config import field_names, from_dict, to_dict
from ..errors import ConfigError, nearest
from .config import EnvConfig, ResetConfig
from .env import HandEnv
from .make import make_env
from .reset_options import check_options, combined_seed, reset_mask

if TYPE_CHECKING:
    from .rendering.renderer import HandRenderer

Arrays = dict[str, np.ndarray]
"""Observation term -> (size,) or (N, size) float32."""

SMALL_CACHE = 64
"""Number of start states without a config: settling them takes about a second."""


def gym_config(
    task: str,
    num_worlds: int,
    config: EnvConfig | None,
    overrides: Mapping[str, Any],
) -> EnvConfig:
    """The config of a Gymnasium environment; `overrides` are dataclasses or plain data.

    Raises ConfigError for an unknown keyword and for a value that its field does not allow.
    """
    fields = dict.fromkeys(name.partition(".")[0] for name in field_names(EnvConfig))
    names = [name for name in fields if name not in ("task", "num_worlds")]
    for name in overrides:
        if name not in names:
            raise ConfigError(f"make: got unknown keyword '{name}', {nearest(name, names)}")
    base = config or EnvConfig(resets=ResetConfig(cache=SMALL_CACHE))
    values = {name: to_dict(value) for name, value in overrides.items()}
    return from_dict(
        EnvConfig, {**to_dict(base), **values, "task": task, "num_worlds": num_worlds}, "make"
    )


class SingleHand(gymnasium.Env[Arrays, np.ndarray]):
    """One hand at a task. `info` has success (bool), successes in the episode, reward_terms."""

    metadata: dict[str, Any] = {  # noqa: RUF012 (as Gymnasium declares it)
        "render_modes": ["rgb_array"],
        "render_fps": 12.5,
    }

    def __init__(
        self,
        task: str = "block",
        config: EnvConfig | None = None,
        render_mode: str | None = None,
        **overrides: Any,
    ) -> None:
        self.render_mode = _checked_mode(render_mode)
        # One world needs one thread.
        self.engine = make_env(gym_config(task, 1, config, {"threads": 1, **overrides}))
        self.engine.autoreset = False
        self.observation_space = _actor(self.engine.single_observation_space)
        self.action_space = self.engine.single_action_space
        self._seeded = False
        self._renderer: HandRenderer | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Arrays, dict[str, Any]]:
        """Raises ConfigError for options: there are none."""
        check_options(options)
        super().reset(seed=seed)
        fresh = seed is not None or not self._seeded
        self._seeded = True
        # Gymnasium's generator seeds the engine's, so every run without a seed differs.
        observation, _ = self.engine.reset(seed=_draw(self.np_random) if fresh else None)
        return _first(observation["actor"]), {}

    def step(self, action: np.ndarray) -> tuple[Arrays, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.engine.step(
            torch.as_tensor(action, dtype=torch.float32).unsqueeze(0)
        )
        step_info = {
            "success": bool(info["success"][0]),
            "successes": int(self.engine.successes[0]),
            "reward_terms": {name: float(term[0]) for name, term in info["reward_terms"].items()},
        }
        ended = bool(terminated[0]), bool(truncated[0])
        return _first(observation["actor"]), float(reward[0]), *ended, step_info

    def render(self) -> np.ndarray | None:
        """A picture (H, W, 3) uint8 of hand, object and goal; None without a render mode."""
        if self.render_mode is None:
            return None
        if self._renderer is None:
            self._renderer = _renderer(self.engine)
        return draw(self.engine, self._renderer, 0)

    def close(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None


class VectorHand(VectorEnv[Arrays, np.ndarray, np.ndarray]):
    """N hands stepped together on numpy; a world resets in the next step, as in Gymnasium.

    `info` has what `SingleHand` has, as arrays (N,), each with a mask `_name` of the worlds that
    it is of: not of one that started anew in this step.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "autoreset_mode": AutoresetMode.NEXT_STEP,
        "render_modes": ["rgb_array"],
        "render_fps": 12.5,
    }

    def __init__(
        self,
        num_envs: int = 1,
        task: str = "block",
        config: EnvConfig | None = None,
        render_mode: str | None = None,
        max_episode_steps: int | None = None,
        **overrides: Any,
    ) -> None:
        """max_episode_steps: an episode is truncated after so many steps."""
        self.render_mode = _checked_mode(render_mode)
        if max_episode_steps is not None and max_episode_steps < 1:
            got = f"make: max_episode_steps: got {max_episode_steps}"
            raise ConfigError(f"{got}, allowed: an integer >= 1, or None")
        self._limit = max_episode_steps
        self.engine = make_env(gym_config(task, int(num_envs), config, overrides))
        self.engine.autoreset = False
        self.num_envs = self.engine.num_envs
        self.single_observation_space = _actor(self.engine.single_observation_space)
        self.observation_space = _actor(self.engine.observation_space)
        self.single_action_space = self.engine.single_action_space
        self.action_space = self.engine.action_space
        self._seeded = False
        self._ended = torch.zeros(self.num_envs, dtype=torch.bool, device=self.engine.device)
        self._renderer: HandRenderer | None = None

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Arrays, dict[str, Any]]:
        """Reset every world, or those of the option `reset_mask`, (N,) bool.

        A sequence of seeds, one for each world, is combined into one, which the worlds share.
        Raises ConfigError for another option and for another number of seeds.
        """
        seed = combined_seed(seed, self.num_envs)
        mask = reset_mask(options, self.num_envs)
        if mask is not None and not self._seeded:
            raise ConfigError("reset: options: got reset_mask, allowed: after a reset of all")
        super().reset(seed=seed)
        fresh = seed is not None or not self._seeded
        self._seeded = True
        self._ended &= False if mask is None else ~torch.as_tensor(mask, device=self._ended.device)
        engine_seed = _draw(self.np_random) if fresh else None
        observation, _ = self.engine.reset(seed=engine_seed, options=options)
        return _arrays(observation["actor"]), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[Arrays, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.engine.step(
            torch.as_tensor(actions)
        )
        if self._limit is not None:
            truncated |= (self.engine.length >= self._limit) & ~terminated
        success, rows = info["success"], [reward, terminated, truncated, info["success"]]
        rows += info["reward_terms"].values()
        stepped = ~self._ended
        if self._ended.any():
            worlds = self._ended.nonzero().squeeze(-1)
            for name, first in self.engine.restart(worlds)["actor"].items():
                observation["actor"][name][worlds] = first
            for row in rows:
                row[worlds] = 0
        self._ended = terminated | truncated
        of = stepped.cpu().numpy()
        values = {"success": success, "successes": self.engine.successes}
        step_info: dict[str, Any] = _masked(_arrays(values), of)
        step_info |= {"reward_terms": _masked(_arrays(info["reward_terms"]), of)}
        step_info["_reward_terms"] = of.copy()
        ended = terminated.cpu().numpy(), truncated.cpu().numpy()
        return _arrays(observation["actor"]), reward.double().cpu().numpy(), *ended, step_info

    def render(self) -> tuple[np.ndarray, ...] | None:
        """A picture (H, W, 3) uint8 of each world; None without a render mode."""
        if self.render_mode is None:
            return None
        if self._renderer is None:
            self._renderer = _renderer(self.engine)
        return tuple(draw(self.engine, self._renderer, world) for world in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """Free the graphics context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None


def _masked(values: Arrays, of: np.ndarray) -> dict[str, Any]:
    """Values with Gymnasium's masks; copies, because the engine goes on in the same memory."""
    copies = {name: value.copy() for name, value in values.items()}
    return {**copies, **{f"_{name}": of.copy() for name in values}}


def _checked_mode(render_mode: str | None) -> str | None:
    if render_mode not in (None, "rgb_array"):
        raise ConfigError(f"make: render_mode: got {render_mode}, allowed: rgb_array or None")
    return render_mode


def draw(env: HandEnv, renderer: HandRenderer, world: int) -> np.ndarray:
    """A picture (H, W, 3) uint8 of the state of one world, with its goal."""
    qpos = env.sim.state("qpos")[world].cpu().numpy()
    return renderer.frame(qpos, env.task.picture(world), size_scale(env, world))


def size_scale(env: HandEnv, world: int) -> float:
    """Size of the object in one world, relative to the nominal size."""
    sim = env.sim
    if "geom_size" not in sim.fields():
        return 1.0
    geom = sim.layout.object_geoms[0]
    return float(sim.field("geom_size")[world, geom, 0] / sim.model.geom_size[geom, 0])


def _renderer(env: HandEnv) -> HandRenderer:
    from .rendering.renderer import HandRenderer, camera_for

    return HandRenderer(env.config.model, camera=camera_for(env.task_spec))


def _actor(space: gymnasium.Space[Any]) -> gymnasium.Space[Any]:
    assert isinstance(space, gymnasium.spaces.Dict)
    return space["actor"]


def _draw(generator: np.random.Generator) -> int:
    return int(generator.integers(2**63 - 1))


def _arrays(terms: Mapping[str, Tensor]) -> Arrays:
    return {name: value.cpu().numpy() for name, value in terms.items()}


def _first(terms: Mapping[str, Tensor]) -> Arrays:
    return {name: value[0].cpu().numpy() for name, value in terms.items()}
