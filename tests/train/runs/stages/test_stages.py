"""A run with stages: what each is, where it ends, what the next begins with."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from sleight.adr import persistence
from sleight.config import from_dict, load, save, to_dict
from sleight.train.config import TrainConfig
from sleight.train.rollout.players import open_player
from sleight.train.runs import checkpoint
from sleight.train.runs.metrics import read_metrics
from sleight.train.runs.session import start
from sleight.train.runs.stages.plan import plan_of
from tests.train.rows import untimed

from .conftest import ITERATION, STAGES, Recipe

Cli = Callable[..., tuple[int, str, str]]


def test_one_command_goes_through_all_stages(staged_run: Path) -> None:
    rows = read_metrics(staged_run / "metrics.jsonl")
    assert [row["stage"] for row in rows] == ["near"] * 2 + ["faces"] * 2 + ["memory"] * 2
    assert [row["steps"] for row in rows] == [ITERATION * n for n in range(1, 7)]
    assert all(a["seconds"] < b["seconds"] for a, b in pairwise(rows))
    assert "kl" in rows[0] and "kl_to_teacher" in rows[-1]
    for name, steps in (("near", 2), ("faces", 4), ("memory", 6)):
        end = checkpoint.load(staged_run / "stages" / name)
        assert end.meta["steps"] == steps * ITERATION
        assert end.meta["stage"]["ended"]


def test_the_run_is_played_as_its_last_stage(staged_run: Path) -> None:
    player: Any = open_player(staged_run)
    last = checkpoint.load(staged_run / "stages" / "memory")
    assert player.config.policy.memory == "lstm" and player.config.algorithm == "clone"
    weights = checkpoint.load(staged_run).weights
    assert all(torch.equal(weights[name], value) for name, value in last.weights.items())


def test_the_run_is_exported_as_its_last_stage_and_any_stage_for_itself(
    staged_run: Path, cli: Cli, tmp_path: Path
) -> None:
    faces = staged_run / "stages" / "faces"
    for run, out, memory in ((staged_run, "a", "lstm"), (faces, "b", "none")):
        code, _, err = cli("export", run, "--out", tmp_path / out)
        assert code == 0, err
        player: Any = open_player(tmp_path / out)
        assert player.config.policy.memory == memory
    words = ["--trials", "2", "--goals.max_successes", "1", "--goals.timeout_s", "0.8"]
    code, out_, err = cli("eval", staged_run, *words)
    assert code == 0 and "mean" in out_, err


def test_the_schedules_of_a_stage_span_the_stage(recipe: Recipe) -> None:
    """Of `memory` the student's share goes from a half to one, as if it stood alone."""
    rows = read_metrics(start(load(TrainConfig, recipe(), ["--name", "x"])) / "metrics.jsonl")
    shares = [row["student_share"] for row in rows if row["stage"] == "memory"]
    rates = [row["learning_rate"] for row in rows if row["stage"] == "memory"]
    assert 0.1 < shares[0] < 0.9  # of eight worlds
    assert rates[-1] == pytest.approx(1e-4)


def test_a_stage_begins_with_the_weights_and_the_ranges_of_the_one_before(recipe: Recipe) -> None:
    """With a learning rate that moves nothing, the weights at both ends are the same."""
    still = {"learning_rate": 1e-30, "learning_rate_limits": [1e-30, 1e-30]}
    folder = start(load(TrainConfig, recipe(faces={"ppo": still}), ["--name", "x"]))
    near, faces = (checkpoint.load(folder / "stages" / name) for name in ("near", "faces"))
    for name in ("actor.head.weight", "actor.log_std", "actor.memory.weight"):
        torch.testing.assert_close(near.weights[name], faces.weights[name])
    before = persistence.from_data(near.meta["adr"])
    first = next(row for row in read_metrics(folder / "metrics.jsonl") if row["stage"] == "faces")
    low, high = first["range/gravity"]
    assert before.low[0] < 0 or before.high[0] > 0, "or nothing was carried"
    assert high - low > 0 and "range/object.size" in first


@pytest.mark.parametrize(
    ("carry", "same"), [({}, True), ({"weights": False}, False), ({"action_std": 0.7}, True)]
)
def test_what_is_carried_over_can_be_chosen(
    recipe: Recipe, carry: dict[str, Any], same: bool
) -> None:
    still = {"learning_rate": 1e-30, "learning_rate_limits": [1e-30, 1e-30]}
    faces = {"ppo": still, "carry": {"adr": False, **carry}}
    folder = start(load(TrainConfig, recipe(faces=faces), ["--name", "x", "--seed", "5"]))
    near, end = (checkpoint.load(folder / "stages" / name).weights for name in ("near", "faces"))
    head = "actor.memory.weight"  # the seed is the same: so are new weights, before they learn
    assert torch.allclose(near[head], end[head]) is same
    std = end["actor.log_std"].exp()
    expected = torch.full_like(std, carry.get("action_std", 0.35))
    assert torch.allclose(std, expected, atol=0.02) and (near["actor.log_std"] < 0).all()


