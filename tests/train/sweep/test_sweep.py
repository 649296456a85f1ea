"""Sweeps without processes: what is tried, and what cannot be."""

import json
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sleight.cli import find
from sleight.config import load, yamlfile
from sleight.train.algorithms.ppo import PpoConfig
from sleight.train.config import RunAdrConfig, TrainConfig
from sleight.train.sweep import runner, space
from sleight.train.sweep import sweep_folder as sweep_folder
from sleight.train.sweep import trial_process as trial
from sleight.train.sweep.config import FieldConfig, SweepConfig
from tests.train.sweep.fake_trials import GAMMAS, STEPS, FakeTrial, Write, run_sweep

ROOT = Path(__file__).parents[3]


def test_a_grid_is_every_combination_with_every_seed(write: Write, world: dict[str, Any]) -> None:
    fields = {
        "ppo.gamma": FieldConfig(values=(0.5, 0.9)),
        "policy.critic_layers": FieldConfig(values=((8.0, 8.0), (16.0,))),
    }
    state = run_sweep(write(method="grid", fields=fields, seeds=3, concurrent=2)).state
    assert [tried.values for tried in state.settings] == [
        {"ppo.gamma": gamma, "policy.critic_layers": critic}
        for gamma in ("0.5", "0.9")
        for critic in ("[8.0, 8.0]", "[16.0]")
    ]
    assert sorted(world["started"]) == [f"t00{i}-s{k}" for i in range(4) for k in range(3)]
    assert state.settings[3].values_of_runs() == pytest.approx([0.9, 0.91, 0.92])


def test_the_noise_is_pooled_over_settings_by_hand(write: Write, world: dict[str, Any]) -> None:
    state = run_sweep(write(method="grid", fields={"ppo.gamma": GAMMAS}, seeds=3)).state
    # Each setting's seeds differ by 0, 0.01, 0.02: variance 1e-4, two degrees of freedom each.
    noise = state.noise()
    assert noise is not None and noise[1] == 18
    assert noise[0] == pytest.approx(statistics.stdev([0, 0.01, 0.02]))
    one = run_sweep(write(name="one", method="grid", fields={"ppo.gamma": GAMMAS})).state
    assert one.noise() is None


def test_bayesian_draws_gather_where_it_is_good(write: Write, world: dict[str, Any]) -> None:
    fields = {"ppo.clip_range": FieldConfig(low=0.01, high=1.0)}
    found = {}
    for method in ("random", "bayesian"):
        state = run_sweep(write(name=method, method=method, fields=fields, trials=30)).state
        found[method] = [float(tried.values["ppo.clip_range"]) for tried in state.settings]
    assert np.mean(found["bayesian"][15:]) > np.mean(found["random"][15:]) + 0.15
    assert all(0.01 <= value <= 1 for value in found["bayesian"])


def test_fields_that_disagree_fail_alone(write: Write, world: dict[str, Any]) -> None:
    fields = {"rollout.horizon": FieldConfig(low=8, high=24)}
    state = run_sweep(write(fields=fields, trials=12)).state
    for tried in state.settings:
        fits = int(tried.values["rollout.horizon"]) % 8 == 0  # `bptt_steps` divides the horizon
        end = tried.ends[0]
        assert end.state == ("complete" if fits else "failed")
        assert fits or "allowed: a divisor of" in end.remark


def test_a_run_without_the_metric_has_failed(write: Write, world: dict[str, Any]) -> None:
    fields = {"ppo.clip_range": FieldConfig(values=(10.0 / 100, 1.0))}
    source = write(method="grid", fields=fields)
    (first, _) = run_sweep(source).state.settings
    assert first.ends[0].state == "complete"
    world.clear()
    config, folder = sweep_folder.place(source)
    made = runner.Runner(config, *sweep_folder.reopen(config, folder, source), folder, print)
    world["t000-s0"] = {"steps": STEPS, "good": 99, "alive": False}
    made._conclude((0, 0), FakeTrial(folder, "t000-s0", world))  # type: ignore[arg-type]  # a fake
    assert made.state.settings[0].ends[0].remark == "metrics.jsonl: no successes_mean"


