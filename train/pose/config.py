"""The configs of the training of a pose network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from ...adr.adr_config import AdrConfig
from ...config import Range
from ...errors import ConfigError
from ...files import check_name
from ...vision.config import RenderConfig
from ...vision.keypoint_decoder import KeypointConfig
from ...vision.photo import PhotoConfig
from ...vision.renders.render_parameters import PARAMETERS
from ...vision.windows import AugmentConfig

Positive = Annotated[float, Range(0, 1e6, open_low=True)]
Count = Annotated[int, Range(1, 10**10)]


@dataclass(frozen=True, kw_only=True)
class LearnConfig:
    """How a pose network is trained, wherever its renders come from."""

    name: str = ""
    """Folder of the run in `runs`; empty: a name with the date and the time."""
    runs: Path = Path("runs")
    """Folder of the run folders."""
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    """Seed of the weights, the order of the samples and the photometric noise."""
    batch_size: Annotated[int, Range(1, 4096)] = 32
    """Samples per gradient step."""
    learning_rate: Annotated[float, Range(0, 1, open_low=True)] = 2e-3
    """Peak learning rate of AdamW, after a warm-up of a tenth of the training; then a cosine."""
    weight_decay: Annotated[float, Range(0, 1)] = 1e-3
    """Weight decay of AdamW."""
    shuffle_shards: Annotated[int, Range(1, 1000)] = 16
    """Shards in memory at the same time; samples are shuffled among them."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Device of the training."""
    keypoints: KeypointConfig = field(default_factory=KeypointConfig)
    """The network and its decoder."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """Geometric augmentation of the pictures."""
    photo: PhotoConfig = field(default_factory=PhotoConfig)
    """Photometric augmentation of the pictures."""
    renamed: ClassVar[Mapping[str, str]] = {
        "batch": "batch_size",
        "rate": "learning_rate",
        "mix": "shuffle_shards",
        "visits": "training_samples",
        "row_s": "log_s",
        "test_s": "evaluate_s",
        "widen": "adr.step_sizes",
        "round_visits": "round_training_samples",
        "keep": "keep_rounds",
    }

    def __post_init__(self) -> None:
        check_name(self.name)


@dataclass(frozen=True, kw_only=True)
class PoseTrainConfig(LearnConfig):
    """`sleight vision train`."""

    data: Path
    """Folder of renders to train on."""
    test: Path | None = None
    """Folder of renders to evaluate on, rendered with another seed; none: no evaluation."""
    training_samples: Count = 110_000
    """Length of training in samples; samples are reused as often as needed. Rotations start to be
    learned after about 20,000, and runs can be compared after 50,000."""
    log_s: Positive = 10.0
    """Interval between lines of metrics [s]."""
    evaluate_s: Positive = 60.0
    """Interval between evaluations on the test renders [s]."""
    checkpoint_s: Positive = 120.0
    """Interval between checkpoints [s]."""


def _adr() -> AdrConfig:
    return AdrConfig(
        threshold_high=0.7,
        threshold_low=0.3,
        step_sizes={row.name: 0.1 for row in PARAMETERS},
    )


@dataclass(frozen=True, kw_only=True)
class WidenConfig(LearnConfig):
    """`sleight vision widen`: the ranges of the renders under automatic domain randomization.

    A round renders samples with the ranges as they are, half of them at an end of one; finds which
    the network reads within the target errors, which decides about the ends; and learns from the
    newest rounds (Solving Rubik's Cube with a Robot Hand, appendix C.3, table 18).
    """

    adr: AdrConfig = field(default_factory=_adr)
    """ADR of the renders. The performance is the fraction of samples within the target errors;
    parameters without a step size stay as `render` has them (docs/vision.md lists all)."""
    target_mm: Positive = 5.0
    """Target error of the position [mm]."""
    target_deg: Positive = 5.0
    """Target error of the rotation [degrees]."""
    rounds: Count = 200
    """Number of rounds."""
    round_samples: Count = 2000
    """Samples rendered per round."""
    round_training_samples: Count = 10_000
    """Samples trained on per round."""
    keep_rounds: Annotated[int, Range(1, 10_000)] = 20
    """Train on the renders of this many latest rounds; older renders are deleted."""
    warm_start: Path | None = None
    """A run whose network to fine-tune: an untrained network widens no range."""
    render: RenderConfig = field(default_factory=lambda: RenderConfig(strength=0.0))
    """The nominal rig; `strength` and ranges apply to the parameters that are not under ADR."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.adr.step_sizes:
            raise ConfigError("adr.step_sizes: got nothing, allowed: one or more parameters")

    def learning(self, data: Path) -> PoseTrainConfig:
        """The same as a training on the renders in `data`."""
        shared = {one.name: getattr(self, one.name) for one in fields(LearnConfig)}
        samples = self.rounds * self.round_training_samples
        return PoseTrainConfig(data=data, training_samples=samples, **shared)
