"""Cloning: what the teacher sees and says, who acts, what the student learns, what is refused."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sleight.config import load
from sleight.config import save as save_config
from sleight.errors import ConfigError
from sleight.policies.actor import Actor
from sleight.policies.config import PolicyConfig
from sleight.policies.distributions import Bins, Gaussian, chosen
from sleight.train.algorithms.algorithm_registry import collection_of
from sleight.train.algorithms.clone import CloneConfig
from sleight.train.algorithms.teacher_files import FOLDER, open_teacher, read_teacher
from sleight.train.config import TrainConfig
from sleight.train.export.bundle_export import export
from sleight.train.rollout.evaluation import evaluate, protocol
from sleight.train.rollout.in_process import build
from sleight.train.rollout.players import open_player
from sleight.train.rollout.teacher_collector import TeacherCollector
from sleight.train.runs import checkpoint, checkpoint_files
from sleight.train.runs.metrics import read_metrics
from sleight.train.runs.session import resume, start
from sleight.train.runs.training_loop import Training
from tests.train.rows import untimed

RECIPE = Path(__file__).parents[3] / "configs" / "reach.yaml"
# Where an action is a pose, a teacher is trained in seconds.
EASY = [
    "--env.control.law", "absolute", "--env.control.scale", "1", "--threads", "1",
    "--env.threads", "1", "--wandb", "off",
]  # fmt: skip


def _cloning(config: TrainConfig, teacher: Path, share: float = 0.0) -> TrainConfig:
    """A run that clones; the student acts in `share` of the steps at first, and alone at last."""
    clone = CloneConfig(minibatches=2, teacher=str(teacher), student_share=(share, 1.0))
    adr = replace(config.adr, step_sizes={}, curriculum={})
    config = replace(config.with_block(clone), adr=adr)
    return replace(config, algorithm="clone", seed=3, name="student")


def _build(config: TrainConfig) -> Training:
    return build(config, teacher=read_teacher(Path(collection_of(config).teacher), config))


def _collector(training: Training) -> TeacherCollector:
    found: Any = training.sampler
    assert isinstance(found.collector, TeacherCollector)
    return found.collector


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_the_teacher_says_what_it_would_do_in_the_true_state(
    noise: float, reach_config: TrainConfig, reach_run: Path
) -> None:
    """Its memory goes on from step to step and is forgotten with each episode, as its own was."""
    env = replace(reach_config.env, randomization={"observation.noise": (noise, noise)})
    config = _cloning(replace(reach_config, env=env), reach_run)
    training = _build(
        replace(config, policy=PolicyConfig(memory="none", embedding_size=16, hidden_size=16))
    )
    collector = _collector(training)
    batch = training.sampler.next()
    assert batch.starts[1:].any(), "an episode begins within the batch"
    found = checkpoint.load(reach_run, state=False)
    sizes = {name: value.shape[-1] for name, value in batch.critic.items()}
    actor = Actor(reach_config.policy, sizes, 20)
    checkpoint.load_module("actor", actor, found.weights, "teacher")
    state = {name: value[:-1] for name, value in batch.critic.items()}
    expected: Any = actor.unroll(state, actor.initial_carry(8), batch.starts)
    torch.testing.assert_close(batch.labels["mean"], expected.mean, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(batch.labels["std"], expected.log_std.exp())
    seen = all(torch.equal(batch.actor[name], state[name]) for name in state)
    assert seen == (noise == 0.0) and len(collector.teacher.memory()) == 2


def test_the_student_takes_over(reach_config: TrainConfig, reach_run: Path) -> None:
    training = _build(_cloning(reach_config, reach_run))
    shares = [training.iterate()["student_share"] for _ in range(5)]
    assert shares[0] == 0.0 and shares[4] == 1.0
    assert 0.0 < sum(shares[1:4]) < 3.0
    clone = CloneConfig(student_share=(0.2, 0.5))
    # A line from 0.2 at the start to 1 half way, and then flat.
    assert [clone.student_at(p) for p in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([0.2, 0.6, 1, 1])


def test_batches_of_before_are_learned_from_again(
    reach_config: TrainConfig, reach_run: Path
) -> None:
    config = _cloning(reach_config, reach_run)
    config = config.with_block(replace(config.block(CloneConfig), replay=2, replay_size=3))
    training = _build(config)
    learner: Any = training.learner
    batches, learned = [], []
    for _ in range(5):
        batches.append(training.sampler.next())
        learned.append(learner._learned_from(batches[-1]))
    # The new batch is first; beside it two of those that are kept, none of them twice.
    assert [one.reward.shape[1] for one in learned] == [8, 16, 24, 24, 24]
    for batch, one in zip(batches, learned, strict=True):
        assert torch.equal(one.reward[:, :8], batch.reward)
    for number, one in enumerate(learned[2:], start=2):
        earlier = {tuple(part.flatten().tolist()) for part in one.reward[:, 8:].split(8, dim=1)}
        kept = {tuple(b.reward.flatten().tolist()) for b in batches[max(0, number - 3) : number]}
        assert len(earlier) == 2 and earlier <= kept
    assert learner.update(batches[-1], 0.5)["kl_to_teacher"] > 0


def test_who_acts_is_drawn_by_world_and_chunk(reach_config: TrainConfig, reach_run: Path) -> None:
    training = _build(_cloning(reach_config, reach_run, share=0.5))
    collector = _collector(training)
    drawn = []
    act = collector._act

    def spy(*words: Any) -> Any:
        found = act(*words)
        drawn.append(collector.students.clone())
        return found

    collector._act = spy  # type: ignore[method-assign]  # watched, not changed
    batch = collector.collect(0)
    first, second = torch.stack(drawn).split(8)
    assert all(torch.equal(row, chunk[0]) for chunk in (first, second) for row in chunk)
    assert not torch.equal(first[0], second[0])
    assert batch.student_share == pytest.approx(torch.stack(drawn).float().mean().item())


def test_a_bundle_says_what_its_network_says(
    block_config: TrainConfig, block_run: Path, tmp_path: Path
) -> None:
    """The same student in the same worlds: a graph's actions are the means, clipped."""
    bundle = export(block_run, tmp_path / "bundle")
    batches = []
    for teacher in (block_run, bundle):
        training = _build(_cloning(block_config, teacher, share=1.0))
        batches.append(training.sampler.next())
    run, graph = batches
    assert torch.equal(run.actor["joint_position"], graph.actor["joint_position"])
    mean = run.labels["mean"].clamp(-1.0, 1.0)
    torch.testing.assert_close(graph.labels["mean"], mean, atol=1e-4, rtol=0)
    assert graph.labels["std"].unique().tolist() == pytest.approx([0.2])
    again = _build(_cloning(block_config, bundle, share=1.0))
    again.sampler.load_state(*training.sampler.state())
    expected, got = training.sampler.next(), again.sampler.next()
    assert all(torch.equal(expected.labels[name], got.labels[name]) for name in ("mean", "std"))
    files = {"bundle.json", "policy.onnx", "task.onnx"}
    assert files == read_teacher(bundle, block_config).keys()
    shutil.copytree(checkpoint_files.find(block_run), bundle / "checkpoint")
    found = read_teacher(bundle, block_config)
    assert found.keys() == {"checkpoint.json", "weights.safetensors"}
    (terms,) = open_teacher(found, collection_of(block_config)).groups.values()
    assert terms == block_config.env.actor_terms


