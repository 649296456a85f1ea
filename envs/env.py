"""`HandEnv`: N hands at a task, as one `gymnasium.vector.VectorEnv` on tensors."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import gymnasium
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor

from ..contract.hand_spec import HandSpec
from .config import EnvConfig
from .episode import Episode, finished
from .mdp import observations
from .mdp.control import MAX_DELAY, Control
from .mdp.eyes import Eyes
from .mdp.observations import Sensors, sizes_of
from .mdp.rewards import RewardTable, Step
from .mdp.sensor_noise import PoseMemory, SensorNoise, noise_sizes
from .mdp.spaces import observation_space
from .objects.object_spec import object_of
from .one_thread import one_thread
from .randomization.disturbances import disturbances_of
from .randomization.randomizer import Randomizer
from .randomization.world_source import Draw, FixedRanges, Reseedable, Values, WorldSource
from .reset_options import masked_worlds, merged
from .sim.draws import Draws
from .sim.failures import dump_failures
from .sim.sim import Sim
from .tasks.task import Outcome, Task, task_of

Observation = dict[str, dict[str, Tensor]]
"""Group ("actor", "critic", and additional groups) -> term -> (N, size) float32."""


class HandEnv(VectorEnv):
    """Actions (N, A) in [-1, 1] -> observations, reward, terminated, truncated, each (N,), info.

    A world that ends is reset within the same step; `info["final"]` then holds the last observation
    of the truncated worlds `info["truncated_worlds"]` (K,), and `info["episodes"]` the finished
    episodes.
    Termination is a drop, failed physics or an action that is not a number. The time limit of a
    goal and the cap on successes are truncations: the policy observes neither, so the value of the
    last state still counts.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 (as Gymnasium declares it)
        "autoreset_mode": AutoresetMode.SAME_STEP,
        "render_modes": [],
    }

    def __init__(
        self,
        config: EnvConfig,
        hand: HandSpec,
        sim: Sim,
        task: Task,
        rng: Draws,
        source: WorldSource | None = None,
        failures: Path | None = None,
        groups: Mapping[str, Sequence[str]] | None = None,
        eyes: Eyes | None = None,
    ) -> None:
        """groups: more groups of terms, of the true state; eyes: give sensors of the actor."""
        self.config, self.sim, self.task, self.rng = config, sim, task, rng
        self.num_envs = n = sim.num_worlds
        self.hand, self.device = hand, sim.device
        self.task_spec = task_of(config)
        self.source: WorldSource = source or FixedRanges(config.randomization, 0)
        names = self.source.names
        self._acting = acting = frozenset((*names, *config.nominal))
        self.disturbances = disturbances_of(config, self.hand, sim, acting, rng)
        self.control = Control(
            config.control, self.hand, sim, config.period_s, self.disturbances.faults
        )
        self.terms = observations.select_groups(
            {"actor": config.actor_terms, "critic": config.critic_terms, **(groups or {})},
            self.task_spec.terms,
        )
        reads_tips = any("fingertips" in term.reads for term in self.terms["actor"])
        held = object_of(config.model)
        noisy = noise_sizes(hand, len(held.reported), reads_tips)
        self.noise = SensorNoise(n, noisy, rng, "observation.noise.scale" in acting, self.device)
        self._noisy = any(name.startswith("observation.") for name in acting)
        self.eyes = eyes
        self._differs = self._noisy or eyes is not None
        """Whether the actor's sensors are not the true ones."""
        true = PoseMemory(n, self.device)
        actor = PoseMemory(n, self.device) if self._differs else true
        self.memories = {"actor": actor, "critic": true}
        self.rewards = RewardTable(config.rewards, self.task_spec.reward_terms)
        self._values = Values(names, config.nominal, self.device)
        self.randomizer = Randomizer(sim, acting, rng)
        self.failures = failures
        self.autoreset = True
        """Whether a world that ends is reset within the step; if not, call `restart`."""
        self.sim_seconds = 0.0
        self.actor_sensors: Sensors = {}
        """Sensors of the actor's last observation: the inputs of a bundle's graph."""
        self.true_sensors: Sensors = {}
        """The same sensors without noise."""
        self._last: Observation = {}
        """The last observation of all worlds; {} before the first."""
        self._goal_steps = max(1, round(config.goals.timeout_s / config.period_s))
        self._set_counters(n, len(names))
        self.sizes = {**sizes_of(hand, held, len(names)), **(eyes.sizes if eyes else {})}
        self._check_terms()
        self._set_spaces()

    def _set_counters(self, n: int, parameters: int) -> None:
        self.coordinates = torch.zeros(n, parameters, device=self.device)
        self.tags = torch.full((n,), -1, device=self.device)
        self.versions = torch.zeros(n, dtype=torch.long, device=self.device)
        counters = torch.zeros(3, n, dtype=torch.long, device=self.device)
        self.successes, self.length, self.goal_age = counters.unbind()
        self.earned = torch.zeros(n, device=self.device)

    def _set_spaces(self) -> None:
        n = self.num_envs
        self.single_action_space = gymnasium.spaces.Box(-1.0, 1.0, (len(self.hand.actuators),))
        self.action_space = gymnasium.vector.utils.batch_space(self.single_action_space, n)
        self.single_observation_space = observation_space(self.terms, self.sizes)
        self.observation_space = gymnasium.vector.utils.batch_space(
            self.single_observation_space, n
        )

    def _check_terms(self) -> None:
        """Raise ConfigError for a term that reads a sensor that this task does not have."""
        one = slice(0, 1)
        true = PoseMemory(1, self.device).extend(self._sensors(one), one, remember=False)
        actor = {**true, **(self.eyes.gives if self.eyes else {})}
        for group, terms in self.terms.items():
            sensors = actor if group == "actor" else true
            observations.check_reads(group, terms, sensors, self.config.task)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Reset every world; a seed makes the following episodes reproducible.

        options: `reset_mask`, (N,) bool: only these worlds are. Raises ConfigError for others.
        """
        worlds = masked_worlds(options, self.num_envs, self.device)
        if seed is not None:
            self.rng.seed(seed)
            if isinstance(self.source, Reseedable):
                self.source.reseed(seed)
        if worlds is not None and self._last:
            self.restart(worlds)
            return self._last, {}
        self._reset(torch.arange(self.num_envs, device=self.device))
        return self._observe(slice(None), remember=True), {}

    def restart(self, worlds: Tensor) -> Observation:
        """Reset `worlds` (K,); returns their first observations (K, ...)."""
        self._reset(worlds)
        observation = self._observe(worlds, remember=True)
        self._last = {g: merged(last, observation[g], worlds) for g, last in self._last.items()}
        return observation

    def redraw(self, worlds: Tensor) -> None:
        """Draw the parameters of `worlds` (K,) again, in the middle of an episode.

        Hand, object, goal, targets, counters and last observed values continue. Everything else
        that a reset draws is drawn again, including episode noise and delays of the motors.
        """
        value = self._enter(worlds, self.source.draw(worlds))
        self.randomizer.apply(worlds, value)
        self.control.set_delays(worlds, self._delays(value["action.delay"]))
        self.disturbances.redraw(worlds, value)
        self.sim.forward(worlds)

    def close_extras(self, **_: Any) -> None:
        """See `VectorEnv.close`."""
        if self.eyes is not None:
            self.eyes.close()

    @torch.no_grad()
    @one_thread()
    def step(self, actions: Tensor) -> tuple[Observation, Tensor, Tensor, Tensor, dict[str, Any]]:
        """One control step of every world."""
        joints = self.sim.state("qpos")[:, self.sim.layout.joints].float()
        self.disturbances.before_step(self.actor_sensors, self.length)
        actions = torch.as_tensor(actions, dtype=torch.float32, device=self.device)
        # It ends its own world and stays out of everything that is observed.
        invalid = actions.isnan().any(dim=-1)
        self.control.apply(actions.masked_fill(invalid.unsqueeze(-1), 0.0), joints)
        started = time.perf_counter()
        failed = self.sim.step(self.config.control.substeps)
        self.sim_seconds += time.perf_counter() - started
        if failed.any():
            self._repair(failed.nonzero().squeeze(-1))
        broken = failed | invalid
        reward, terms, outcome = self._judge(broken)
        success = outcome.success & ~broken
        self._count(reward, success)
        terminated = outcome.drop | broken
        truncated = (self.goal_age >= self._goal_steps) & ~terminated
        truncated |= (self.successes >= self.config.goals.max_successes) & ~terminated
        if outcome.finished is not None:
            truncated |= outcome.finished & ~terminated
        info: dict[str, Any] = {"success": success, "reward_terms": terms, "episodes": []}
        self._finish(terminated, truncated, info)
        return self._observe(slice(None), remember=True), reward, terminated, truncated, info

    def _judge(self, broken: Tensor) -> tuple[Tensor, dict[str, Tensor], Outcome]:
        outcome = self.task.judge()
        force = self.sim.output("actuator_force").float()
        force = force[:, self.sim.layout.motors]
        wrist = self.sim.state("qpos")[:, self.sim.layout.wrist].float()
        # Only reward terms of the task itself read its sensors.
        sensors = self.task.sensors(slice(None)) if self.task_spec.reward_terms else {}
        step = Step(outcome, self.control.action, self.control.action_change, force, wrist, sensors)
        reward, terms = self.rewards(step)
        # Not a product: a failure may leave what is not a number.
        reward = reward.masked_fill(broken, 0.0)
        terms = {name: term.masked_fill(broken, 0.0) for name, term in terms.items()}
        return reward, terms, outcome

    def _repair(self, worlds: Tensor) -> None:
        """Save the state of failed worlds for replay and reset them: the learner never sees it."""
        if self.failures is not None:
            dump_failures(self.sim, worlds, self.failures)
        self.sim.reset(worlds)
        self.sim.forward(worlds)

    def _count(self, reward: Tensor, success: Tensor) -> None:
        self.length += 1
        self.goal_age += 1
        self.goal_age[success] = 0
        self.successes += success
        self.earned += reward

    def _finish(self, terminated: Tensor, truncated: Tensor, info: dict[str, Any]) -> None:
        done = terminated | truncated
        if not done.any():
            return
        if truncated.any() and self.autoreset:
            worlds = truncated.nonzero().squeeze(-1)
            info["truncated_worlds"] = worlds
            info["final"] = self._observe(worlds, remember=False)
        worlds = done.nonzero().squeeze(-1)
        info["episodes"] = self._episodes(worlds, terminated)
        if self.autoreset:
            self._reset(worlds)

    def _episodes(self, worlds: Tensor, terminated: Tensor) -> list[Episode]:
        columns = {
            "successes": self.successes,
            "length": self.length,
            "reward": self.earned,
            "dropped": terminated,
            "tag": self.tags,
            "version": self.versions,
            "coordinates": self.coordinates,
        }
        return finished(worlds, columns)

    def _reset(self, worlds: Tensor) -> None:
        draw = self.source.draw(worlds)
        value = self._enter(worlds, draw)
        self.sim.reset(worlds)
        self.randomizer.apply(worlds, value)
        target = self.task.start(worlds)
        self.control.reset(worlds, target, self._delays(value["action.delay"]))
        self.disturbances.reset(worlds, value)
        self.sim.forward(worlds)
        self.task.first_goals(worlds)
        if self.eyes is not None:
            self.eyes.begin(worlds)
        for memory in self.memories.values():
            memory.fresh[worlds] = True
        for counter in (self.successes, self.length, self.goal_age, self.earned):
            counter.index_fill_(0, worlds, 0)

    def _enter(self, worlds: Tensor, draw: Draw) -> dict[str, Tensor]:
        """Store the parameters of new episodes; returns the value of each (K,)."""
        self.coordinates[worlds] = draw.coordinates.float()
        self.tags[worlds] = draw.tags
        self.versions[worlds] = draw.versions
        value = self._values(draw.coordinates)
        if self._noisy:
            self.noise.set(worlds, value)
        if "goal.angle" in self._acting:
            self.task.largest_goal[worlds] = value["goal.angle"].float()
        return value

    def _delays(self, mean: Tensor) -> Tensor:
        """Draw the delay of each motor in whole steps (K, A), with mean `mean` (K,)."""
        shape = (len(mean), len(self.hand.actuators))
        if "action.delay" not in self._acting:
            return torch.zeros(shape, dtype=torch.long, device=self.device)
        late = mean.float().unsqueeze(-1) + self.rng.uniform(*shape)
        return late.floor().long().clamp(0, MAX_DELAY)

    def _observe(self, worlds: Tensor | slice, remember: bool) -> Observation:
        sensors = self._sensors(worlds)
        true = self.memories["critic"].extend(sensors, worlds, remember)
        actor_sensors = true
        if self._differs:
            noisy = self.noise(sensors, worlds) if self._noisy else sensors
            if self.eyes is not None:
                noisy = {**noisy, **self.eyes.look(self.sim, sensors, worlds)}
            if self._noisy and self.disturbances.tracking is not None:
                noisy = self.disturbances.tracking(noisy, sensors, worlds, remember)
            actor_sensors = self.memories["actor"].extend(noisy, worlds, remember)
        if isinstance(worlds, slice):
            self.actor_sensors, self.true_sensors = actor_sensors, true
        elif remember and self._last:
            self.actor_sensors = merged(self.actor_sensors, actor_sensors, worlds)
            self.true_sensors = merged(self.true_sensors, true, worlds)
        # A term of several groups with the same sensors is computed once.
        noisy_terms = self.terms["actor"] if self._differs else ()
        own, shared = observations.compute_both(noisy_terms, actor_sensors, self._exact_terms, true)
        observation = {
            group: own
            if self._differs and group == "actor"
            else {term.name: shared[term.name] for term in terms}
            for group, terms in self.terms.items()
        }
        if isinstance(worlds, slice):
            self._last = observation
        return observation

    @cached_property
    def _exact_terms(self) -> tuple[observations.Term, ...]:
        """The terms that are computed from the true state, each once."""
        groups = (t for group, t in self.terms.items() if group != "actor" or not self._differs)
        return tuple(dict.fromkeys(chain.from_iterable(groups)))

    def _sensors(self, worlds: Tensor | slice) -> Sensors:
        qpos, qvel = (self.sim.state(name)[worlds].float() for name in ("qpos", "qvel"))
        layout = self.sim.layout
        return {
            "joint_position": qpos[:, layout.joints],
            "joint_velocity": qvel[:, layout.joint_dofs],
            # Copies, because state is written in place and observations must not change later.
            "target": self.control.target[worlds].clone(),
            "last_action": self.control.action[worlds].clone(),
            "fingertips": self.sim.output("site_xpos")[worlds][:, layout.tips].float(),
            "motor_force": self.sim.output("actuator_force")[worlds][:, layout.motors].float(),
            "world": self.coordinates[worlds].clone(),
            **self.task.sensors(worlds),
        }
