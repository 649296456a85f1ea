"""A small run of three stages that the tests of stages share: PPO, another task, a clone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sleight.config import load, yamlfile
from sleight.train.config import TrainConfig
from sleight.train.runs.session import start

ITERATION = 8 * 16
"""Control steps of one iteration."""
SMALL: dict[str, Any] = {
    "threads": 1,
    "wandb": "off",
    "env": {
        "task": "block",
        "num_worlds": 8,
        "threads": 1,
        "goals": {"timeout_s": 0.8},
        "resets": {"cache": 16},
    },
    "policy": {
        "memory": "none", "embedding_size": 16, "hidden_size": 16, "critic_layers": [16, 16],
    },
    "rollout": {"horizon": 16, "bptt_steps": 8},
    "ppo": {"minibatches": 2},
}  # fmt: skip
STAGES: dict[str, Any] = {
    "near": {
        "steps": 2 * ITERATION,
        "adr": {
            "curriculum": {"goal.angle": [-2.0, -1.0, 2, 0.5]},
            "step_sizes": {"gravity": 0.2},
            "buffer": 2,
            "threshold_low": -2.0,
            "threshold_high": -1.0,
        },
    },
    "faces": {
        "steps": 2 * ITERATION,
        "env": {"task": "block-z"},
        "adr": {
            "step_sizes": {"gravity": 0.2, "object.size": 0.2},
            "buffer": 2,
            "threshold_low": -2.0,
            "threshold_high": -1.0,
        },
    },
    "memory": {
        "steps": 2 * ITERATION,
        "algorithm": "clone",
        "carry": {"weights": False},
        "policy": {"memory": "lstm", "residual": True},
        "clone": {"teacher": "stage:near", "minibatches": 2, "student_share": [0.5, 1.0]},
    },
}
Recipe = Callable[..., Path]


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """Writes the config of a run with stages: `recipe(NAME={...})` changes those stages."""

    def write(top: dict[str, Any] | None = None, **changes: Any) -> Path:
        stages = {name: {**stage, **changes.pop(name, {})} for name, stage in STAGES.items()}
        path = tmp_path / "staged.yaml"
        whole = {**SMALL, "runs": str(tmp_path / "runs"), **(top or {})}
        path.write_text(yamlfile.dump({**whole, "stages": {**stages, **changes}}))
        return path

    return write


@pytest.fixture(scope="session")
def staged_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run; nobody writes to it."""
    root = tmp_path_factory.mktemp("staged")
    path = root / "staged.yaml"
    path.write_text(yamlfile.dump({**SMALL, "runs": str(root), "stages": STAGES}))
    return start(load(TrainConfig, path, ["--name", "whole"]))
