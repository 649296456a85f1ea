"""Experience of teacher and student together, in which the teacher says what it would do."""

from __future__ import annotations

import torch
from torch import Tensor

from ...envs.env import HandEnv, Observation
from ...policies.actor import Actor
from ...policies.imitation import describe
from ..algorithms.teacher import Teacher
from ..config import CloneConfig
from .batch import Terms
from .collector import Collector


class CloneCollector(Collector):
    """Both see every step, and keep a memory of their own; one of them acts.

    Who acts is drawn for each world every `chunk` steps, so that each gets to places that only it
    gets to, and has to go on from the other's.
    """

    def __init__(
        self,
        env: HandEnv,
        actor: Actor,
        horizon: int,
        chunk: int,
        seed: int,
        config: CloneConfig,
        teacher: Teacher,
    ) -> None:
        super().__init__(env, actor, horizon, chunk, seed)
        self.config, self.teacher = config, teacher
        teacher.start(env)
        self.students = torch.zeros(env.num_envs, dtype=torch.bool)
        """(N,) the worlds in which the student acts."""
        self._taken = 0

    def state(self) -> dict[str, Tensor]:
        """See `Collector`."""
        found = {f"teacher_carry.{i}": part for i, part in enumerate(self.teacher.memory())}
        if not self.teacher.terms:  # it reads the sensors themselves
            found |= {f"sensors.{n}": value.clone() for n, value in self.env.true_sensors.items()}
        return {**super().state(), **found}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """See `Collector`."""
        super().load_state(state)
        count = len(self.teacher.memory())
        self.teacher.recall(tuple(state[f"teacher_carry.{i}"] for i in range(count)))
        named = {name.partition(".")[::2]: value for name, value in state.items()}
        self.env.true_sensors = {
            n: value for (part, n), value in named.items() if part == "sensors"
        }

    def _act(self, seen: Observation, action: Tensor) -> tuple[Tensor, Terms, float]:
        """See `Collector`. Both draw their actions, as in training."""
        if self._taken % self.chunk == 0:  # batches are whole chunks, so that none is cut by a save
            share = self.config.student_at(self.progress)
            self.students = torch.rand(len(action), generator=self.generator) < share
        self._taken += 1
        said = self.teacher.say(self.env, seen, self.starts)
        shown = said.action(said.sample(self.generator))
        taken = torch.where(self.students.unsqueeze(-1), action, shown)
        return taken, describe(said, self.actor.config), float(self.students.float().mean())
