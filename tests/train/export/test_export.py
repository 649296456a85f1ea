"""The exported graph is the policy: the same targets and memory, from the same sensors."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from sleight.contract.bundle import load_bundle, read_manifest, write_manifest
from sleight.contract.manifest import INPUTS, widths_of
from sleight.envs.config import ACTOR_TERMS, ControlConfig, EnvConfig, GoalConfig
from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.make import make_env
from sleight.envs.mdp import observations, rotations
from sleight.envs.mdp.control import ActionLaw
from sleight.envs.objects.block import BLOCK
from sleight.envs.randomization.table import BY_NAME
from sleight.envs.sim.draws import Draws
from sleight.errors import ConfigError
from sleight.policies.actor import Actor, Carry
from sleight.policies.distributions import Bins, Distribution
from sleight.train.config import TrainConfig
from sleight.train.export.bundle_export import export
from sleight.train.export.policy_graph import PolicyGraph, graph_inputs, write_graph
from sleight.train.rollout.evaluation import protocol
from sleight.train.rollout.in_process import build
from sleight.train.rollout.players import BundlePlayer, RunPlayer
from sleight.train.runs.metrics import read_metrics
from sleight.train.runs.stages.ends import save
from tests.policy_kinds import KINDS, config_of

SIZES = widths_of(24, 20, 0)
TERMS = observations.select(ACTOR_TERMS, "test")
TERM_SIZES = observations.sizes_of(SHADOW_RIGHT, BLOCK, 0)
GOALS = {"goal_wxyz": 4}


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _actor(memory: str, head: str) -> Actor:
    torch.manual_seed(0)
    config = config_of(memory, head, hidden=64, embed=48)
    actor = Actor(config, {term.name: term.shape_in(TERM_SIZES)[0] for term in TERMS}, 20)
    generator = torch.Generator().manual_seed(1)
    for step in range(5):  # normalizers that are not the identity
        sensors = _sensors(64, Draws(step))
        actor.embedding.update(observations.compute(TERMS, sensors))
    with torch.no_grad():
        actor.head.weight.copy_(torch.randn(actor.head.weight.shape, generator=generator))
    return actor


def _sensors(count: int, rng: Draws) -> observations.Sensors:
    def uniform(size: int, scale: float = 1.0) -> torch.Tensor:
        return scale * (2 * rng.uniform(count, size) - 1)

    wxyz = rotations.random_rotation(count, rng)
    turned = rotations.multiply(rotations.from_rotvec(uniform(3, 0.1)), wxyz)
    position = uniform(3, 0.05)
    return {
        "joint_position": uniform(24),
        "joint_velocity": uniform(24, 3.0),
        "target": uniform(20),
        "last_action": uniform(20),
        "object_position": position,
        "object_wxyz": rotations.positive(turned),
        "previous_object_position": position + uniform(3, 0.01),
        "previous_object_wxyz": wxyz,
        "goal_wxyz": rotations.random_rotation(count, rng),
    }


def _torch_step(
    actor: Actor, law: ActionLaw, sensors: observations.Sensors, carry: Carry
) -> tuple[torch.Tensor, Distribution, Carry]:
    """One step as training takes it: terms, the library's LSTM, the action law."""
    with torch.no_grad():
        distribution, carry = actor(observations.compute(TERMS, sensors), carry)
    action = distribution.action(distribution.mode())
    return law(action, sensors["target"], sensors["joint_position"]), distribution, carry


def _decided(distribution: Distribution) -> torch.Tensor:
    """(N, A): motors whose likeliest bin is ahead by more than rounding; the others may differ."""
    if not isinstance(distribution, Bins):
        return torch.ones_like(distribution.mode(), dtype=torch.bool)
    first, second = distribution.log_probs.topk(2, dim=-1).values.unbind(-1)
    return first - second > 1e-4


