"""Config of the networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from ..config import Range

Size = Annotated[int, Range(1, 8192)]


@dataclass(frozen=True)
class PolicyConfig:
    """The actor, which gets the robot's observations, and the critic, which gets the true state."""

    memory: Literal["lstm", "none"] = "lstm"
    """Actor with an LSTM, or feed-forward with a hidden layer in its place."""
    embedding_size: Size = 256
    """Size of the embedding of every observation term; the embeddings are summed."""
    hidden_size: Size = 256
    """Size of the actor's LSTM state, or of its last hidden layer without an LSTM."""
    residual: bool = False
    """Skip connection around the memory: its input is added to its output (then hidden_size has to
    equal embedding_size)."""
    critic_layers: tuple[Size, ...] = (256, 256)
    """Hidden layers of the value network; the first is the size of its embedding."""
    head: Literal["bins", "gaussian"] = "gaussian"
    """Action distribution: a diagonal Gaussian, or an independent categorical for each motor."""
    bins: Annotated[int, Range(2, 101)] = 11
    """Bins of each categorical, equally spaced over [-1, 1]."""
    initial_std: Annotated[float, Range(0.01, 100)] = 0.35
    """Standard deviation of the actions of the untrained policy; actions are in [-1, 1]."""
    encoders: dict[str, str] = field(default_factory=dict)
    """Term of the actor that is no vector -> kind of its encoder, in the place of the term's own.
    For `camera_images`: image, convolutions; keypoints, the tower of a pose network; or one that an
    installed package adds."""
    observation_clip: Annotated[float, Range(1, 100)] = 5.0
    """Normalized observations are clipped to this many standard deviations."""
    renamed: ClassVar[Mapping[str, str]] = {
        "embed": "embedding_size",
        "hidden": "hidden_size",
        "critic": "critic_layers",
        "clip": "observation_clip",
    }

    def __post_init__(self) -> None:
        sizes = self.hidden_size, self.embedding_size
        if self.residual and self.memory == "lstm" and sizes[0] != sizes[1]:
            raise ValueError(
                f"hidden_size: got {sizes[0]}, allowed with residual: {sizes[1]}, as embedding_size"
            )
