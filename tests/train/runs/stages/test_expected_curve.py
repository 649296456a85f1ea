"""The expected curve of a config: made from runs, kept by a run, said where one falls behind."""

import json
import re
import shutil
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from sleight.config import load
from sleight.errors import DataError
from sleight.train.config import TrainConfig
from sleight.train.runs.stages.behind_curve import BehindCurve, changed_fields
from sleight.train.runs.stages.expected_curve import curve_of, read_curve, write_curve
from sleight.train.runs.training_loop import StageState, Training

from .conftest import ITERATION, Recipe

Cli = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parents[4]


def _rows(slope: float, lengths: dict[str, int]) -> list[dict[str, Any]]:
    """Successes rise from zero in each stage by `slope` in a thousand steps."""
    rows, at = [], 0
    for name, count in lengths.items():
        for step in range(1, count + 1):
            at += 1000
            row = {"steps": at, "seconds": at / 100, "successes_mean": slope * step}
            rows.append({**row, **({"stage": name} if name else {})})
    return rows


def test_the_curve_has_the_median_and_the_spread_of_each_stage() -> None:
    lengths = ({"a": 10, "b": 20}, {"a": 12, "b": 20}, {"a": 8, "b": 30})
    curve = curve_of([_rows(slope, n) for slope, n in zip((1.0, 3.0, 2.0), lengths, strict=True)])
    assert list(curve.stages) == ["a", "b"] and curve.stages["a"].runs == 3
    assert curve.stages["a"].steps[-1] == 8000, "as far as all have come"
    assert curve.stages["b"].steps[-1] == 20000 and curve.stages["b"].steps[0] == 1000
    assert curve.stages["b"].at(10000) == pytest.approx((20.0, 10.0, 30.0))
    assert curve.stages["b"].seconds[-1] == pytest.approx(200.0)


def test_runs_of_other_stages_have_no_common_curve() -> None:
    with pytest.raises(DataError, match=r"got runs with a, b; a, allowed: runs of the same stages"):
        curve_of([_rows(1.0, {"a": 3, "b": 3}), _rows(1.0, {"a": 3})])


