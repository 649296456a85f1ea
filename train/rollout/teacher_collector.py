"""Experience of student and teacher together, in which the teacher labels every step."""

from __future__ import annotations

import torch
from torch import Tensor

from ...envs.env import HandEnv, Observation
from ...policies.actor import Actor
from ...policies.imitation import describe
from ..algorithms.algorithm import Collection
from ..algorithms.teacher import Teacher
from ..config import RolloutConfig
from .batch import Terms
from .collector import Collector


class TeacherCollector(Collector):
    """Both observe every step, each with its own memory; one of them acts.

    Who acts is drawn for each world every `rollout.bptt_steps`, so that each visits states that
    only it gets to, and has to continue from those of the other.
    """

    def __init__(
        self,
        env: HandEnv,
        actor: Actor,
        rollout: RolloutConfig,
        seed: int,
        asked: Collection,
        teacher: Teacher,
    ) -> None:
        super().__init__(env, actor, rollout, seed, asked)
        self.teacher = teacher
        teacher.start(env)
        self.students = torch.zeros(env.num_envs, dtype=torch.bool, device=env.device)
        """(N,) the worlds in which the student acts."""
        self._taken = 0

    def state(self) -> dict[str, Tensor]:
        """See `Collector`."""
        tensors = {f"teacher_carry.{i}": part.cpu() for i, part in enumerate(self.teacher.memory())}
        if self.teacher.reads_sensors:  # it reads the sensors themselves
            tensors |= {
                f"sensors.{n}": value.clone().cpu() for n, value in self.env.true_sensors.items()
            }
        return {**super().state(), **tensors}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """See `Collector`."""
        super().load_state(state)
        state = {name: value.to(self.env.device) for name, value in state.items()}
        count = len(self.teacher.memory())
        self.teacher.recall(tuple(state[f"teacher_carry.{i}"] for i in range(count)))
        named = {name.partition(".")[::2]: value for name, value in state.items()}
        self.env.true_sensors = {
            n: value for (part, n), value in named.items() if part == "sensors"
        }

    def _act(self, seen: Observation, action: Tensor) -> tuple[Tensor, Terms, float]:
        """See `Collector`. Both sample their actions."""
        # Batches are whole sequences, so that a checkpoint never cuts one.
        if self._taken % self.rollout.bptt_steps == 0:
            share = self.asked.student_share(self.progress)
            self.students = (
                torch.rand(len(action), generator=self.generator, device=action.device) < share
            )
        self._taken += 1
        labels = self.teacher.label(self.env, seen, self.starts)
        demonstrated = labels.action(labels.sample(self.generator))
        applied = torch.where(self.students.unsqueeze(-1), action, demonstrated)
        return applied, describe(labels, self.actor.config), float(self.students.float().mean())