@pytest.mark.parametrize("count", [1, 7])
@pytest.mark.parametrize(("memory", "head"), KINDS)
def test_the_graph_is_the_policy_over_500_steps(
    memory: str, head: str, count: int, tmp_path: Path
) -> None:
    actor = _actor(memory, head)
    law = ActionLaw(ControlConfig(ema=0.3), SHADOW_RIGHT, 0.08)
    graph = PolicyGraph(actor, TERMS, law, GOALS)
    write_graph(graph, tmp_path / "policy.onnx", SIZES)
    session = _session(tmp_path / "policy.onnx")
    names = [output.name for output in session.get_outputs()]
    carry = actor.initial_carry(count)
    mine = {name: part.numpy() for name, part in zip(("h", "c"), carry, strict=False)}
    rng, worst, open_share = Draws(0), 0.0, 0.0
    for _ in range(500):
        sensors = _sensors(count, rng)
        target, distribution, carry = _torch_step(actor, law, sensors, carry)
        feed = {
            name: sensors["target" if name == "last_target" else name].numpy()
            for name in graph.inputs
        }
        found = dict(zip(names, session.run(names, {**feed, **mine}), strict=True))
        mine = {name: found[f"next_{name}"] for name in mine}
        sure = _decided(distribution).numpy()
        open_share = max(open_share, 1 - sure.mean())
        worst = max(worst, float(np.abs(found["target"] - target.numpy())[sure].max()))
        for part, name in zip(carry, mine, strict=True):
            worst = max(worst, float(np.abs(mine[name] - part.numpy()).max()))
    assert worst <= 1e-5
    assert open_share <= 0.1


@pytest.fixture(scope="module")
def bundle(block_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(block_run, tmp_path_factory.mktemp("bundle") / "block", "a block")


def test_bundle_and_run_act_alike_in_the_same_worlds(bundle: Path, block_run: Path) -> None:
    """The graph starts from sensors, the run from the environment's own observations of them."""
    run, robot = RunPlayer(block_run), BundlePlayer(bundle)
    assert robot.env_config == run.env_config
    values = {"observation.noise": 1.5, "action.delay": 0.7}  # what the actor sees is not the truth
    env = make_env(protocol(run.env_config, 6, values, GoalConfig(timeout_s=1.6)), 4)
    observation, _ = env.reset()
    run.start(env)
    robot.start(env)
    starts, ends = torch.ones(6, dtype=torch.bool), 0
    for _ in range(60):
        action = run.act(env, observation, starts)
        torch.testing.assert_close(robot.act(env, observation, starts), action, atol=1e-5, rtol=0.0)
        # Act for both with a push, so that much of the hand's range is seen.
        action = action + 0.5 * torch.sin(torch.arange(20.0) + float(env.length[0]))
        observation, _, terminated, truncated, _ = env.step(action)
        starts = terminated | truncated
        ends += int(starts.sum())
    assert ends > 6


def test_the_graphs_target_is_where_the_environment_then_moves(bundle: Path) -> None:
    robot = BundlePlayer(bundle)
    session = _session(robot.bundle.graph)
    env = make_env(protocol(robot.env_config, 3, {}, GoalConfig()), 1)
    observation, _ = env.reset()
    robot.start(env)
    starts = torch.ones(3, dtype=torch.bool)
    for step in range(10):
        sensors = {**env.actor_sensors, "last_target": env.actor_sensors["target"]}
        feed = {
            tensor.name: sensors[tensor.name].numpy() for tensor in robot.bundle.manifest.inputs
        }
        carry = {name: value * (step > 0) for name, value in robot._carry.items()}
        (target,) = session.run(["target"], {**feed, **carry})
        action = robot.act(env, observation, starts)
        observation, _, terminated, truncated, _ = env.step(action)
        starts = terminated | truncated
        assert not starts.any()
        torch.testing.assert_close(env.control.target, torch.from_numpy(target), atol=1e-6, rtol=0)


def test_the_manifest_says_what_was_trained(
    bundle: Path, block_run: Path, block_config: TrainConfig
) -> None:
    manifest = load_bundle(bundle).manifest
    env = block_config.env
    assert manifest.name == "a block"
    assert manifest.hand.joints == SHADOW_RIGHT.joints
    assert manifest.hand.upper == tuple(SHADOW_RIGHT.upper)
    assert manifest.control.period_s == pytest.approx(0.08)
    law = manifest.action
    assert (law.law, law.scale, law.ema) == (env.control.law, env.control.scale, env.control.ema)
    assert law.bins == (block_config.policy.bins if block_config.policy.head == "bins" else None)
    assert manifest.task.goal_timeout_s == 32.0 and manifest.task.max_successes == 50
    assert [tensor.name for tensor in manifest.carry] == ["h", "c"]
    assert {tensor.shape for tensor in manifest.carry} == {(1, 32)}
    assert {tensor.name for tensor in manifest.inputs} == {*INPUTS, *GOALS} - {
        "noise",
        "object_joints",
    }
    assert manifest.training["steps"] == block_config.steps
    # Fixed ranges as given; ADR's in the parameters' own units, as the log had them at the end.
    last = read_metrics(block_run / "metrics.jsonl")[-1]
    expected = {name: tuple(last[f"range/{name}"]) for name in block_config.adr.step_sizes}
    expected |= {name: tuple(last[f"range/{name}"]) for name in block_config.adr.curriculum}
    assert manifest.randomization == {"hand.damping": (0.8, 1.3), **expected}
    assert any(high > low for low, high in expected.values())
    for name, ends in manifest.randomization.items():
        assert BY_NAME[name].limits[0] <= ends[0] <= ends[1] <= BY_NAME[name].limits[1]


def test_the_manifest_is_read_as_it_was_written(bundle: Path, tmp_path: Path) -> None:
    manifest = read_manifest(bundle / "bundle.json")
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path / "bundle.json") == manifest


