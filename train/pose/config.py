"""What a user may say about the training of a pose network."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Literal

from ...adr.table import AdrConfig
from ...config import Range
from ...errors import ConfigError
from ...vision.config import RenderConfig
from ...vision.photo import PhotoConfig
from ...vision.pose_net import NetConfig
from ...vision.renders.render_parameters import PARAMETERS

Positive = Annotated[float, Range(0, 1e6, open_low=True)]
Count = Annotated[int, Range(1, 10**10)]


@dataclass(frozen=True, kw_only=True)
class LearnConfig:
    """How a pose network learns, whatever its renders come from."""

    name: str = ""
    """Of the run; by default pose and the date."""
    runs: Path = Path("runs")
    """Where runs are kept."""
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    """Of weights, order and photometric noise."""
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
    net: NetConfig = field(default_factory=NetConfig)
    """The network."""
    photo: PhotoConfig = field(default_factory=PhotoConfig)
    """What cameras do to pictures."""


@dataclass(frozen=True, kw_only=True)
class PoseTrainConfig(LearnConfig):
    """`sleight vision train`."""

    data: Path
    """Folder of renders to learn from."""
    test: Path | None = None
    """Folder of renders to be judged on, made with another seed; none: nothing is held out."""
    visits: Count = 110_000
    """Samples to look at, each as often as that takes. Rotations begin to be learned after some
    20,000, and nothing can be compared before 50,000."""
    row_s: Positive = 10.0
    """Time between two lines of metrics."""
    test_s: Positive = 60.0
    """Time between two looks at the test renders."""
    checkpoint_s: Positive = 120.0
    """Time between two checkpoints."""


def _all() -> dict[str, float]:
    return {row.name: 0.1 for row in PARAMETERS}


def _shares() -> AdrConfig:
    return AdrConfig(threshold_high=0.7, threshold_low=0.3)


@dataclass(frozen=True, kw_only=True)
class WidenConfig(LearnConfig):
    """`sleight vision widen`: the ranges of the renders under automatic domain randomization.

    A round renders samples with the ranges as they are, half of them at an end of one; finds which
    the network reads within the target errors, which decides about the ends; and learns from the
    newest rounds (Solving Rubik's Cube with a Robot Hand, appendix C.3, table 18).
    """

    widen: dict[str, Annotated[float, Range(1e-6, 4.0)]] = field(default_factory=_all)
    """Parameter -> lambda that one decision moves an end by; all others stay as `render` has
    them. docs/vision.md lists them."""
    adr: AdrConfig = field(default_factory=_shares)
    """Buffers, and the shares of samples within the target errors that widen and tighten."""
    target_mm: Positive = 5.0
    """Largest error of a position that counts as read."""
    target_deg: Positive = 5.0
    """Largest error of a rotation that counts as read."""
    rounds: Count = 200
    """Rounds in all."""
    round_samples: Count = 2000
    """Renders of a round."""
    round_visits: Count = 10_000
    """Samples to look at in a round."""
    keep: Annotated[int, Range(1, 10_000)] = 20
    """Newest rounds to learn from; older renders are deleted."""
    warm_start: Path | None = None
    """A run to take the first weights from: a network that reads nothing widens nothing."""
    render: RenderConfig = field(default_factory=lambda: RenderConfig(strength=0.0))
    """The renders' nominal rig; `strength` and ranges are of the parameters that do not widen."""

    def __post_init__(self) -> None:
        if not self.widen:
            raise ConfigError("widen: got nothing, allowed: one or more parameters")

    def learning(self, data: Path) -> PoseTrainConfig:
        """The same as a training on the renders in `data`."""
        shared = {one.name: getattr(self, one.name) for one in fields(LearnConfig)}
        return PoseTrainConfig(data=data, visits=self.rounds * self.round_visits, **shared)
