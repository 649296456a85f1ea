"""The Ray actor of a renderer; see `rollout_worker` for why its methods import what they need."""

from __future__ import annotations

from typing import Any


class RenderWorker:
    """A process of its own somewhere in the cluster."""

    def identity(self) -> dict[str, str]:
        """See `identity.process`."""
        from ...cli import prepare_environment

        prepare_environment()  # before MuJoCo is imported: how to render without a screen
        from .identity import process

        return process()

    def begin(self, files: dict[str, bytes]) -> dict[str, Any]:
        """Get ready. files: of the folder of renders, all that a shard depends on."""
        from pathlib import Path
        from tempfile import TemporaryDirectory

        self.place = TemporaryDirectory()
        for name, content in files.items():
            (Path(self.place.name) / name).write_bytes(content)
        return {}

    def collect(self, work: tuple[int, int]) -> dict[str, bytes]:
        """The file of a shard; work: its number and how many samples it holds."""
        from pathlib import Path

        from ...vision.renders.render_job import render_shard
        from ...vision.renders.shards import shard_path

        index, size = work
        render_shard(self.place.name, index, size)
        path = shard_path(Path(self.place.name), index)
        content = path.read_bytes()
        path.unlink()
        return {"file": content}
