"""What the tests of sweeps share."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sleight.config import save as save_config
from sleight.train.config import TrainConfig
from sleight.train.sweep import runner
from sleight.train.sweep.config import SweepConfig
from tests.train.sweep.fake_trials import STEPS, FakeTrial, Write


@pytest.fixture
def write(reach_config: TrainConfig, tmp_path: Path) -> Write:
    """Write a sweep's file and its training config."""
    save_config(replace(reach_config, steps=STEPS), tmp_path / "reach.yaml")

    def put(**fields: Any) -> Path:
        config = SweepConfig(train="reach.yaml", runs=str(tmp_path / "runs"), **fields)
        save_config(config, tmp_path / "s.yaml")
        return tmp_path / "s.yaml"

    return put


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Runs that are numbers; the name of each in the order of starting."""
    runs: dict[str, Any] = {}
    monkeypatch.setattr(runner, "Trial", lambda sweep, name: FakeTrial(sweep, name, runs))
    monkeypatch.setattr(runner, "POLL_S", 0.0)
    return runs
