"""The Ray actor of a learner; see `rollout_worker` for why its methods import what they need."""

from __future__ import annotations

from typing import Any


class LearnerWorker:
    """A process of its own somewhere in the cluster."""

    def place(self) -> dict[str, str]:
        """See `identity.process`; and where the other learners find this one."""
        import ray

        from ..identity import process
        from .replica import Replica

        host = ray.util.get_node_ip_address()
        self.replica = Replica(host)
        return {**process(), "host": host, "port": str(self.replica.port)}

    def join(
        self,
        meeting: dict[str, Any],
        config: dict[str, Any],
        about: dict[str, Any],
        gpus: float,
        threads: int,
    ) -> None:
        """See `Replica.join`. config: from `to_dict`; meeting: the fields of a `Meeting`."""
        from ....config import from_dict
        from ...config import TrainConfig
        from .process_group import Meeting

        parsed = from_dict(TrainConfig, config, f"learner {meeting['rank']}")
        self.replica.join(parsed, about, Meeting(**meeting), gpus, threads)

    def load(self, state: tuple[dict[str, Any], dict[str, Any], dict[str, Any]]) -> None:
        """See `Replica.load`."""
        self.replica.load(*state)

    def update(self, share: dict[str, Any], progress: float) -> dict[str, Any]:
        """See `Replica.update`."""
        return self.replica.update(share, progress)
