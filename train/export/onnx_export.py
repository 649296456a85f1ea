"""Exports modules to ONNX files, with the exporter that needs no other package."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from ...files import atomic_path

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
    with atomic_path(path) as temporary, warnings.catch_warnings():
        # The exporter warns that it is deprecated.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            tuple(example),
            str(temporary),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=free,
            opset_version=OPSET,
            dynamo=False,
        )
