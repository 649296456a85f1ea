"""Functions of Warp, recorded once as graphs and then replayed without Python."""

from __future__ import annotations

from collections.abc import Callable

import torch
import warp as wp


class Recorded:
    """Graphs of one device, by name; recording runs nothing.

    A graph keeps the addresses of the arrays that it was recorded with. Writing into them takes
    effect; after one is replaced, `forget` must be called.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._graphs: dict[str, wp.Graph] = {}

    def __call__(self, name: str, function: Callable[[], None]) -> None:
        """Run `function`: record it if no graph has this name, and replay the graph."""
        if name not in self._graphs:
            with wp.ScopedDevice(wp.device_from_torch(self._device)), wp.ScopedCapture() as capture:
                function()
            self._graphs[name] = capture.graph
        wp.capture_launch(self._graphs[name], stream=self._stream())

    def forget(self) -> None:
        """Record everything again at its next use."""
        self._graphs.clear()

    def names(self) -> list[str]:
        """The names of the graphs that are recorded now."""
        return list(self._graphs)

    def _stream(self) -> wp.Stream | None:
        """PyTorch's own stream, so that both see the other's writes in order; none on the CPU."""
        return wp.stream_from_torch(self._device) if self._device.type == "cuda" else None
