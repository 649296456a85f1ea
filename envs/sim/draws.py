"""Random numbers on one device, from one generator."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import ConfigError


def new_generator(device: torch.device) -> torch.Generator:
    """A new generator on a device; the tests of devices replace this function."""
    return torch.Generator(device)


def usable_device(name: str, source: str) -> torch.device:
    """The device of a name. Raises ConfigError, which names `source`, if torch cannot use it."""
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # as torch says it
        allowed = "cpu or cuda" if torch.cuda.is_available() else "cpu; torch sees no GPU here"
        raise ConfigError(f"{source}: got {name}, allowed: {allowed}") from error


class Draws:
    """The random numbers of an environment: one generator, so the order of calls matters."""

    def __init__(self, seed: int = 0, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self._generator = new_generator(self.device)
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Restart the generator from a seed."""
        self._generator.manual_seed(seed)

    def uniform(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """U(0, 1)."""
        return torch.rand(shape, generator=self._generator, dtype=dtype, device=self.device)

    def normal(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """N(0, 1)."""
        return torch.randn(shape, generator=self._generator, dtype=dtype, device=self.device)

    def integers(self, end: int, *shape: int) -> Tensor:
        """Uniform integers from 0 to end - 1."""
        return torch.randint(end, shape, generator=self._generator, device=self.device)

    def state(self) -> Tensor:
        """The generator's state for a checkpoint, on the host."""
        return self._generator.get_state()

    def load_state(self, state: Tensor) -> None:
        """Continue from `state()`."""
        self._generator.set_state(state)
