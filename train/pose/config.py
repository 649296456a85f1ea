"""What a user may say about the training of a pose network."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from ...config import Range
from ...vision.net import NetConfig
from ...vision.photo import PhotoConfig

Positive = Annotated[float, Range(0, 1e6, open_low=True)]


@dataclass(frozen=True)
class PoseTrainConfig:
    """`sleight vision train`."""

    data: Path
    """Folder of renders to learn from."""
    test: Path | None = None
    """Folder of renders to be judged on, made with another seed; none: nothing is held out."""
    name: str = ""
    """Of the run; by default pose and the date."""
    runs: Path = Path("runs")
    """Where runs are kept."""
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    """Of weights, order and photometric noise."""
    visits: Annotated[int, Range(1, 10**10)] = 110_000
    """Samples to look at, each as often as that takes. Rotations begin to be learned after some
    20,000, and nothing can be compared before 50,000."""
    batch: Annotated[int, Range(1, 4096)] = 32
    """Samples in a step."""
    rate: Annotated[float, Range(0, 1, open_low=True)] = 2e-3
    """Highest learning rate of AdamW, reached after a tenth of the visits; then a cosine."""
    weight_decay: Annotated[float, Range(0, 1)] = 1e-3
    """Of AdamW."""
    mix: Annotated[int, Range(1, 1000)] = 16
    """Shards in memory at once, among which samples are mixed."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the network learns."""
    row_s: Positive = 10.0
    """Time between two lines of metrics."""
    test_s: Positive = 60.0
    """Time between two looks at the test renders."""
    checkpoint_s: Positive = 120.0
    """Time between two checkpoints."""
    net: NetConfig = field(default_factory=NetConfig)
    """The network."""
    photo: PhotoConfig = field(default_factory=PhotoConfig)
    """What cameras do to pictures."""
