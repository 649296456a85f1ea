"""A small run of `cube-face`: resume, bundle, evaluation, bad input."""

import math

import numpy as np
import pytest
import torch

from sleight.cli import main
from sleight.contract.bundle import load_bundle
from sleight.deploy.runtime.task_judge import TaskJudge, with_options
from tests.envs.tasks.test_cube_face import law_of, poses
from tests.train.rows import same_weights, untimed

SMALL = ["configs/cube_turns.yaml", "--env.num_worlds", "8", "--env.threads", "1",
         "--threads", "1", "--env.resets.cache", "32", "--rollout.horizon", "16",
         "--rollout.bptt_steps", "8", "--policy.embedding_size", "16",
         "--policy.hidden_size", "16", "--wandb", "off"]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cube")
    assert main(["train", *SMALL, "--steps", "256", "--runs", str(folder), "--name", "whole"]) == 0
    return folder / "whole"


def test_it_resumes_bit_for_bit(run):
    part = run.parent / "part"
    words = ["--steps", "256", "--pause_steps", "128", "--runs", str(run.parent), "--name", "part"]
    assert main(["train", *SMALL, *words]) == 0
    assert len(untimed(part)) == 1
    assert main(["train", "--resume", str(part), "--pause_steps", "0"]) == 0
    assert untimed(part) == untimed(run) and len(untimed(run)) == 2
    assert same_weights(run, part)


def test_its_bundle_judges_and_draws_as_the_law_does(run, tmp_path):
    assert main(["export", str(run), "--out", str(tmp_path / "bundle")]) == 0
    bundle = load_bundle(tmp_path / "bundle")
    assert list(bundle.manifest.task.object_joints) == ["top", "bottom"]
    law = law_of(turn_share=1.0)
    numbers = np.random.default_rng(7)
    judge = TaskJudge(with_options(bundle, {"turn_share": 0.5}, "test"), 7)
    law.options["turn_share"] = 0.5
    many = poses(60, 12)
    for i in range(60):
        here = {name: value[i : i + 1] for name, value in many.items()}
        pose = {name: value[0].double().numpy() for name, value in here.items()}
        goal = judge.next(pose)
        uniform = torch.tensor(numbers.random((1, law.uniforms)).astype(np.float32))
        normal = torch.tensor(numbers.standard_normal((1, law.normals)).astype(np.float32))
        wanted = law.draw(law.prepare(here), torch.tensor([math.pi]), uniform, normal)
        for name, value in wanted.items():
            np.testing.assert_allclose(goal[name], value[0].numpy(), atol=2e-3)
        judged = judge.judge(pose, goal)
        assert judged.distance == pytest.approx(float(law.distance(here, wanted)), abs=5e-3)


def test_it_is_evaluated_by_kind_of_goal(run, capsys):
    capsys.readouterr()
    assert main(["eval", str(run), "--trials", "4"]) == 0
    out = capsys.readouterr().out
    assert "quarter turn " in out and "part of" not in out, "a whole task has whole turns"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--env.cube_face.turn_share", "2"], "env.cube_face.turn_share: got 2, allowed: "),
        (["--env.cube_face.hold_nm", "-1"], "env.cube_face.hold_nm: got -1, allowed: "),
        (["--env.cube_face.turn_treshold_rad", "0.1"], "did you mean"),
        (["--env.model.object", "block"], "env.model.object: got block, which has 0 angles"),
    ],
)
def test_bad_input_is_one_line(words, says, tmp_path, capsys):
    capsys.readouterr()
    status = main(["train", *SMALL, "--runs", str(tmp_path / "runs"), *words])
    lines = capsys.readouterr().err.strip().splitlines()
    assert status == 2 and len(lines) == 1 and says in lines[0], lines
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())
