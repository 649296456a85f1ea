"""Config of the networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from ..config import Range

Size = Annotated[int, Range(1, 8192)]


@dataclass(frozen=True)
class PolicyConfig:
    """The actor, which gets the robot's observations, and the critic, which gets the true state."""

    memory: Literal["lstm", "none"] = "lstm"
    """lstm: recurrent actor; none: feed-forward actor, otherwise identical."""
    embed: Size = 256
    """Size of the embedding of each observation term; the embeddings add."""
    hidden: Size = 256
    """Size of the actor's LSTM, or of its last hidden layer without memory."""
    residual: bool = False
    """Add the LSTM's input to its output before the head; embed and hidden must be equal."""
    critic: tuple[Size, ...] = (256, 256)
    """Sizes of the hidden layers of the value network; the first is its embedding."""
    head: Literal["bins", "gaussian"] = "gaussian"
    """bins: independent categorical distributions per motor; gaussian: a diagonal Gaussian."""
    bins: Annotated[int, Range(2, 101)] = 11
    """Number of bins per motor, equally spaced over [-1, 1]; for head: bins."""
    initial_std: Annotated[float, Range(0.01, 100)] = 0.35
    """Initial standard deviation of the actions, in units of the largest action."""
    clip: Annotated[float, Range(1, 100)] = 5.0
    """Limit of normalized observations, in standard deviations."""

    def __post_init__(self) -> None:
        if self.residual and self.memory == "lstm" and self.embed != self.hidden:
            raise ValueError(f"hidden: got {self.hidden}, allowed: {self.embed}, as it is residual")
