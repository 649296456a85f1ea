"""The egg and the pen: laws of their goals and terms, states that rest, and a small run of each."""

import math

import mujoco
import numpy as np
import pytest
import torch

from sleight.cli import main
from sleight.contract import quaternions
from sleight.contract.bundle import load_bundle
from sleight.deploy.runtime.task_judge import TaskJudge, with_options
from sleight.envs.config import ACTOR_TERMS, CRITIC_TERMS, EnvConfig, ResetConfig
from sleight.envs.make import resolve
from sleight.envs.mdp import rotations as R
from sleight.envs.mdp.observations import compute, select
from sleight.envs.objects.pen import PEN as PEN_OBJECT
from sleight.envs.sim.draws import Draws
from sleight.envs.snapshot import forgotten
from sleight.envs.tasks.pen import PenLaw, axis
from sleight.envs.tasks.task import task_of
from sleight.envs.tasks.task_registry import TASKS
from tests.envs.look import look

TASKS_HERE = ("egg", "pen")
COUNT = 20_000


def law_of(task):
    config = resolve(EnvConfig(task=task))
    law = task_of(config).law
    return law(config, "cpu")


def drawn(law, wxyz, largest, seed=0):
    """Goals (K, 4) for objects at wxyz (K, 4)."""
    rng, count = Draws(seed), len(wxyz)
    pose = {"object_position": torch.zeros(count, 3), "object_wxyz": wxyz}
    uniform, normal = rng.uniform(count, law.uniforms), rng.normal(count, law.normals)
    return law.draw(law.prepare(pose), torch.full((count,), largest), uniform, normal)["goal_wxyz"]


def uniformity(values):
    """Kolmogorov's distance of numbers (K,) to U(0, 1); 1.63 / sqrt(K) is its 1 % quantile."""
    ordered = values.sort().values.double()
    steps = torch.arange(1, len(ordered) + 1) / len(ordered)
    return float((ordered - steps).abs().max()) * math.sqrt(len(ordered))


@pytest.mark.parametrize("largest", [1.2, math.pi])
def test_goals_of_the_egg_are_uniform_on_the_rotations_that_are_not_reached(largest):
    """The angle has density 1 - cos (Haar measure), the axis is uniform on the sphere."""
    law, rng = law_of("egg"), Draws(1)
    wxyz = R.random_rotation(COUNT, rng)
    turn = R.log(R.between(wxyz, drawn(law, wxyz, largest)))
    angle = turn.norm(dim=-1)
    low, high = law.threshold + 0.1, largest
    assert low - 1e-4 <= angle.min() and angle.max() <= high + 1e-4
    share = ((angle - angle.sin()) - (low - math.sin(low))) / (
        (high - math.sin(high)) - (low - math.sin(low))
    )
    assert uniformity(share) < 1.63
    direction = turn / angle.unsqueeze(-1)
    for column in direction.unbind(dim=-1):  # Archimedes: each coordinate is uniform
        assert uniformity((column + 1) / 2) < 1.63


@pytest.mark.parametrize("largest", [1.2, math.pi])
def test_axes_of_the_pens_goals_are_uniform_on_the_sphere_outside_what_is_reached(largest):
    law, rng = law_of("pen"), Draws(2)
    wxyz = R.random_rotation(COUNT, rng)
    goal = drawn(law, wxyz, largest)
    torch.testing.assert_close(goal.norm(dim=-1), torch.ones(COUNT))
    away = law.distance({"object_wxyz": wxyz}, {"goal_wxyz": goal})
    low = law.threshold + 0.1
    assert low - 1e-3 <= away.min() and away.max() <= largest + 1e-3
    share = (math.cos(low) - away.cos()) / (math.cos(low) - math.cos(largest))
    assert uniformity(share) < 1.63
    here, there = axis(wxyz), axis(goal)
    across = there - (there * here).sum(dim=-1, keepdim=True) * here
    mean = (across / across.norm(dim=-1, keepdim=True)).mean(dim=0)
    assert mean.norm() < 4 / math.sqrt(COUNT)  # no side is preferred