def test_a_score_is_the_mean_over_the_last_tenth(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    rows = [{"steps": 10 * i, "m": float(i)} for i in range(1, 21)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert trial.score(path, "m", 200) == 19.5  # 190 and 200; 180 is a tenth before
    assert trial.score(path, "m", 15) == 1.0
    assert trial.score(path, "m", 9) is None
    assert trial.score(path, "none", 200) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fields: {ppo.horizn: {values: [8]}}", "fields: ppo.horizn: unknown field, did you mean"),
        ("fields: {ppo.clip_range: {values: [0.1, 2]}}", "clip_range: got 2, allowed: a number "),
        ("fields: {ppo.clip_range: {low: 0.1, high: 3}}", "clip_range: got 3, allowed: a number"),
        ("fields: {ppo.epochs: {low: 1.5, high: 3}}", "ppo.epochs: got 1.5, allowed: an integer"),
        ("fields: {policy.memory: {low: 1, high: 3}}", "policy.memory: got 1, allowed: lstm, none"),
        ("fields: {wandb: {low: 1, high: 3}}", "wandb: got 1, allowed: auto"),
        ("fields: {ppo.clip_range: {values: [0.1], low: 1}}", "values: got both or neither"),
        ("fields: {ppo.clip_range: {}}", "values: got both or neither"),
        ("fields: {ppo.clip_range: {low: 0.2, high: 0.1}}", "got 0.2, 0.1, allowed: low < high"),
        ("fields: {ppo.kl_target: {values: [0.1]}}", "kl_target: got 0.1, allowed: a list of 2"),
        ("fields: {ppo.rate: {values: [0.1]}}", "fields: ppo.rate: renamed to ppo.learning_rate"),
        ("fields: {ppo.clip_range: {values: [0.1, 0.1]}}", "values: got one twice"),
        ("fields: {ppo.gamma: {low: 0, high: 1, log: true}}", "allowed with log: above 0"),
        ("fields: {seed: {values: [1, 2]}}", "got seed, allowed: the sweep's own `seeds`"),
        ("fields: {adr.step_sizes.objekt.size: {low: 0.1, high: 1}}", "unknown parameter 'obj"),
        ("fields: {env.rewards.sucess: {low: 0.1, high: 1}}", "did you mean 'success'?"),
        ("set: {ppo.clip_range: 7}", "set: ppo.clip_range: got 7, allowed: a number in (0, 1]"),
        ("set: {stepz: 7}", "set: stepz: unknown field, did you mean"),
        ("method: gird", "method: got \"gird\", allowed: grid, random, bayesian"),
        ("feilds: {}", "feilds: unknown field, did you mean 'fields'?"),
        ("metric: success", "metric: got \"success\", allowed: successes_mean"),
        ("concurrent: 0", "concurrent: got 0, allowed: an integer in [1, 1024]"),
        ("method: grid\nfields: {ppo.gamma: {low: 0.1, high: 1}}", "allowed with grid: values"),
        ("stopping: pbt\nmethod: grid", "method: got grid, allowed with stopping pbt: random"),
        ("stopping: pbt\nfields: {policy.hidden_size: {values: [8]}}", "which a run must keep"),
        ("stopping: asha\nasha: {min_steps: 900}", "asha.min_steps: got 900, allowed: below"),
        ("train: none.yaml", "none.yaml: no such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_refused(
    text: str, says: str, write: Write, refused: Callable[..., str], tmp_path: Path
) -> None:
    write()
    start = "" if "train:" in text else "train: reach.yaml\n"
    (tmp_path / "s.yaml").write_text(f"{start}runs: {tmp_path}/runs\n{text}\n")
    line = refused("sweep", tmp_path / "s.yaml")
    assert says in line and str(tmp_path / "s.yaml") in line
    assert not (tmp_path / "runs").exists()


def test_a_value_is_found_by_its_dotted_name(reach_config: TrainConfig) -> None:
    config = replace(reach_config, adr=RunAdrConfig(step_sizes={"object.size": 0.25}))
    assert space.value_of(config, "adr.step_sizes.object.size") == 0.25
    assert space.value_of(config, "env.goals.timeout-s") == 0.8
    assert space.flags({"a.b": True, "c": (1.0, 2.0), "d": 1e-5}) == [
        "--a.b=true", "--c=[1.0, 2.0]", "--d=1e-05"]  # fmt: skip


def test_the_example_can_be_swept() -> None:
    source = ROOT / "configs" / "sweep.yaml"
    config, folder = sweep_folder.place(source)
    found = space.open_space(config, source)
    assert folder == Path("runs/sweep") and found.base.steps == config.steps
    assert [d.whole for d in found.dimensions] == [False, False, True]
    assert space.rungs(config, config.steps)


def test_the_flags_of_a_wandb_agent_are_those_of_train() -> None:
    sweep = yamlfile.read(ROOT / "configs" / "wandb_sweep.yaml")
    assert sweep["command"][1:] == ["train", "configs/reach.yaml", "${args}"]
    assert find(sweep["command"][1]) and sweep["metric"]["name"] == SweepConfig("").metric
    for ends in (0, -1):
        words = []
        for name, kind in sweep["parameters"].items():
            values = kind.get("values") or [kind.get("min", kind.get("value")),
                                            kind.get("max", kind.get("value"))]  # fmt: skip
            words.append(f"--{name}={values[ends]}")  # as ${args} writes them
        config = load(TrainConfig, ROOT / sweep["command"][2], words)
        assert config.block(PpoConfig).epochs == (1, 6)[ends] and config.steps == 100_000
