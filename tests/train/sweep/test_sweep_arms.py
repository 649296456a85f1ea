"""Ablations: arms that change several fields at once, and the table of what their runs can do."""

import json
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sleight.config import load
from sleight.config import save as save_config
from sleight.envs.config import GoalConfig
from sleight.errors import ConfigError, DataError
from sleight.train.algorithms.ppo import PpoConfig
from sleight.train.config import TrainConfig
from sleight.train.runs.session import start
from sleight.train.sweep import runner
from sleight.train.sweep import sweep_folder as sweep_folder
from sleight.train.sweep.config import EvaluateConfig, FieldConfig, SweepConfig
from sleight.train.sweep.reports.sweep_report import report
from sleight.train.sweep.reports.trial_table import (
    Score,
    evaluate_runs,
    markdown,
    rows,
    write_table,
)
from sleight.train.sweep.space import check, open_space
from sleight.train.sweep.sweep_state import State

ROOT = Path(__file__).parents[3]
ARMS = {"LSTM": {"policy.memory": "lstm"}, "plain": {"policy.memory": "none", "ppo.gamma": 0.9}}


def _sweep(config: TrainConfig, folder: Path, **fields: object) -> tuple[SweepConfig, Path]:
    """A sweep of a grid over ARMS, and its folder."""
    save_config(config, folder / "reach.yaml")
    asked = SweepConfig(train="reach.yaml", runs=str(folder / "runs"), name="s", method="grid",
                        arms=ARMS, **fields)  # type: ignore[arg-type]  # fmt: skip
    save_config(asked, folder / "s.yaml")
    return sweep_folder.place(folder / "s.yaml")


def test_an_arm_is_all_of_its_fields(reach_config: TrainConfig, tmp_path: Path) -> None:
    config, folder = _sweep(
        reach_config, tmp_path, fields={"ppo.clip_range": FieldConfig(values=(0.1, 0.2))}
    )
    space, _ = sweep_folder.create(config, folder, tmp_path / "s.yaml")
    settings = list(space.grid())
    assert [s["arm"] for s in settings] == ["LSTM", "LSTM", "plain", "plain"]
    made = [check(folder / "base.yaml", space.expand(s)) for s in settings]
    assert [c.policy.memory for c in made] == ["lstm", "lstm", "none", "none"]
    assert [c.block(PpoConfig).gamma for c in made] == [0.99] * 2 + [0.9] * 2
    assert [c.block(PpoConfig).clip_range for c in made] == [0.1, 0.2, 0.1, 0.2]
    words = runner.command(folder, (2, 1), space.expand(settings[2]), 5)
    assert "--policy.memory=none" in words and "--ppo.clip_range=0.1" in words
    assert not any(word.startswith("--arm") for word in words)
    # What is read back means the same.
    again = sweep_folder.read(folder)
    assert again.space.expand(settings[2]) == space.expand(settings[2])


@pytest.mark.parametrize(
    ("arms", "fields", "said"),
    [
        ({"a": {"ppo.gama": 0.9}, "b": {}}, {}, "arms: a: ppo.gama"),
        ({"a": {"ppo.gamma": 9.0}, "b": {}}, {}, "allowed"),
        ({"a": {"seed": 1}, "b": {}}, {}, "the sweep's own `seeds`"),
        (
            {"a": {"ppo.clip_range": 0.3}, "b": {}},
            {"ppo.clip_range": FieldConfig(values=(0.1,))},
            "in fields",
        ),
    ],
)
def test_arms_are_checked_before_anything_runs(
    reach_config: TrainConfig, tmp_path: Path, arms: dict, fields: dict, said: str
) -> None:
    save_config(reach_config, tmp_path / "reach.yaml")
    config = SweepConfig(train="reach.yaml", method="grid", arms=arms, fields=fields)
    with pytest.raises(ConfigError, match=said) as error:
        open_space(config, tmp_path / "s.yaml")
    assert "s.yaml" in str(error.value)


