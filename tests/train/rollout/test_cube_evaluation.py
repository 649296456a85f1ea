"""`sleight eval --task cube-full --scramble`: a policy of the cheap cube on the full one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sleight.train.rollout import cube_evaluation
from sleight.train.rollout.cube_evaluation import CubeEvaluation, CubeTrial

TINY = ["--env.task", "cube-live", "--env.num_worlds", "8", "--env.resets.cache", "16",
        "--steps", "128", "--rollout.horizon", "16", "--ppo.minibatches", "1",
        "--policy.hidden_size", "16", "--policy.embedding_size", "16",
        "--threads", "1", "--env.threads", "1"]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from sleight.cli import main

    folder = tmp_path_factory.mktemp("runs")
    assert main(["train", "--runs", str(folder), "--name", "live", *TINY]) == 0
    return folder / "live"


def test_a_policy_of_the_cheap_cube_is_evaluated_at_a_plan_on_the_full_one(
    cli: Callable[..., tuple[int, str, str]],
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cube_evaluation, "GOAL_TIMEOUT_S", 0.8)
    out = tmp_path / "eval.json"
    words = ["--task", "cube-full", "--scramble", "U R", "--trials", 2, "--json", out]
    code, text, err = cli("eval", run, *words)
    assert code == 0, err
    assert "of 3 steps" in text and "half, full" in text and "cubes apart" in text
    data = json.loads(out.read_text())
    assert len(data["trials"]) == 2
    assert all(trial["total"] == 3 for trial in data["trials"])
    assert data["settings"]["plan"]["scramble"] == "U R"


def test_the_table_counts_what_the_paper_counts() -> None:
    def trial(steps: int, **how: bool) -> CubeTrial:
        ends = {"half": steps >= 22, "full": steps == 43, "dropped": False, "lost": False, **how}
        moves = [{"what": "turn", "face_up": "U", "seconds": 2.0}] * steps
        return CubeTrial(steps=steps, total=43, moves=moves, **ends)  # type: ignore[arg-type]

    trials = [trial(43), trial(22, dropped=True), trial(0), trial(1, lost=True)]
    result = CubeEvaluation("me", trials, {})
    assert result.mean == 16.5
    table = result.table()
    assert "16.50 +- 10.19 of 43 steps" in table
    assert "2 (50%), 1 (25%)" in table
    assert "drops, timeouts    1, 1" in table and "cubes apart        1" in table
    assert "median turn        2.0 s, 66 reached" in table and "flip" not in table


@pytest.mark.parametrize(("words", "said"), [
    (["--scramble", "U Q"], "Q"),
    (["--scramble", "U", "--html", "x.html"], "--html"),
    (["--task", "cube-fall"], "did you mean 'cube-full'"),
])  # fmt: skip
def test_bad_words_are_one_line(
    refused: Callable[..., str], run: Path, words: list[str], said: str
) -> None:
    if "--task" not in words:
        words = ["--task", "cube-full", *words]
    assert said in refused("eval", run, "--trials", 2, *words)
