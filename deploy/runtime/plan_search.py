"""A planner for a control loop: searches run in a thread, because one takes many turns."""

from __future__ import annotations

from functools import partial

from ...envs.cube.cube_state import CubeState
from ...envs.cube.plan import Plan, plan_solve, search_for
from ...envs.cube.search_tables import Costs
from ...threads import WatchedThread
from ..hand.hand import HandError
from .realtime import ordinary


class PlanSearch:
    """A `Planner` that returns None until the search that it began is done.

    A plan is for the state that was asked for first; whoever follows it compares it with the
    present state.
    """

    def __init__(self, target: CubeState) -> None:
        """Loads the tables of the search, or makes them. Raises SleightError."""
        self._target = target
        self._thread: WatchedThread | None = None
        self._plan: Plan | None = None
        self._unwanted = False
        search_for(Costs())

    def __call__(self, state: CubeState, face_up: str | None) -> Plan | None:
        """See `Planner`. Raises HandError if the search failed."""
        if self._thread is None:
            self._plan, self._unwanted = None, False
            self._thread = WatchedThread("plan search", partial(self._search, state, face_up))
            self._thread.start()
            return None
        if self._thread.is_alive():
            return None
        thread, self._thread = self._thread, None
        if thread.failure:
            raise HandError(thread.failure)
        return self(state, face_up) if self._unwanted else self._plan

    def forget(self) -> None:
        """The plan that is being searched for is not wanted any more."""
        self._unwanted = self._thread is not None

    def _search(self, state: CubeState, face_up: str | None) -> None:
        ordinary()  # the loop's own thread may run at real-time priority, and this must not
        self._plan = plan_solve(state, face_up, target=self._target)