def test_the_pens_turn_about_its_own_axis_counts_nowhere():
    """Neither in the distance nor in a term, at any time: now, one step before, and in the goal."""
    config = resolve(EnvConfig(task="pen"))
    spec, rng, count = task_of(config), Draws(3), 200
    poses = ("object_wxyz", "previous_object_wxyz", "goal_wxyz")
    true = {name: R.random_rotation(count, rng) for name in poses}
    about = {n: R.multiply(q, R.about_z(6 * rng.uniform(count))) for n, q in true.items()}
    rest = {
        name: rng.normal(count, size)
        for name, size in {
            "joint_position": 24, "joint_velocity": 24, "target": 20, "last_action": 20,
            "object_position": 3, "previous_object_position": 3,
        }.items()
    }  # fmt: skip
    assert (R.distance(true["object_wxyz"], about["object_wxyz"]) > 0.1).float().mean() > 0.8
    terms = select(config.actor_terms, "test", spec.terms)
    assert {name for term in terms for name in term.reads} >= {"goal_wxyz", "previous_object_wxyz"}
    one, other = (compute(terms, {**rest, **pose}) for pose in (true, about))
    for name in one:
        torch.testing.assert_close(other[name], one[name], atol=2e-4, rtol=1e-3, msg=name)
    law = law_of("pen")
    torch.testing.assert_close(law.distance(about, about), law.distance(true, true))


def test_the_pens_step_leads_to_its_goal():
    """Following the shortened rotation vector brings the axis to the goal, by the shortest way."""
    config = resolve(EnvConfig(task="pen"))
    (step,) = select(("goal_axis_step",), "test", task_of(config).terms)
    law, rng = law_of("pen"), Draws(4)
    wxyz, goal = R.random_rotation(50, rng), R.random_rotation(50, rng)
    left = law.distance({"object_wxyz": wxyz}, {"goal_wxyz": goal})
    for _ in range(6):
        turn = step.compute({"object_wxyz": wxyz, "goal_wxyz": goal})
        wxyz = R.multiply(R.from_rotvec(turn), wxyz)
        now = law.distance({"object_wxyz": wxyz}, {"goal_wxyz": goal})
        torch.testing.assert_close(left - now, turn.norm(dim=-1), atol=2e-3, rtol=0)
        left = now
    assert left.max() < 2e-3


def test_axes_that_agree_or_oppose_give_numbers():
    law = PenLaw(0.4)
    up = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    down = torch.tensor([[0.0, 1.0, 0.0, 0.0]])
    assert law.distance({"object_wxyz": up}, {"goal_wxyz": up}) == 0.0
    assert float(law.distance({"object_wxyz": up}, {"goal_wxyz": down})) == pytest.approx(math.pi)
    terms = TASKS.get("pen", "test").terms
    for goal in (up, down):
        pose = {"object_wxyz": up, "previous_object_wxyz": up, "goal_wxyz": goal}
        place = dict.fromkeys(("object_position", "previous_object_position"), torch.zeros(1, 3))
        for value in compute(terms, {**pose, **place}).values():
            assert value.isfinite().all()


def test_terms_that_know_a_cube_or_the_pens_turn_are_replaced():
    egg, pen = (resolve(EnvConfig(task=task)) for task in TASKS_HERE)
    assert "object_reduced" not in (*egg.actor_terms, *pen.actor_terms)
    assert len(egg.actor_terms) == len(pen.actor_terms) == len(ACTOR_TERMS)
    assert len(pen.critic_terms) == len(CRITIC_TERMS)


