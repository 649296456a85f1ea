"""Follows a plan by what is measured, and plans anew where a step went wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product

from .cube_geometry import FACES
from .cube_state import CubeState
from .notation import FaceTurn
from .plan import Flip, Plan, Step, plan_turns

Planner = Callable[[CubeState, str | None], Plan | None]
"""(state, face on top or None) -> plan: `plan_solve`, or one that leads elsewhere. None: the search
that this has begun is not done; ask again."""


@dataclass
class PlanFollower:
    """The step that a hand is at, from the first to the last."""

    plan: Plan
    planner: Planner
    """Called in place. It searches there, or in a thread and returns None until that is done."""
    done: int = 0
    """Steps reached, in all plans together."""
    wrong: list[str] = field(default_factory=list)
    """What went wrong, in order; each entry is a new plan."""
    reason: str = ""
    """Why the last plan was left; empty for the first."""
    waiting: bool = False
    """Whether a search is under way: there is no step until it is done."""
    _at: int = 0

    @property
    def step(self) -> Step | None:
        """The step to make now; None when all are done."""
        return self.plan.steps[self._at] if self._at < len(self.plan.steps) else None

    @property
    def left(self) -> int:
        """Steps that are left."""
        return len(self.plan.steps) - self._at

    @property
    def before(self) -> CubeState:
        """The state before the step."""
        return self.plan.steps[self._at - 1].state if self._at else self.plan.start

    def reached(self) -> None:
        """The step's goal is reached, as the task judges it; the next step begins."""
        if self.step is not None:
            self._at, self.done = self._at + 1, self.done + 1

    def measured(self, state: CubeState, face_up: str | None) -> bool:
        """Take a measured state with straight faces; returns whether it led to a new plan.

        face_up: the face on top, None while the cube is between faces. The plan stands while the
        state is that before or after the step and, for a turn, its face is on top.
        """
        if self.waiting:
            plan = self.planner(state, face_up)
            return plan is not None and self._follow(plan)
        step = self.step
        if step is None:
            return not state.same_stickers(self.plan.end) and self._anew(state, face_up, "after it")
        known = state.same_stickers(step.state) or state.same_stickers(self.before)
        tipped = not isinstance(step.move, Flip) and face_up not in (None, step.face_up)
        if known and not tipped:
            return False
        return self._anew(state, face_up, "another turn" if not known else f"{face_up} came on top")

    def _anew(self, state: CubeState, face_up: str | None, reason: str) -> bool:
        step = self.step
        what = "the plan" if step is None else f"{step.move}"
        self.wrong.append(f"step {self.done + 1}: {what}: {reason}")
        self.reason = reason
        plan = self._mended(state, face_up) or self.planner(state, face_up)
        return self._follow(plan or Plan(state, face_up or "U", ()), waiting=plan is None)

    def _follow(self, plan: Plan, waiting: bool = False) -> bool:
        self.plan, self._at, self.waiting = plan, 0, waiting
        return True

    def _mended(self, state: CubeState, face_up: str | None) -> Plan | None:
        """The present plan after one turn that leads back to it, or after none; else None.

        That costs some steps more, and a search from anywhere usually costs many.
        """
        ends = [(self.before, self.plan.turns_from(self._at))]
        if self.step is not None:
            ends.append((self.step.state, self.plan.turns_from(self._at + 1)))
        for wanted, rest in ends:
            if state.same_stickers(wanted):
                return plan_turns(rest, state, face_up)
        for (wanted, rest), face, quarters in product(ends, FACES, (1, -1, 2)):
            if state.turn(face, quarters).same_stickers(wanted):
                return plan_turns((FaceTurn(face, quarters), *rest), state, face_up)
        return None