def test_one_arm_is_no_comparison() -> None:
    with pytest.raises(ValueError, match="two and more"):
        SweepConfig(train="x", arms={"a": {}})


def test_scores_by_hand() -> None:
    # Means 2 and 4: their mean 3, deviation sqrt(2), error 1; median of 1, 3, 4, 4.
    two = Score(((1, 3), (4, 4)))
    assert (two.mean, two.standard_error, two.median) == pytest.approx((3.0, 1.0, 3.5))
    one = Score(((0, 1, 2, 5),))
    assert one.standard_error == pytest.approx(statistics.stdev([0, 1, 2, 5]) / 2)


@pytest.fixture
def ran(reach_config: TrainConfig, tmp_path: Path) -> tuple[State, Path]:
    """A sweep of two arms with one short run each, to be evaluated in two kinds of worlds."""
    trials = EvaluateConfig(
        trials=4, goals=GoalConfig(timeout_s=0.8), randomization={"hand.gain": (0.8, 1.2)}
    )
    config, folder = _sweep(replace(reach_config, steps=128), tmp_path, evaluate=trials)
    space, journal = sweep_folder.create(config, folder, tmp_path / "s.yaml")
    for index, setting in enumerate(space.grid()):
        journal.add("setting", setting=index, values=setting)
        run = check(folder / "base.yaml", space.expand(setting))
        start(replace(run, name=f"t{index:03d}-s0", runs=str(folder)))
        journal.add("end", setting=index, seed=0, state="complete", value=1.0, steps=128,
                    remark="")  # fmt: skip
    return sweep_folder.read(folder), folder


def test_runs_are_evaluated_once_and_make_a_table(ran: tuple[State, Path]) -> None:
    state, folder = ran
    evaluate_runs(state, folder, stop=lambda: True)
    assert not list(folder.glob("t*/eval*.json"))
    evaluate_runs(state, folder)
    files = sorted(folder.glob("t*/eval*.json"))
    assert [f"{f.parent.name}/{f.name}" for f in files] == [
        f"t{i:03d}-s0/{name}" for i in (0, 1) for name in ("eval.json", "eval_randomized.json")
    ]
    drawn = json.loads(files[1].read_text())
    assert drawn["settings"]["randomization"]["hand.gain"] == [0.8, 1.2]
    stamps = [file.stat().st_mtime_ns for file in files]
    evaluate_runs(state, folder)
    assert stamps == [file.stat().st_mtime_ns for file in files], "what is there is not repeated"
    head, body = rows(state, folder)
    assert head == ("arm", "runs", "nominal: mean ± s.e.", "nominal: median",
                    "randomized: mean ± s.e.", "randomized: median")  # fmt: skip
    trials = json.loads(files[0].read_text())["trials"]
    assert body[0][:3] == ("LSTM", "1", f"{statistics.fmean(trials):.2f} ± " + body[0][2][-4:])
    written = write_table(state, folder).read_text()
    assert written == markdown(head, body) and written.count("\n") == 4
    assert "randomized: mean ± s.e." in report(state, folder)
    files[0].write_text("{}")
    with pytest.raises(DataError, match=r"eval.json: trials: got nothing"):
        rows(state, folder)


@pytest.mark.parametrize("name", ["memory", "critic", "randomization"])
def test_the_ablations_that_come_with_it_can_be_run(name: str) -> None:
    path = ROOT / "configs" / f"ablate_{name}.yaml"
    config = load(SweepConfig, path)
    space = open_space(config, path)
    assert len(list(space.grid())) == len(config.arms) >= 2
    assert config.evaluate.trials >= 100 and config.evaluate.randomization


def test_a_sweep_without_arms_is_as_before(refused: Callable, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("train: reach.yaml\narms: [1]\n")
    assert "arms" in refused("sweep", tmp_path / "s.yaml")
