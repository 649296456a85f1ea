"""Sizes and kinds of the networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from ..config import Range

Size = Annotated[int, Range(1, 8192)]


@dataclass(frozen=True)
class PolicyConfig:
    """The actor, which sees what the robot sees, and the critic, which sees the true state."""

    memory: Literal["lstm", "none"] = "lstm"
    """lstm: recurrent actor; none: feed-forward, the same otherwise."""
    embed: Size = 256
    """Size that every observation term is embedded to; the embeddings add."""
    hidden: Size = 256
    """Size of the actor's memory, or of its last hidden layer without one."""
    residual: bool = False
    """The head gets the sum of the memory's output and input (then embed and hidden are equal)."""
    critic: tuple[Size, ...] = (256, 256)
    """Hidden layers of the value network; the first is its embedding."""
    head: Literal["bins", "gaussian"] = "gaussian"
    """Independent categoricals over bins per motor, or a diagonal Gaussian."""
    bins: Annotated[int, Range(2, 101)] = 11
    """Bins per motor, equally spaced over [-1, 1]."""
    initial_std: Annotated[float, Range(0.01, 100)] = 0.35
    """Spread of the first actions, in units of the largest."""
    clip: Annotated[float, Range(1, 100)] = 5.0
    """Normalized observations are clipped to this many standard deviations."""

    def __post_init__(self) -> None:
        if self.residual and self.memory == "lstm" and self.embed != self.hidden:
            raise ValueError(f"hidden: got {self.hidden}, allowed: {self.embed}, as it is residual")
