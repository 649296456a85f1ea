"""`sleight adr report`: what is on the page, what is in the CSVs, and what is refused."""

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sleight.adr import persistence
from sleight.adr.adr_config import AdrConfig, Dimension
from sleight.adr.reports import record
from sleight.adr.state import AdrState, initial
from sleight.adr.updates import update
from sleight.config import save
from sleight.envs.config import EnvConfig
from sleight.envs.randomization.table import BY_NAME
from sleight.train.analysis.adr_csv import write_csvs
from sleight.train.analysis.adr_report import report
from sleight.train.analysis.adr_runs import read, read_runs
from sleight.train.config import RunAdrConfig, TrainConfig
from sleight.train.rollout.adr_source import start_state

CONFIG = AdrConfig(buffer=2, threshold_low=1.0, threshold_high=2.0, step=0.2)
TABLE = (
    Dimension("object.mass"),
    Dimension("observation.noise", floor=0.0, low_moves=False),
    Dimension("goal.angle", floor=0.0, low_moves=False, counts=False),
)
LIGHT, HEAVY, NOISE = 0, 1, 3


def adr_state(rounds: int, heavy: float) -> AdrState:
    """Light blocks and noise are easy; heavy ones give the performance `heavy`."""
    state = initial(TABLE, CONFIG)
    for step in range(1, rounds + 1):
        for boundary, performance in ((LIGHT, 3.0), (HEAVY, heavy), (NOISE, 4.0)):
            version = state.versions[boundary]
            state = record(state, CONFIG, [boundary] * 2, [version] * 2, [performance] * 2)
        state, _ = update(state, CONFIG, 1000 * step)
    return state


def adr_run(folder: Path, rounds: int = 5, heavy: float = 1.5) -> Path:
    """A run folder with evaluations of two policies and one run on a rig."""
    folder.mkdir(parents=True)
    persistence.save(adr_state(rounds, heavy), folder / "adr.json")
    (folder / "config.yaml").write_text(
        "adr: {buffer: 2, threshold_low: 1.0, threshold_high: 2.0, step: 0.2}\n"
    )
    rows = [{"steps": 1000 * i, "adr_entropy": i / 5 - 4, "successes_mean": i} for i in range(5)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "eval.json").write_text('{"trials": [1, 2, 3, 6]}')
    (folder / "eval_cut.json").write_text('{"trials": [1, ')
    (folder / "rig-1").mkdir()
    trials = [{"successes": n} for n in (4, 8)]
    (folder / "rig-1" / "result.json").write_text(json.dumps({"per_trial": trials}))
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return [adr_run(tmp_path / "first"), adr_run(tmp_path / "second", rounds=3, heavy=3.0)]


def test_a_run_is_read_with_its_thresholds_and_outcomes(runs: list[Path]) -> None:
    run = read(runs[0])
    assert (run.name, run.config.threshold_high) == ("first", 2.0)
    found = {o.name: (o.on_rig, o.successes.value, o.trials) for o in run.outcomes}
    assert found == {"eval.json": (False, 3.0, 4), "rig-1": (True, 6.0, 2)}
    assert read(runs[0] / "adr.json").name == "first"


def test_the_page_says_what_stopped_the_growth(runs: list[Path]) -> None:
    first = report([read(runs[0])])
    stopped = first.split("What stopped the growth")[1].split("Ranges now")[0]
    assert "object.mass" in stopped and "held" in stopped and "observation.noise" not in stopped
    second = report([read(runs[1])])
    assert "None: no decision has held a boundary back." in second
    both = report(read_runs(runs))
    # Entropy, success, training; a range for each of three; performance at each of three, twice.
    assert both.count('class="chart"') == 3 + 3 + 2 * 3
    assert both.count("first, evaluation eval.json: 3.00") == 1
    assert both.count("first, rig rig-1: 6.00") == 1
    assert 'class="sortable"' in both and "goal.angle (curriculum)" in both
    assert "nan" not in both.partition("<script>")[0].lower()


def test_the_csvs_are_in_physical_units(runs: list[Path], tmp_path: Path) -> None:
    paths = write_csvs(read_runs(runs), tmp_path / "csv")
    assert [path.stem for path in paths] == ["ranges", "decisions", "boundaries", "outcomes"]
    tables = {path.stem: list(csv.DictReader(path.open())) for path in paths}
    last = [r for r in tables["ranges"] if (r["run"], r["parameter"]) == ("first", "object.mass")]
    assert last[-1]["step"] == "5000"
    mass = BY_NAME["object.mass"]
    assert mass.coordinate(float(last[-1]["low"])) == pytest.approx(-1.0)
    assert float(last[-1]["high"]) == 1.0 and last[0]["low"] == "1.0"
    assert len(tables["decisions"]) == 3 * 5 + 3 * 3
    held = [r for r in tables["boundaries"] if r["standing"] == "held"]
    assert [(r["run"], r["parameter"], r["side"]) for r in held] == [
        ("first", "object.mass", "high")
    ]
    assert {r["where"] for r in tables["outcomes"]} == {"eval", "rig"}


def test_the_nominal_value_is_the_calibrated_one(tmp_path: Path) -> None:
    env = replace(EnvConfig(), nominal={"hand.gain": 0.8})
    steps = {"hand.gain": 0.1, "object.mass": 0.1}
    config = TrainConfig(env=env, adr=RunAdrConfig(step_sizes=steps))
    state = replace(start_state(config), step=1000)
    persistence.save(state, tmp_path / "adr.json")
    save(config, tmp_path / "config.yaml")
    now = report([read(tmp_path)]).split("Ranges now")[1].split("Ranges over training")[0]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall("<tr>(.*?)</tr>", now)]
    rows = {row[1]: row[2:5] for row in cells if row}
    assert rows["hand.gain"] == ["0.8", "0.8", "0.8"]
    assert rows["object.mass"] == ["1", "1", "1"]


def test_the_command_writes_the_page_beside_the_run(
    runs: list[Path], tmp_path: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, err = cli("adr", "report", *runs, "--csv", tmp_path / "csv")
    assert code == 0, err
    assert out.splitlines()[0] == str(runs[0] / "adr.html")
    assert len(out.splitlines()) == 5 and (runs[0] / "adr.html").is_file()


def test_bad_input_is_one_line(runs: list[Path], tmp_path: Path, refused: Callable) -> None:
    (tmp_path / "empty").mkdir()
    assert "got no adr.json" in refused("adr", "report", tmp_path / "empty")
    assert "no such run" in refused("adr", "report", tmp_path / "nowhere")
    assert "got first twice" in refused("adr", "report", runs[0], runs[0])
    none = tmp_path / "none"
    none.mkdir()
    persistence.save(initial((), CONFIG), none / "adr.json")
    assert "got no parameters, allowed: a run trained with `adr.step_sizes`" in refused(
        "adr", "report", none
    )
    persistence.save(initial(TABLE, CONFIG), none / "adr.json")
    assert "got no finished episode" in refused("adr", "report", none)
    (none / "adr.json").write_text("{")
    assert "truncated JSON" in refused("adr", "report", none)
    (runs[0] / "config.yaml").write_text("adr: {buffr: 2}\n")
    assert "did you mean 'buffer'" in refused("adr", "report", runs[0]).replace("adr.", "")
    assert "did you mean 'report'" in refused("adr", "reprot")
