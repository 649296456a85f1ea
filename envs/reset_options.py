"""The options of `reset`, as Gymnasium's vectors have them. What is not known is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError, nearest

MASK = "reset_mask"
"""(N,) bool, at least one true: only these worlds start anew, the others go on."""


def check_options(options: Mapping[str, Any] | None, known: Sequence[str] = ()) -> None:
    """Raise ConfigError for an option that is not known."""
    for name in options or {}:
        if name not in known:
            hint = nearest(str(name), known) if known else "available: none"
            raise ConfigError(f"reset: options: got unknown option '{name}', {hint}")


def reset_mask(options: Mapping[str, Any] | None, count: int) -> np.ndarray | None:
    """The mask (N,) bool of the worlds that start anew; None: all. Raises ConfigError."""
    check_options(options, (MASK,))
    mask = (options or {}).get(MASK)
    if mask is None:
        return None
    if isinstance(mask, Tensor):
        mask = mask.cpu().numpy()
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (count,):
        kind = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise ConfigError(f"reset: options: {MASK}: got {kind}, allowed: an array of {count} bool")
    if not mask.any():
        raise ConfigError(f"reset: options: {MASK}: got no world, allowed: one or more")
    return mask


def combined_seed(seed: int | Sequence[int | None] | None, count: int) -> int | None:
    """One seed, which the worlds share, of one for each of `count` worlds; None: a random one.

    A world without a seed makes the whole random, unless none has one. Raises ConfigError.
    """
    if seed is None or isinstance(seed, int | np.integer):
        return None if seed is None else int(seed)
    seeds = list(seed)
    if len(seeds) != count:
        raise ConfigError(f"reset: seed: got {len(seeds)} seeds, allowed: one, or {count}")
    for one in seeds:
        if one is not None and not (isinstance(one, int | np.integer) and one >= 0):
            raise ConfigError(f"reset: seed: got {one!r:.40}, allowed: an integer >= 0, or None")
    known = [int(one) for one in seeds if one is not None]
    if len(known) < count:
        if not known:
            return None
        known.append(np.random.SeedSequence().entropy)  # type: ignore[arg-type]
    return int(np.random.SeedSequence(known).generate_state(1)[0])


def merged(last: dict[str, Tensor], rows: dict[str, Tensor], worlds: Tensor) -> dict[str, Tensor]:
    """`last` (N, ...) with `rows` (K, ...) in the places of `worlds` (K,)."""
    return {name: value.index_copy(0, worlds, rows[name]) for name, value in last.items()}


def masked_worlds(
    options: Mapping[str, Any] | None, count: int, device: torch.device
) -> Tensor | None:
    """The worlds (K,) that start anew; None: all. Raises ConfigError."""
    mask = reset_mask(options, count)
    return None if mask is None else torch.as_tensor(np.flatnonzero(mask), device=device)
