"""Sweeps without processes: what is tried, what is stopped; a journal is the whole state."""

import copy
import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sleight.cli import find
from sleight.config import load, yamlfile
from sleight.config import save as save_config
from sleight.errors import DataError
from sleight.train.config import TrainConfig
from sleight.train.sweep import folder as sweep_folder
from sleight.train.sweep import pbt, runner, space, trial
from sleight.train.sweep.config import AshaConfig, FieldConfig, PbtConfig, SweepConfig
from sleight.train.sweep.journal import Journal, read
from sleight.train.sweep.space import Dimension
from sleight.train.sweep.state import Tried

ROOT = Path(__file__).parents[2]
Write = Callable[..., Path]
STEPS = 900


@pytest.fixture
def write(reach_config: TrainConfig, tmp_path: Path) -> Write:
    """Write a sweep's file and its training config."""
    save_config(replace(reach_config, steps=STEPS), tmp_path / "reach.yaml")

    def put(**fields: Any) -> Path:
        config = SweepConfig(train="reach.yaml", runs=str(tmp_path / "runs"), **fields)
        save_config(config, tmp_path / "s.yaml")
        return tmp_path / "s.yaml"

    return put


@dataclass
class _Fake:
    """A run that advances by 100 steps each time it is looked at; its score follows from its
    settings and its seed."""

    sweep: Path
    name: str
    world: dict[str, Any]

    def start(self, words: list[str], threads: int = 0) -> None:
        flags = dict(w[2:].split("=", 1) for w in words if w.startswith("--"))
        seed = int(flags["seed"])
        good = float(flags.get("ppo.gamma", 0.5)) + 10 * float(flags.get("ppo.clip", 0.0))
        steps = self.steps()  # it goes on from where it was
        run = {"steps": steps, "good": good + 0.01 * seed, "alive": True}
        self.world[self.name] = run
        self.world.setdefault("started", []).append(self.name)

    def running(self) -> bool:
        run = self.world.get(self.name)
        if run is None or not run["alive"]:
            return False
        run["steps"] += 100
        run["alive"] = run["steps"] < STEPS
        return bool(run["alive"])

    def ask_to_stop(self) -> None:
        self.world[self.name]["alive"] = False

    def steps(self) -> int:
        return int(self.world.get(self.name, {"steps": 0})["steps"])

    seen = steps

    def score(self, metric: str, at: int) -> float | None:
        if self.world[self.name]["good"] > 90:
            return None
        return float(self.world[self.name]["good"] * at / STEPS)

    def failure(self) -> str:
        return "it said no"

    def killed(self) -> bool:
        return False


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Runs that are numbers; the name of each in the order of starting."""
    runs: dict[str, Any] = {}
    monkeypatch.setattr(runner, "Trial", lambda sweep, name: _Fake(sweep, name, runs))
    monkeypatch.setattr(runner, "POLL_S", 0.0)
    return runs


def _run(source: Path, again: bool = False) -> runner.Runner:
    config, folder = sweep_folder.place(source)
    opened = (sweep_folder.reopen if again else sweep_folder.create)(config, folder, source)
    made = runner.Runner(config, *opened, folder, lambda line: None)
    made.run()
    return made


GAMMAS = FieldConfig(values=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9))
FALLING = FieldConfig(values=tuple(reversed(GAMMAS.values)))


def test_a_grid_is_every_combination_with_every_seed(write: Write, world: dict[str, Any]) -> None:
    fields = {
        "ppo.gamma": FieldConfig(values=(0.5, 0.9)),
        "policy.critic": FieldConfig(values=((8.0, 8.0), (16.0,))),
    }
    state = _run(write(method="grid", fields=fields, seeds=3, concurrent=2)).state
    assert [tried.values for tried in state.settings] == [
        {"ppo.gamma": gamma, "policy.critic": critic}
        for gamma in ("0.5", "0.9")
        for critic in ("[8.0, 8.0]", "[16.0]")
    ]
    assert sorted(world["started"]) == [f"t00{i}-s{k}" for i in range(4) for k in range(3)]
    assert state.settings[3].values_of_runs() == pytest.approx([0.9, 0.91, 0.92])


def test_the_noise_is_pooled_over_settings_by_hand(write: Write, world: dict[str, Any]) -> None:
    state = _run(write(method="grid", fields={"ppo.gamma": GAMMAS}, seeds=3)).state
    # Each setting's seeds differ by 0, 0.01, 0.02: variance 1e-4, two degrees of freedom each.
    noise = state.noise()
    assert noise is not None and noise[1] == 18
    assert noise[0] == pytest.approx(statistics.stdev([0, 0.01, 0.02]))
    one = _run(write(name="one", method="grid", fields={"ppo.gamma": GAMMAS})).state
    assert one.noise() is None


def test_asha_stops_the_poor_and_repeats_what_survives(write: Write, world: dict[str, Any]) -> None:
    source = write(
        method="grid", fields={"ppo.gamma": FALLING}, seeds=2, stopping="asha",
        asha=AshaConfig(reduction=3), concurrent=3,
    )  # fmt: skip
    made = _run(source)
    assert made.state.study.rungs == [100, 300]
    ends = {tried.index: tried.ends for tried in made.state.settings}
    best = ends[0]
    assert [best[seed].state for seed in (0, 1)] == ["complete", "complete"]
    pruned = [index for index, end in ends.items() if end[0].state == "pruned"]
    assert pruned and all(ends[i].keys() == {0} for i in pruned), "no repeats of what was stopped"
    assert all(ends[i][0].steps < STEPS for i in pruned)


def test_asha_keeps_the_last_in_line_only_if_it_is_among_the_best(
    write: Write, world: dict[str, Any]
) -> None:
    source = write(method="grid", fields={"ppo.gamma": FALLING}, stopping="asha",
                   asha=AshaConfig(first=300, reduction=3))  # fmt: skip
    state = _run(source).state
    # One after the other, each worse than all before: the first alone is in the best third.
    assert [tried.ends[0].state for tried in state.settings] == ["complete"] + ["pruned"] * 8


def test_bayesian_draws_gather_where_it_is_good(write: Write, world: dict[str, Any]) -> None:
    fields = {"ppo.clip": FieldConfig(low=0.01, high=1.0)}
    found = {}
    for method in ("random", "bayesian"):
        state = _run(write(name=method, method=method, fields=fields, trials=30)).state
        found[method] = [float(tried.values["ppo.clip"]) for tried in state.settings]
    assert np.mean(found["bayesian"][15:]) > np.mean(found["random"][15:]) + 0.15
    assert all(0.01 <= value <= 1 for value in found["bayesian"])


@pytest.mark.parametrize("mode", ["max", "min"])
def test_mode_says_which_way_is_better(write: Write, world: dict[str, Any], mode: Any) -> None:
    source = write(method="grid", fields={"ppo.gamma": GAMMAS}, stopping="asha", mode=mode,
                   asha=AshaConfig(first=300))  # fmt: skip
    states = [tried.ends[0].state for tried in _run(source).state.settings]
    # The values rise: the best so far each time, or the worst.
    assert states == (["complete"] * 9 if mode == "max" else ["complete"] + ["pruned"] * 8)


def test_a_killed_sweep_does_what_an_undisturbed_one_does(
    write: Write, world: dict[str, Any]
) -> None:
    fields = {"ppo.gamma": FieldConfig(low=0.1, high=0.9), "ppo.epochs": FieldConfig(low=1, high=9)}
    source = write(method="bayesian", fields=fields, trials=6, seeds=2, stopping="asha")
    whole = _run(source)
    path, left = whole.journal.path, copy.deepcopy(world)
    lines = path.read_text().splitlines(keepends=True)
    assert len(lines) > 15
    for count in range(len(lines)):
        world.clear()
        world.update(copy.deepcopy(left))
        path.write_text("".join(lines[:count]) + '{"event": "en')  # killed while it wrote
        _run(source, again=True)
        assert _settled(path.read_text()) == _settled("".join(lines)), count


def _settled(text: str) -> list[Any]:
    """Settings and ends; steps where a run was stopped depend on when it was looked at."""
    rows = [json.loads(line) for line in text.splitlines()]
    keep = ("event", "setting", "values", "seed", "state")
    return sorted(json.dumps({k: row[k] for k in keep if k in row}) for row in rows)


def test_fields_that_disagree_fail_alone(write: Write, world: dict[str, Any]) -> None:
    fields = {"ppo.horizon": FieldConfig(low=8, high=24)}
    state = _run(write(fields=fields, trials=12)).state
    for tried in state.settings:
        fits = int(tried.values["ppo.horizon"]) % 8 == 0  # `chunk` divides the horizon
        end = tried.ends[0]
        assert end.state == ("complete" if fits else "failed")
        assert fits or "allowed: a divisor of" in end.remark


def test_a_run_without_the_metric_has_failed(write: Write, world: dict[str, Any]) -> None:
    fields = {"ppo.clip": FieldConfig(values=(10.0 / 100, 1.0))}
    source = write(method="grid", fields=fields)
    (first, _) = _run(source).state.settings
    assert first.ends[0].state == "complete"
    world.clear()
    config, folder = sweep_folder.place(source)
    made = runner.Runner(config, *sweep_folder.reopen(config, folder, source), folder, print)
    world["t000-s0"] = {"steps": STEPS, "good": 99, "alive": False}
    made._conclude((0, 0), _Fake(folder, "t000-s0", world))  # type: ignore[arg-type]  # a fake
    assert made.state.settings[0].ends[0].remark == "metrics.jsonl: no successes_mean"


def test_a_score_is_the_mean_over_the_last_tenth(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    rows = [{"steps": 10 * i, "m": float(i)} for i in range(1, 21)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert trial.score(path, "m", 200) == 19.5  # 190 and 200; 180 is a tenth before
    assert trial.score(path, "m", 15) == 1.0
    assert trial.score(path, "m", 9) is None
    assert trial.score(path, "none", 200) is None


# Population-based training


def _members(count: int, value: float = 0.5) -> list[Tried]:
    return [Tried(i, {"a": value, "b": "x", "n": 4}) for i in range(count)]


DIMENSIONS = (
    Dimension("a", low=0.1, high=1.0),
    Dimension("b", choices=("w", "x", "y")),
    Dimension("n", low=1, high=8, whole=True),
)


def test_the_worst_go_on_from_the_best() -> None:
    config = SweepConfig(train="", stopping="pbt", pbt=PbtConfig(share=0.25, resample=0.0))
    scores = [5.0, None, 1.0, 9.0, 4.0, 3.0, 8.0, 2.0]
    moves = pbt.plan(config, DIMENSIONS, _members(8), scores, np.random.default_rng(0))
    assert {move["member"] for move in moves} == {1, 2}, "nothing scored is the worst"
    assert {move["donor"] for move in moves} <= {3, 6}
    for move in moves:
        values: Any = move["values"]
        assert values["a"] in (0.4, 0.625) and values["b"] in ("w", "y") and values["n"] in (3, 5)
    low = pbt.plan(replace(config, mode="min"), DIMENSIONS, _members(8), scores,
                   np.random.default_rng(0))  # fmt: skip
    assert {move["member"] for move in low} == {1, 3} and {m["donor"] for m in low} <= {2, 7}
    nothing = pbt.plan(config, DIMENSIONS, _members(4), [None] * 4, np.random.default_rng(0))
    assert nothing == []


def test_a_perturbed_value_stays_in_its_limits() -> None:
    rng = np.random.default_rng(1)
    for resample in (0.0, 0.5, 1.0):
        config = PbtConfig(resample=resample)
        for dimension, value in zip(DIMENSIONS, (0.95, "w", 8), strict=True):
            for _ in range(50):
                found = pbt.perturb(dimension, value, config, rng)
                if dimension.choices:
                    assert found in dimension.choices
                else:
                    assert dimension.low <= float(found) <= dimension.high
                    assert isinstance(found, int) == dimension.whole


def test_generations_end_with_the_runs() -> None:
    assert pbt.boundaries(PbtConfig(interval=300), 900) == [300, 600, 900]
    assert pbt.boundaries(PbtConfig(interval=400), 900) == [400, 800, 900]
    assert pbt.boundaries(PbtConfig(), 800) == list(range(100, 801, 100))


# Bad input


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fields: {ppo.horizn: {values: [8]}}", "fields: ppo.horizn: unknown field, did you mean"),
        ("fields: {ppo.clip: {values: [0.1, 2]}}", "ppo.clip: got 2, allowed: a number in (0, 1]"),
        ("fields: {ppo.clip: {low: 0.1, high: 3}}", "ppo.clip: got 3, allowed: a number in (0, 1]"),
        ("fields: {ppo.epochs: {low: 1.5, high: 3}}", "ppo.epochs: got 1.5, allowed: an integer"),
        ("fields: {policy.memory: {low: 1, high: 3}}", "policy.memory: got 1, allowed: lstm, none"),
        ("fields: {wandb: {low: 1, high: 3}}", "wandb: got 1, allowed: auto"),
        ("fields: {ppo.clip: {values: [0.1], low: 1}}", "values: got both or neither"),
        ("fields: {ppo.clip: {}}", "values: got both or neither"),
        ("fields: {ppo.clip: {low: 0.2, high: 0.1}}", "got 0.2, 0.1, allowed: low < high"),
        ("fields: {ppo.entropy: {values: [0.1]}}", "ppo.entropy: got 0.1, allowed: a list of 2"),
        ("fields: {ppo.clip: {values: [0.1, 0.1]}}", "values: got one twice"),
        ("fields: {ppo.gamma: {low: 0, high: 1, log: true}}", "allowed with log: above 0"),
        ("fields: {seed: {values: [1, 2]}}", "got seed, allowed: the sweep's own `seeds`"),
        ("fields: {widen.objekt.size: {low: 0.1, high: 1}}", "unknown parameter 'objekt.size'"),
        ("fields: {env.rewards.sucess: {low: 0.1, high: 1}}", "did you mean 'success'?"),
        ("set: {ppo.clip: 7}", "set: ppo.clip: got 7, allowed: a number in (0, 1]"),
        ("set: {stepz: 7}", "set: stepz: unknown field, did you mean"),
        ("method: gird", "method: got \"gird\", allowed: grid, random, bayesian"),
        ("feilds: {}", "feilds: unknown field, did you mean 'fields'?"),
        ("metric: success", "metric: got \"success\", allowed: successes_mean"),
        ("concurrent: 0", "concurrent: got 0, allowed: an integer in [1, 1024]"),
        ("method: grid\nfields: {ppo.clip: {low: 0.1, high: 1}}", "allowed with grid: values"),
        ("stopping: pbt\nmethod: grid", "method: got grid, allowed with stopping pbt: random"),
        ("stopping: pbt\nfields: {policy.hidden: {values: [8]}}", "which a run must keep"),
        ("stopping: asha\nasha: {first: 900}", "asha.first: got 900, allowed: below steps, 900"),
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


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("journal.jsonl:garbage\n", "journal.jsonl: line 1: got 'garbage', allowed: a JSON object"),
        ('journal.jsonl:{"event": "edn"}\n', "line 1: event: got 'edn', did you mean 'end'?"),
        ('journal.jsonl:{"event": "rung", "setting": -1}\n', "line 1: setting: got -1"),
        ('journal.jsonl:{"event": "rung", "setting": 5, "steps": 1, "value": 1}\n', "got 5, which"),
        ('journal.jsonl:{"event": "setting", "setting": 0, "values": {"x": 1}}\n', "another sweep"),
        (
            'journal.jsonl:{"event": "setting", "setting": 0, "values": {"ppo.gamma": "5"}}\n',
            "setting 0: ppo.gamma: got 5",
        ),
        ("journal.jsonl:\xff", "journal.jsonl: not UTF-8"),
        ("base.yaml:steps: [", "base.yaml: not valid YAML"),
        ("sweep.yaml:train: base.yaml\ntrials: -1", "sweep.yaml: trials: got -1"),
        ("sweep.yaml:", "got no sweep.yaml, allowed: the folder of a sweep"),
        ("base.yaml:", "got no base.yaml, allowed: the folder of a sweep"),
        ("journal.jsonl:", "got no journal.jsonl, allowed: the folder of a sweep"),
    ],
)
def test_a_damaged_folder_is_refused(
    damage: str, says: str, write: Write, refused: Callable[..., str], tmp_path: Path
) -> None:
    source = write(method="grid", fields={"ppo.gamma": GAMMAS})
    config, folder = sweep_folder.place(source)
    sweep_folder.create(config, folder, source)
    name, _, text = damage.partition(":")
    (folder / name).unlink()
    if text:
        (folder / name).write_bytes(text.encode("latin-1"))
    assert says in refused("sweep", source, "--resume")
    assert says in refused("sweep", source, "--report")


def test_going_on_with_something_else_is_refused(
    write: Write, refused: Callable[..., str], tmp_path: Path, world: dict[str, Any]
) -> None:
    source = write(method="grid", fields={"ppo.gamma": GAMMAS})
    assert "which is no folder" in refused("sweep", source, "--resume")
    _run(source)
    assert "got s, which exists; allowed: --resume" in refused("sweep", source)
    write(method="grid", fields={"ppo.gamma": GAMMAS}, seeds=2)
    assert "seeds: got 2, allowed with --resume: 1" in refused("sweep", source, "--resume")
    write(method="grid", fields={"ppo.gamma": GAMMAS})
    recipe = tmp_path / "reach.yaml"
    recipe.write_text(recipe.read_text().replace("chunk: 8", "chunk: 4"))
    line = refused("sweep", source, "--resume")
    assert "train: ppo.chunk: got 4, allowed with --resume: 8" in line
    write(method="grid", fields={"ppo.gamma": GAMMAS}, concurrent=4)
    recipe.write_text(recipe.read_text().replace("chunk: 4", "chunk: 8"))
    _run(source, again=True)


def test_a_journal_loses_only_a_line_that_was_cut_off(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for index in range(3):
        journal.add("rung", setting=index, steps=10, value=None)
    whole = journal.path.read_bytes()
    for cut in range(len(whole) + 1):
        journal.path.write_bytes(whole[:cut])
        again = Journal(tmp_path)
        assert len(again.events) == whole[:cut].count(b"\n")
        assert again.add("moved", generation=1) == read(journal.path)[-1]
    with pytest.raises(DataError, match="steps: got None"):
        journal.add("rung", setting=0, steps=None, value=1.0)


def test_a_value_is_found_by_its_dotted_name(reach_config: TrainConfig) -> None:
    config = replace(reach_config, widen={"object.size": 0.25})
    assert space.value_of(config, "widen.object.size") == 0.25
    assert space.value_of(config, "env.goals.timeout-s") == 0.8
    assert space.flags({"a.b": True, "c": (1.0, 2.0), "d": 1e-5}) == [
        "--a.b=true", "--c=[1.0, 2.0]", "--d=1e-05"]  # fmt: skip


# The examples


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
        assert config.ppo.epochs == (1, 6)[ends] and config.steps == 100_000
