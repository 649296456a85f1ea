"""The Ray actor of a worker.

Ray sends this class's code itself to the worker, so it only finds out there which version of the
package the worker's machine has: what it needs is imported by its methods, on that machine.
"""

from __future__ import annotations

from typing import Any


class RolloutWorker:
    """A process of its own somewhere in the cluster."""

    def identity(self) -> dict[str, str]:
        """See `identity.process`."""
        from ..identity import process

        return process()

    def begin(
        self, config: dict[str, Any], life: int, failures: str, teacher: dict[str, bytes] | None
    ) -> dict[str, Any]:
        """Build the worlds; config: as `config.to_dict` gives it. Returns `Rollout.about`."""
        from pathlib import Path

        from ....config import from_dict
        from ...config import TrainConfig
        from .rollout_task import Rollout

        parsed = from_dict(TrainConfig, config, f"worker {life}")
        self.rollout = Rollout(parsed, life, Path(failures) if failures else None, teacher)
        return self.rollout.about()

    def collect(self, published: dict[str, Any]) -> dict[str, Any]:
        """A batch as `array_wire.pack` makes it; published: as `Rollout.collect` takes it."""
        from ..array_wire import pack

        return pack(self.rollout.collect(**published))