@pytest.mark.parametrize("task", TASKS_HERE)
def test_settled_states_rest_in_the_hand(build, task):
    """For two seconds with the targets that hold them, nearly all lie where they lay."""
    env = build(num_worlds=64, task=task, resets=ResetConfig(cache=64))
    sim, layout = env.sim, env.sim.layout
    sim.state("qpos")[:] = env.task.settled.qpos
    sim.forward(torch.arange(64))
    sim.state("ctrl")[:, layout.motors] = env.task.settled.target.double()
    before = env.task.pose(slice(None))
    for _ in range(25):
        assert not sim.step(env.config.control.substeps).any()
    after = env.task.pose(slice(None))
    assert env.task.law.dropped(after).sum() <= 2
    moved = (after["object_position"] - before["object_position"]).norm(dim=-1)
    assert moved.median() < 0.003 and moved.quantile(0.9) < 0.01, moved
    turned = R.distance(after["object_wxyz"], before["object_wxyz"])
    assert turned.median() < 0.2, turned
    touching = [look(sim, world).ncon for world in range(0, 64, 8)]
    assert min(touching) > 0
    thickness = env.config.model.object_size_m * (0.04 if task == "pen" else 0.375)
    assert before["object_position"][:, 2].min() > -thickness


@pytest.mark.parametrize("task", TASKS_HERE)
def test_resuming_loses_nothing(build, task):
    assert forgotten(build(task=task)) == []


@pytest.mark.parametrize("task", TASKS_HERE)
def test_it_trains_and_its_bundle_has_its_law(task, tmp_path):
    """`sleight train --env.task egg|pen`, `sleight export`: ONNX Runtime and torch agree."""
    small = ["--env.task", task, "--env.num_worlds", "8", "--env.threads", "1", "--threads", "1",
             "--env.resets.cache", "32", "--rollout.horizon", "16", "--rollout.bptt_steps", "8",
             "--steps", "128", "--policy.embedding_size", "16", "--policy.hidden_size", "16",
             "--wandb", "off", "--runs", str(tmp_path), "--name", task]  # fmt: skip
    assert main(["train", *small]) == 0
    assert main(["export", str(tmp_path / task), "--out", str(tmp_path / "bundle")]) == 0
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.manifest.task.object == task
    largest = 1.5
    judge = TaskJudge(with_options(bundle, {"max_angle_rad": largest}, "test"), 7)
    law, numbers, poses = law_of(task), np.random.default_rng(7), np.random.default_rng(8)
    for _ in range(100):
        wxyz = quaternions.random_rotation(poses)
        pose = {"object_position": np.array([0.0, 0.0, 0.04]), "object_wxyz": wxyz}
        goal = judge.next(pose)["goal_wxyz"]
        uniform = numbers.random((1, law.uniforms)).astype(np.float32)
        normal = numbers.standard_normal((1, law.normals)).astype(np.float32)
        seen = {
            name: torch.tensor(value, dtype=torch.float32)[None] for name, value in pose.items()
        }
        expected = law.draw(
            law.prepare(seen), torch.tensor([largest]), torch.tensor(uniform), torch.tensor(normal)
        )
        assert quaternions.distance(goal, expected["goal_wxyz"][0].double().numpy()) < 1e-3
        other = quaternions.random_rotation(poses)
        judged = judge.judge(pose, {"goal_wxyz": other})
        distance = float(law.distance(seen, {"goal_wxyz": torch.tensor(other[None]).float()}))
        assert judged.distance == pytest.approx(distance, abs=2e-3)
        assert judged.reached == (judged.distance < law.threshold) and not judged.dropped


def test_the_tip_of_the_pen_ends_where_the_pen_ends():
    spec = mujoco.MjSpec()
    PEN_OBJECT.build(spec.worldbody.add_body(name="pen"), "pen", 0.2, 0.03)
    model = spec.compile()
    ends = [model.geom(name).pos[2] + model.geom(name).size[1] for name in ("pen", "pen_tip")]
    assert ends[0] == pytest.approx(ends[1])
    assert model.body("pen").mass[0] == pytest.approx(0.03)
    assert PEN_OBJECT.symmetry == "z"