def test_a_run_that_was_stopped_goes_on_as_the_one_that_was_not(
    reach_config: TrainConfig, reach_run: Path, tmp_path: Path
) -> None:
    """With its own copy of the teacher, whatever became of the original."""
    teacher = shutil.copytree(reach_run, tmp_path / "teacher")
    config = _cloning(replace(reach_config, runs=str(tmp_path)), teacher)
    whole = start(replace(config, name="whole"))
    folder = start(replace(config, name="stopped", pause_steps=256))
    shutil.rmtree(teacher)
    resume(folder, ["--pause_steps", "0"])
    assert len(untimed(whole)) == 4
    assert untimed(folder) == untimed(whole)
    one, other = (checkpoint.load(each).weights for each in (whole, folder))
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    assert (folder / FOLDER / "weights.safetensors").is_file()


def _successes(run: Path) -> float:
    player = open_player(run)
    goals = replace(player.env_config.goals, max_successes=50)
    return evaluate(player, protocol(player.env_config, 64, {}, goals), seed=0).mean


@pytest.mark.slow
def test_a_student_with_a_memory_does_what_its_teacher_does(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """At least four fifths of the successes of a feed-forward teacher, which it learned from."""
    words = ["--steps", "24000", "--policy.memory", "none", "--ppo.gamma", "0.9"]
    words += ["--ppo.learning_rate", "2e-3", "--runs", str(tmp_path), "--name", "teacher", *EASY]
    teacher = start(load(TrainConfig, RECIPE, words))
    words = ["--teacher", str(teacher), "--steps", "24000", "--runs", str(tmp_path)]
    code, out, err = cli("clone", RECIPE, *words, "--name", "student", *EASY)
    assert (code, out.strip()) == (0, str(tmp_path / "student")), err
    apart = [row["kl_to_teacher"] for row in read_metrics(tmp_path / "student" / "metrics.jsonl")]
    assert apart[-1] < 0.3 * apart[0]
    before = start(load(TrainConfig, RECIPE, ["--steps", "1", "--runs", str(tmp_path), *EASY]))
    taught, learned = _successes(teacher), _successes(tmp_path / "student")
    assert learned > 0.8 * taught > 0.8 * 3 * _successes(before)


def test_the_program_clones_and_the_student_is_a_run_like_any_other(
    cli: Callable[..., tuple[int, str, str]],
    reach_config: TrainConfig,
    reach_run: Path,
    tmp_path: Path,
) -> None:
    config = replace(reach_config, runs=str(tmp_path), name="student", seed=4)
    bins = replace(config, policy=replace(config.policy, head="bins", memory="none"))
    save_config(bins, tmp_path / "clone.yaml")
    code, out, err = cli("clone", tmp_path / "clone.yaml", f"--teacher={reach_run}")
    assert (code, out) == (0, f"{tmp_path / 'student'}\n"), err
    rows = read_metrics(tmp_path / "student" / "metrics.jsonl")
    assert len(rows) == 4 and rows[-1]["kl_to_teacher"] < rows[0]["kl_to_teacher"]
    assert "kl" not in rows[0] and rows[-1]["learning_rate"] == pytest.approx(1e-4)
    code, out, err = cli("eval", tmp_path / "student", "--trials", 2)
    assert code == 0 and "mean +- s.e." in out, err


def test_bad_teachers_are_one_line(
    refused: Callable[..., str],
    reach_config: TrainConfig,
    reach_run: Path,
    block_run: Path,
    tmp_path: Path,
) -> None:
    save_config(replace(reach_config, runs=str(tmp_path), name="x"), tmp_path / "c.yaml")
    clone = ("clone", tmp_path / "c.yaml")
    assert "--teacher: got nothing, allowed: a run, a checkpoint or" in refused(*clone)
    assert "got no checkpoint" in refused(*clone, "--teacher", tmp_path / "nobody")
    assert "env.task: got reach, allowed: an object" in refused(*clone, "--teacher", block_run)
    other = refused(*clone, "--teacher", reach_run, "--env.control.scale", 0.2)
    assert "env.control.scale: got 0.2, allowed: 0.35, as " in other and str(reach_run) in other
    adr = refused(*clone, "--teacher", reach_run, "--adr.step_sizes.object.mass", 0.1)
    assert "got object.mass with algorithm clone, allowed: fixed ranges" in adr
    second = refused(*clone, "--teacher", reach_run, "--clone.student_share", "[0, 0]")
    assert "student_share: got 0 as its second" in second
    broken = shutil.copytree(reach_run, tmp_path / "broken")
    weights = checkpoint_files.find(broken) / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert "bytes, allowed" in refused(*clone, "--teacher", broken)
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_a_specialist_teaches_in_its_case_and_is_kept_with_the_run(
    cli: Callable[..., tuple[int, str, str]], refused: Callable[..., str], tmp_path: Path
) -> None:
    """Two policies of a cube's face: what each says is the label where its case holds."""
    small = ["--env.num_worlds", "16", "--env.resets.cache", "32", "--runs", str(tmp_path)]
    small += ["--steps", "512", "--env.task", "cube-face", "--threads", "1", "--env.threads", "1"]
    small += ["--rollout.horizon", "16", "--policy.memory", "none"]
    for seed in ("1", "2"):
        code, _, err = cli("train", "--name", f"teacher{seed}", "--seed", seed, *small)
        assert code == 0, err
    one, other = tmp_path / "teacher1", tmp_path / "teacher2"
    words = ["clone", "--algorithm", "clone", "--teacher", one, *small]
    named = ["--clone.specialists.turn", other]
    assert "clone.specialists: got trun, did you mean" in refused(
        *words, "--name", "x", "--clone.specialists.trun", other
    )
    code, _, err = cli(*words, *named, "--name", "whole")
    assert code == 0, err
    assert (tmp_path / "whole" / FOLDER / "turn" / "weights.safetensors").is_file()
    code, _, err = cli(*words, *named, "--name", "stopped", "--pause_steps", "256")
    assert code == 0, err
    shutil.rmtree(other)
    code, _, err = cli("clone", "--resume", tmp_path / "stopped", "--pause_steps", "0")
    assert code == 0, err
    assert untimed(tmp_path / "stopped") == untimed(tmp_path / "whole")


def test_labels_are_the_specialists_where_its_case_holds() -> None:
    one, other = (Gaussian(torch.full((4, 2), value), torch.zeros(2)) for value in (1.0, -1.0))
    which = torch.tensor([True, False, False, True])
    assert chosen(which, one, other).mode()[:, 0].tolist() == [1.0, -1.0, -1.0, 1.0]
    with pytest.raises(ConfigError, match=r"policy\.head"):
        chosen(which, one, Bins(torch.zeros(4, 2, 3)))