@pytest.mark.parametrize("name", [term.name for term in observations.BUILT_IN])
def test_only_what_a_rig_measures_is_exported(name: str) -> None:
    terms = observations.select((name,), "test")
    measured = {*INPUTS, *GOALS, "target"} - {"last_target"}
    if set(terms[0].reads) <= measured:
        assert set(graph_inputs(terms, GOALS)) <= {*INPUTS, *GOALS}
    else:
        with pytest.raises(ConfigError, match=f"env.actor_terms: got {name}, which reads"):
            graph_inputs(terms, GOALS)
        return
    assert name not in observations.PRIVILEGED


def test_a_policy_that_sees_forces_is_refused(
    block_config: TrainConfig, tmp_path: Path, refused: Callable[..., str]
) -> None:
    env = replace(block_config.env, actor_terms=("joint_position", "motor_force"))
    training = build(replace(block_config, env=env))
    training.iterate()
    save(training, tmp_path / "run")
    line = refused("export", tmp_path / "run", "--out", tmp_path / "bundle")
    assert "got motor_force" in line and "joint_velocity" in line
    assert not (tmp_path / "bundle").exists()


def test_reach_has_no_rig(reach_run: Path, tmp_path: Path, refused: Callable[..., str]) -> None:
    line = refused("export", reach_run, "--out", tmp_path / "bundle")
    assert "env.task: got reach, allowed: block, block-z" in line
    assert not (tmp_path / "bundle").exists()


def test_the_command_exports_and_eval_plays_it(
    block_run: Path, tmp_path: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, _ = cli("export", block_run, "--out", tmp_path / "bundle", "--name", "mine")
    assert (code, out) == (0, f"{tmp_path / 'bundle'}\n")
    assert load_bundle(tmp_path / "bundle").manifest.name == "mine"
    words: tuple[Any, ...] = ("--trials", 3, "--goals.timeout_s", 0.8)
    tables = [cli("eval", path, *words)[1] for path in (tmp_path / "bundle", block_run)]
    of_bundle, of_run = (table.split("\n", 1)[1] for table in tables)
    assert of_bundle == of_run
    assert EnvConfig().period_s == pytest.approx(0.08)


def test_a_stochastic_graph_adds_the_policys_own_spread_to_its_mean() -> None:
    actor, law = _actor("lstm", "gaussian"), ActionLaw(ControlConfig(), SHADOW_RIGHT, 0.08)
    graph = PolicyGraph(actor, TERMS, law, GOALS, stochastic=True)
    assert graph.inputs[-1] == "noise"
    sensors, noise = _sensors(3, Draws(0)), torch.randn(3, 20)
    distribution, _ = actor(observations.compute(TERMS, sensors), actor.initial_carry(3))
    named = {**sensors, "last_target": sensors["target"], "noise": noise}
    found = graph(*(named[name] for name in graph.inputs), *actor.initial_carry(3))
    wanted = distribution.mean + actor.log_std.exp() * noise  # type: ignore[attr-defined]  # Gaussian
    torch.testing.assert_close(found[1], wanted.clamp(-1, 1))


def test_bins_cannot_be_exported_as_stochastic() -> None:
    law = ActionLaw(ControlConfig(), SHADOW_RIGHT, 0.08)
    with pytest.raises(ConfigError, match="--stochastic: got policy.head bins"):
        PolicyGraph(_actor("none", "bins"), TERMS, law, GOALS, stochastic=True)