def _said(folder: Path, successes: Callable[[int], float], name: str = "", **row: Any) -> list[str]:
    """What is said of a run of one stage after 50,000 steps of others."""
    lines: list[str] = []
    behind = BehindCurve(folder, lines.append)
    training = Training.__new__(Training)
    training.stage = StageState(name, 50_000)
    for step in range(1, 101):
        training.steps = 50_000 + 1000 * step
        behind(training, {"successes_mean": successes(step), "broken_worlds": 0, **row})
    return lines


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder with the curve of three runs, which rises to 8, 10 and 12."""
    runs = [tmp_path / str(n) for n in range(3)]
    for run, slope in zip(runs, (0.08, 0.1, 0.12), strict=True):
        run.mkdir()
        text = "".join(json.dumps(row) + "\n" for row in _rows(slope, {"": 100}))
        (run / "metrics.jsonl").write_text(text)
    write_curve(tmp_path / "expected.json", runs)
    return tmp_path


def test_a_run_that_is_as_expected_is_left_alone(kept: Path) -> None:
    for slope in (0.08, 0.1, 0.3):
        assert _said(kept, lambda step, slope=slope: slope * step) == []
    assert _said(kept, lambda step: 0.06 * step) == [], "a little below the worst: no line"


def test_a_run_behind_is_said_once_with_what_was_expected(kept: Path) -> None:
    (line,) = _said(kept, lambda step: 0.02 * step)
    assert "behind the expected curve after " in line and line.count("\n") == 1
    assert "(1.52 to 2.28 in 3 runs)" in line and "expected 1.90" in line
    assert "0.38 successes" in line and "usually an unlucky --seed" in line


def test_a_dip_is_no_falling_behind(kept: Path) -> None:
    assert _said(kept, lambda step: 0.0 if step % 9 else 0.1 * step) == []


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"broken_worlds": 3}, "physics broke in 3 worlds"),
        ({"drop_rate": 0.95}, "nearly every episode ends in a drop"),
    ],
)
def test_the_cause_is_what_the_metrics_show(kept: Path, row: dict[str, Any], says: str) -> None:
    (line,) = _said(kept, lambda step: 0.0, **row)
    assert says in line


def test_fields_that_were_changed_are_the_first_suspects(recipe: Recipe, kept: Path) -> None:
    path = recipe()
    flags = ["--seed", "3", "--wandb", "off", "--threads", "2", "--ppo.epochs", "1",
             "--stages.faces.env.goals.timeout_s", "3"]  # fmt: skip
    changed = changed_fields(load(TrainConfig, path, flags), load(TrainConfig, path))
    assert changed == ("ppo.epochs", "stages.faces.env.goals.timeout_s")
    data = json.loads((kept / "expected.json").read_text())
    (kept / "expected.json").write_text(json.dumps({**data, "changed": ["ppo.epochs"]}))
    (line,) = _said(kept, lambda step: 0.0)
    assert "this run differs from the config in ppo.epochs" in line


def test_a_run_is_compared_with_the_curve_beside_its_config(
    recipe: Recipe, staged_run: Path, cli: Cli, tmp_path: Path
) -> None:
    """`sleight runs --curve` makes it, `sleight train` keeps and reads it, the report draws it."""
    curves = tmp_path / "curves" / "staged.json"
    path = recipe()
    code, out, _ = cli("runs", "--curve", curves, staged_run)
    assert (code, out) == (0, f"{curves}\n")
    _set_curve(curves, median=50.0, low=50.0, high=50.0)
    code, _, err = cli("train", path, "--name", "run", "--ppo.max_grad_norm", "0.9")
    assert code == 0, err
    folder = tmp_path / "runs" / "run"
    assert "ppo.max_grad_norm" in read_curve(folder / "expected.json").changed
    said = [line for line in err.splitlines() if line.startswith("behind the expected curve")]
    assert [line.split()[8] for line in said] == ["near:", "faces:", "memory:"], err
    assert "expected 50.00 (one run); this run differs from the config in " in said[0]
    assert _lines(cli, folder) == ["expected", "this run"], "one run has no band"
    _set_curve(folder / "expected.json", low=40.0, high=60.0)
    assert _lines(cli, folder) == ["best and worst", "best and worst", "expected", "this run"]


def test_a_curve_that_is_damaged_is_named_before_the_work(
    recipe: Recipe, refused: Callable[..., str], tmp_path: Path
) -> None:
    path = recipe()
    (tmp_path / "curves").mkdir()
    (tmp_path / "curves" / "staged.json").write_text('{"format": 1, "stages": {"near": 3}}')
    assert "curves/staged.json: stages.near: got 3" in refused("train", path)
    assert not (tmp_path / "runs").exists()


def test_the_curves_that_ship_belong_to_configs() -> None:
    curves = list((ROOT / "configs" / "curves").glob("*.json"))
    assert curves
    for path in curves:
        config = load(TrainConfig, ROOT / "configs" / f"{path.stem}.yaml")
        assert list(read_curve(path).stages) == (list(config.stages) or [""])


def test_the_report_shows_where_each_stage_begins(
    staged_run: Path, cli: Cli, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(staged_run, tmp_path / "run"))
    assert cli("report", folder)[0] == 0
    text = (folder / "report.html").read_text()
    steps, seconds = (json.loads(figure)["layout"] for figure in _figures(text)[:2])
    names = [note["text"] for note in steps["annotations"]]
    assert names == ["near", "faces", "memory"]
    assert [shape["x0"] for shape in steps["shapes"]] == [0, 2 * ITERATION, 4 * ITERATION]
    assert [note["text"] for note in seconds["annotations"]] == names
    assert "Steps in which the student acts" in text


def test_the_table_of_runs_shows_the_stage(
    recipe: Recipe, staged_run: Path, cli: Cli, tmp_path: Path
) -> None:
    code, _, err = cli("train", recipe(), "--name", "half", "--pause_steps", 3 * ITERATION)
    assert code == 0, err
    shutil.copytree(staged_run, tmp_path / "runs" / "whole")
    _, out, _ = cli("runs", "--runs", tmp_path / "runs")
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert lines["half"].split()[1:4] == ["block-z", str(3 * ITERATION), str(6 * ITERATION)]
    assert lines["half"].endswith("stopped, stage 2/3 faces")
    assert lines["whole"].endswith("finished") and "block " in lines["whole"]


def _set_curve(path: Path, **values: float) -> None:
    """Set these curves of all stages in a file to a constant."""
    data = json.loads(path.read_text())
    for stage in data["stages"].values():
        for key, value in values.items():
            stage[key] = [value for _ in stage[key]]
    path.write_text(json.dumps(data))


def _lines(cli: Cli, folder: Path) -> list[str]:
    """Names of the lines in the first chart of a run's report."""
    assert cli("report", folder)[0] == 0
    figures = _figures((folder / "report.html").read_text())
    return [line["name"] for line in json.loads(figures[0])["data"]]


def _figures(text: str) -> list[str]:
    return [unescape(figure) for figure in re.findall(r"data-figure='([^']*)'", text)]
