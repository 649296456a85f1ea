"""The shipped training configs, and which of them cost the same per control step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..config import load, yamlfile
from ..errors import SleightError
from ..train.algorithms.algorithm_registry import warm_up_steps
from ..train.algorithms.ppo import PpoConfig
from ..train.config import TrainConfig
from ..train.sweep.config import SweepConfig

CONFIGS = Path(__file__).parent.parent / "configs"
PARTS = ("base.yaml", "calibrated_hand.yaml")
"""What other configs begin with."""
CROWDS = (3, 30)
"""Randomized parameters from which worlds take more time to write and to reset."""


@dataclass(frozen=True)
class Recipe:
    """A config of `sleight train`, `clone` or `sweep`, or a stage of one."""

    name: str
    steps: int
    """Control steps in total; of a sweep at most."""
    config: TrainConfig

    @property
    def kind(self) -> tuple[object, ...]:
        """Recipes of one kind cost the same per control step."""
        config = self.config
        policy = config.policy
        sizes = policy.embedding_size, policy.hidden_size, policy.critic_layers
        names = {*config.adr.step_sizes, *config.env.randomization}
        crowd = sum(len(names) >= least for least in CROWDS)
        return config.env.task, policy.memory, sizes, crowd, config.block(PpoConfig).epochs


def recipes(folder: Path = CONFIGS) -> list[Recipe]:
    """Every file of the folder that trains a policy; files of other kinds are left out."""
    found = []
    for path in sorted(folder.glob("*.yaml")):
        if path.name in PARTS:
            continue
        try:
            found += _recipes(path)
        except SleightError:
            continue
    return found


def _recipes(path: Path) -> list[Recipe]:
    data = yamlfile.read(path)
    keys = data if isinstance(data, dict) else {}
    if "method" in keys:
        return [_sweep(path, load(SweepConfig, path))]
    # A clone needs a teacher, which is not at hand; its student costs what a learner's actor does.
    flags = ("--algorithm", "ppo") if keys.get("algorithm") == "clone" else ()
    config = load(TrainConfig, path, flags)
    if warm_up_steps(config):
        return []  # the measurement would end before it learns
    if not config.stages:
        return [Recipe(path.name, config.steps, config)]
    return [
        Recipe(f"{path.name}, {name}", stage.steps, replace(stage.alone(config), algorithm="ppo"))
        for name, stage in config.stages.items()
    ]


def _sweep(path: Path, sweep: SweepConfig) -> Recipe:
    """Every setting with every seed, as without early stopping."""
    config = load(TrainConfig, path.parent / sweep.train)
    runs = (len(sweep.arms) or sweep.trials) * sweep.seeds
    return Recipe(path.name, runs * (sweep.steps or config.steps), config)
