"""Exports modules to ONNX files, with the exporter that needs no other package."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from ...files import write_bytes

OPSET = 17


def export_graph(
    module: nn.Module,
    example: Sequence[Tensor],
    path: Path,
    inputs: Sequence[str],
    outputs: Sequence[str],
    free_batch: bool = False,
) -> None:
    """Export atomically; with `free_batch` the first dimension of every tensor is free."""
    module.eval()
    free = {name: {0: "batch"} for name in (*inputs, *outputs)} if free_batch else None
    graph = io.BytesIO()  # torch writes to no path that is not UTF-8
    with warnings.catch_warnings():
        # The exporter warns that it is deprecated.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            tuple(example),
            graph,  # type: ignore[arg-type]  # this exporter writes to a stream too
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=free,
            opset_version=OPSET,
            dynamo=False,
        )
    write_bytes(path, graph.getvalue())
