"""Batches and weights as numpy arrays, which Ray's object store shares without copying them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..rollout.batch import Batch, map_leaves


def pack(batch: Batch) -> dict[str, Any]:
    """A batch as arrays and plain data."""
    return {field.name: to_arrays(getattr(batch, field.name)) for field in fields(batch)}


def unpack(data: dict[str, Any], device: str = "cpu") -> Batch:
    """The batch of `pack`, copied, so that the object store may forget its own."""
    return Batch(**{name: to_tensors(value, device) for name, value in data.items()})


def to_arrays(value: Any) -> Any:
    """Tensors to arrays, inside dicts and tuples too."""
    return map_leaves(value, Tensor, lambda tensor: tensor.cpu().numpy())


def to_tensors(value: Any, device: str = "cpu") -> Any:
    """The other way round; the tensors are copies."""
    return map_leaves(value, np.ndarray, lambda array: torch.from_numpy(array.copy()).to(device))


def digest(arrays: Mapping[str, np.ndarray]) -> int:
    """Differs, but for one case in four billion, where any bit of the arrays does."""
    checksum = 0
    for name in sorted(arrays):
        checksum = zlib.crc32(np.ascontiguousarray(arrays[name]).tobytes(), checksum)
    return checksum


def nbytes(value: Any) -> int:
    """Bytes in the arrays of `to_arrays`."""
    if isinstance(value, dict):
        return sum(map(nbytes, value.values()))
    if isinstance(value, tuple):
        return sum(map(nbytes, value))
    return int(value.nbytes) if isinstance(value, np.ndarray) else 0