def test_the_optimizer_is_carried_over_where_it_is_asked_for(recipe: Recipe) -> None:
    same = {"env": {}, "adr": STAGES["near"]["adr"]}
    rates = {}
    for name, carry in (("fresh", {}), ("carried", {"optimizer": True})):
        path = recipe(
            near={"ppo": {"learning_rate": 2e-3, "kl_target": [0.0, 1e9]}},
            faces={**same, "ppo": {"learning_rate": 3e-4, "kl_target": [0, 1e9]}, "carry": carry},
        )
        folder = start(load(TrainConfig, path, ["--name", name, "--stages.memory", "null"]))
        rates[name] = [row["learning_rate"] for row in read_metrics(folder / "metrics.jsonl")]
        steps = checkpoint.load(folder).state["learner.0.step"]
        updates = 2 * 2 * 2  # iterations, epochs, minibatches
        assert int(steps) == (2 * updates if carry else updates)
    assert rates["fresh"] == [2e-3, 2e-3, 3e-4, 3e-4]
    assert rates["carried"] == [2e-3] * 4


def test_a_metric_ends_a_stage(recipe: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    """The curriculum widens with every few episodes."""
    grown = {"at_least": {"range/goal.angle/high": 2.2}}
    config = load(TrainConfig, recipe(near={"steps": 50 * ITERATION, "until": grown}))
    rows = read_metrics(start(config) / "metrics.jsonl")
    angles = [row["range/goal.angle"][1] for row in rows if row["stage"] == "near"]
    assert angles[-1] >= 2.2 and all(angle < 2.2 for angle in angles[:-1])
    assert 1 < len(angles) < 50 and len(rows) == len(angles) + 4
    assert (
        f"stage 1/3 near ended after {len(angles) * ITERATION:,} steps" in capsys.readouterr().err
    )


def test_a_metric_does_not_end_a_stage_before_its_least_steps(recipe: Recipe) -> None:
    until = {"at_most": {"kl": 1e9}, "min_steps": 3 * ITERATION}
    config = load(TrainConfig, recipe(near={"steps": 50 * ITERATION, "until": until}))
    rows = read_metrics(start(config) / "metrics.jsonl")
    assert sum(row["stage"] == "near" for row in rows) == 3


def test_metrics_that_may_end_a_stage_are_those_that_are_logged(staged_run: Path) -> None:
    from sleight.train.stage_config import measures, metrics_by_which_a_stage_ends

    config = load(TrainConfig, staged_run / "config.yaml")
    rows = read_metrics(staged_run / "metrics.jsonl")
    for name, stage in config.stages.items():
        last = next(row for row in reversed(rows) if row["stage"] == name)
        assert set(metrics_by_which_a_stage_ends(stage)) <= set(measures(last))


def test_a_stage_is_the_run_that_its_files_describe() -> None:
    """Of a shipped config, `base` gives a stage exactly what the file gives a run of its own."""
    whole = load(TrainConfig, Path(__file__).parents[4] / "configs" / "cube.yaml", ["--name", "x"])
    for stage in plan_of(whole):
        file = f"cube_{stage.name}.yaml"
        alone = load(TrainConfig, Path(__file__).parents[4] / "configs" / file, ["--name", "x"])
        got, expected = to_dict(stage.config), to_dict(alone)
        apart = {key for key in got if got[key] != expected.get(key)}
        assert apart <= {"steps", "seed", "clone"}, stage.name


def test_the_saved_config_is_the_same_run(recipe: Recipe, tmp_path: Path) -> None:
    flags = ["--env.num_worlds", "4", "--stages.faces.steps", "640", "--seed", "7"]
    config = load(TrainConfig, recipe(), flags)
    assert config.steps == 4 * ITERATION + 640
    assert {stage.seed for stage in config.stages.values()} == {7}
    assert {stage.env.num_worlds for stage in config.stages.values()} == {4}
    assert "goal.angle" not in config.stages["faces"].adr.curriculum
    save(config, tmp_path / "saved.yaml")
    again = load(TrainConfig, tmp_path / "saved.yaml")
    for one, two in zip(plan_of(config), plan_of(again), strict=True):
        first, second = to_dict(one.config), to_dict(two.config)
        assert {k: v for k, v in second.items() if k in first} == first
        assert (one.until, one.carry, one.before) == (two.until, two.carry, two.before)
    assert to_dict(from_dict(TrainConfig, to_dict(again), "data")) == to_dict(again)


def test_a_stage_can_be_left_out_by_a_flag(recipe: Recipe) -> None:
    config = load(TrainConfig, recipe(), ["--stages.faces", "null"])
    assert list(config.stages) == ["near", "memory"]
    assert config.steps == 4 * ITERATION


def test_a_run_of_one_stage_is_the_run_without_stages(recipe: Recipe) -> None:
    left_out = ["--stages.faces", "null", "--stages.memory", "null"]
    path = recipe()
    staged = start(load(TrainConfig, path, ["--name", "staged", *left_out]))
    alone = plan_of(load(TrainConfig, path, ["--name", "alone", *left_out]))[0].config
    rows = [{k: v for k, v in row.items() if k != "stage"} for row in untimed(staged)]
    assert rows == untimed(start(alone))
