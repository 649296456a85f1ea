"""ADR as a process of its own on the cluster, which decides about the reports of each iteration.

It holds the state between iterations; the process that trains keeps what it last answered. A turn
is a pure function of state and reports, so a server that died is replaced by one that starts from
the last answer and is given the same reports: no decision is lost, and no episode counts twice.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from ...adr.adr_config import AdrConfig
from ...adr.decisions import Reports
from ...adr.state import AdrState
from ...errors import SleightError
from ..config import TrainConfig
from .actor_errors import MAX_DEATHS, own_error
from .identity import check_identity, identity
from .patience import Patience


class AdrActor:
    """The Ray actor; see `rollout_worker` for why its methods import what they need."""

    def start(self, state: AdrState, config: AdrConfig) -> dict[str, str]:
        """Go on from a state. Returns `identity.process`."""
        from .identity import process

        self.state, self.config = state, config
        return process()

    def decide(self, reports: Reports) -> AdrState:
        """The state after these reports; of its history only what is new."""
        from dataclasses import replace

        from ...adr.decisions import decide

        known = len(self.state.history)
        self.state = decide(self.state, self.config, reports)
        return replace(self.state, history=self.state.history[known:])


class AdrServer:
    """See `loop.Decide`."""

    def __init__(self, config: TrainConfig) -> None:
        self.restarts = 0
        self.pid = 0
        self._patience = Patience(config.ray.hang_s)
        self._wait_s = config.ray.wait_s
        self._last: AdrState | None = None
        """What the server holds; another state was loaded from a checkpoint."""
        self._actor = self._start()

    def __call__(self, state: AdrState, config: AdrConfig, reports: Reports) -> AdrState:
        """See `decide`. Raises SleightError when the server dies again and again."""
        for _ in range(MAX_DEATHS + 1):
            try:
                new = self._turn(state, config, reports)
            except (_Died, TimeoutError) as error:
                why = error
                self.restarts += 1
                self.close()
            else:
                self._last = replace(new, history=(*state.history, *new.history))
                return self._last
        raise SleightError(f"ADR server: lost {MAX_DEATHS + 1} times in one turn; at last: {why}")

    def close(self) -> None:
        """End its process."""
        import ray

        if self._actor is not None:
            ray.kill(self._actor)
        self._actor, self._last = None, None

    def _start(self) -> Any:
        import ray

        actor: Any = ray.remote(num_cpus=0, max_restarts=0)(AdrActor)
        return actor.remote()

    def _turn(self, state: AdrState, config: AdrConfig, reports: Reports) -> AdrState:
        if self._actor is None:
            self._actor = self._start()
        if self._last is not state:
            begun = self._actor.start.remote(state, config)
            process = self._answer("start", begun, self._wait_s)
            check_identity(process, identity(), "ADR server")
            self.pid = int(process["pid"])
        answer: AdrState = self._answer("decide", self._actor.decide.remote(reports))
        return answer

    def _answer(self, task: str, reference: Any, least_s: float = 0.0) -> Any:
        import ray

        began = time.monotonic()
        limit_s = max(least_s, self._patience.limit_s(task))
        try:
            answer = ray.get(reference, timeout=limit_s)
        except ray.exceptions.RayTaskError as error:
            raise own_error(error, "ADR server") from error
        except ray.exceptions.GetTimeoutError as error:
            raise TimeoutError(f"no answer within {limit_s:g} s") from error
        except ray.exceptions.RayError as error:
            raise _Died(" ".join(str(error).split())[:300]) from error
        self._patience.note(task, time.monotonic() - began)
        return answer


class _Died(Exception):
    """The server's process ended."""
