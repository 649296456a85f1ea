"""Shards of renders made by workers on a cluster: the pool of rollouts, with other work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...files import write_bytes
from ...vision.config import RenderConfig
from ...vision.renders.render_crew import LOOK_S, Crew, CrewOf
from ...vision.renders.render_job import inputs
from ...vision.renders.shards import shard_path
from ..config import RayConfig
from .actor_errors import put
from .head import HeadWatch
from .pool import Job, Pool
from .ray_connect import connect
from .render_worker import RenderWorker


@contextmanager
def renderers(ray: RayConfig) -> Iterator[CrewOf]:
    """A cluster, and the crew that renders on it. Raises ConnectError when none answers."""
    end = connect(ray)
    try:
        yield lambda config, folder, sizes: Renderers(ray, config, folder, sizes)
    finally:
        end()


class Renderers(Crew):
    """`config.workers` workers of a core each, which need no disk in common with this process."""

    def __init__(
        self, ray: RayConfig, config: RenderConfig, folder: Path, sizes: list[int]
    ) -> None:
        super().__init__(config, folder, sizes)
        files = put({path.name: path.read_bytes() for path in inputs(folder)})

        def begin(actor: Any, life: int, threads: int) -> Any:
            return actor.begin.remote(files)

        job = Job(RenderWorker, begin, config.workers, 1.0, field="workers")
        self.pool = Pool(job, replace(ray, hang_s=config.shard_timeout_s))
        if ray.address:
            self.pool.watch = HeadWatch(ray.wait_s)
        self._at_work: dict[int, int] = {}
        """Life of a worker -> the shard that it makes."""

    def room(self) -> bool:
        """See `Crew`."""
        if not self.pool.members:
            self.pool.start_all()
        return bool(self.pool.ready)

    def begin(self, index: int) -> None:
        """See `Crew`."""
        member = self.pool.ready[0]
        self._at_work[member.life] = index
        self.pool.collect(member, (index, self.sizes[index]))

    def collect(self) -> tuple[list[int], dict[int, str]]:
        """See `Crew`."""
        made = []
        for member, answer in self.pool.poll(LOOK_S):
            index = self._at_work.pop(member.life)
            write_bytes(shard_path(self.folder, index), answer["file"])
            made.append(index)
        lives = {member.life for member in self.pool.members.values()}
        lost = [life for life in self._at_work if life not in lives]
        return made, {self._at_work.pop(life): "died or hung" for life in lost}

    def close(self) -> None:
        """See `Crew`."""
        if self.pool.watch is not None:
            self.pool.watch.close()
        self.pool.close()
