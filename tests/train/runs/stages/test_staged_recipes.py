"""The recipes that ship: every stage of them begins after the one before, learns, and ends."""

from pathlib import Path
from typing import Any

import pytest

from sleight.config import load
from sleight.train.config import TrainConfig
from sleight.train.rollout.players import open_player
from sleight.train.runs.metrics import read_metrics
from sleight.train.runs.session import start

ROOT = Path(__file__).parents[4]
WORLDS, HORIZON = 4, 16
TINY = [
    "--env.num_worlds", str(WORLDS), "--env.threads", "1", "--env.resets.cache", "8",
    "--rollout.horizon", str(HORIZON), "--rollout.bptt_steps", "8", "--ppo.minibatches", "2",
    "--clone.minibatches", "2", "--ppo.epochs", "1", "--clone.epochs", "1", "--threads", "1",
    "--policy.embedding_size", "16", "--policy.hidden_size", "16",
    "--policy.critic_layers", "[16, 16]", "--wandb", "off", "--name", "tiny",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "stages", "total"),
    [
        ("cube", ["turns", "turns_free", "mix", "live", "adr", "rig"], 12_250_000),
        ("block_full", ["grow", "goals", "memory", "adr", "wide", "rig"], 28_000_000),
    ],
)
def test_a_shipped_recipe_goes_through_all_its_stages(
    name: str, stages: list[str], total: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)  # its teachers are pretrained/...
    path = ROOT / "configs" / f"{name}.yaml"
    assert load(TrainConfig, path).steps == total
    steps = 2 * WORLDS * HORIZON
    lengths = [word for stage in stages for word in (f"--stages.{stage}.steps", str(steps))]
    folder = start(load(TrainConfig, path, [*TINY, "--runs", str(tmp_path), *lengths]))
    rows = read_metrics(folder / "metrics.jsonl")
    assert [row["stage"] for row in rows] == [stage for stage in stages for _ in range(2)]
    player: Any = open_player(folder)
    assert player.config.env.task == ("cube-live" if name == "cube" else "block")
    assert player.config.policy.memory == "lstm" and player.config.policy.residual
