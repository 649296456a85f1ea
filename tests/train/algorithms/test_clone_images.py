"""Cloning into a student that sees: it learns from pictures alone, goes on after a stop, and what
does not fit is refused in one line."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sleight.config import save as save_config
from sleight.contract.bundle import load_bundle
from sleight.deploy.runtime.policy_runner import OnnxPolicy, Sensors
from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.make import make_env
from sleight.errors import SleightError
from sleight.train.algorithms.algorithm_registry import collection_of
from sleight.train.algorithms.clone import CloneConfig
from sleight.train.algorithms.teacher_files import read_teacher
from sleight.train.algorithms.trunk import read_trunk
from sleight.train.config import RolloutConfig, TrainConfig
from sleight.train.export.bundle_export import export
from sleight.train.rollout.eyes import eyes_of
from sleight.train.rollout.in_process import build
from sleight.train.rollout.players import open_player
from sleight.train.runs import checkpoint
from sleight.train.runs.metrics import read_metrics
from sleight.train.runs.session import resume, start
from sleight.train.runs.training_loop import Training
from sleight.vision.config import CamerasConfig, ImagesConfig, LooksConfig, ViewConfig
from sleight.vision.renders.studio import Studio

PRETRAINED = Path(__file__).parents[3] / "pretrained"
VIEW = {"top": ViewConfig((0.0, -0.09, 0.46), up=(0.0, 1.0, 0.0))}
LEFT = {"left": ViewConfig((0.30, -0.22, 0.27))}
SEEN = ("joint_position", "target", "goal_rotation", "camera_images")


@pytest.fixture(scope="module", autouse=True)
def _can_render() -> None:
    try:
        Studio(CamerasConfig(image_px=16)).close()
    except SleightError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def seeing(block_config: TrainConfig, block_run: Path) -> TrainConfig:
    """Two worlds, one small camera."""
    clone = CloneConfig(
        minibatches=1, epochs=1, teacher=str(block_run), student_share=(1.0, 1.0),
        auxiliary_terms=("object_position",),
    )  # fmt: skip
    env = replace(block_config.env, num_worlds=2, actor_terms=SEEN, randomization={})
    return replace(
        block_config.with_block(clone),
        algorithm="clone",
        steps=32,
        env=env,
        adr=replace(block_config.adr, step_sizes={}, curriculum={}),
        rollout=RolloutConfig(horizon=8, bptt_steps=4),
        cameras=ImagesConfig(
            strength=0.0,
            looks=LooksConfig(shadow_share=0.0),
            supersample=1,
            rig=CamerasConfig(image_px=16, views=VIEW),
        ),
    )


def _with_keypoints(config: TrainConfig, **fields: Any) -> TrainConfig:
    policy = replace(config.policy, encoders={"camera_images": "keypoints"})
    clone = replace(config.block(CloneConfig), **fields)
    return replace(config, policy=policy).with_block(clone)


@contextmanager
def _training(config: TrainConfig) -> Iterator[Training]:
    training = build(config, teacher=read_teacher(Path(collection_of(config).teacher), config))
    with closing(training.sampler):
        yield training


def test_the_student_learns_from_pictures_through_all_of_it(seeing: TrainConfig) -> None:
    with _training(seeing) as training:
        before = training.weights()
        row = training.iterate()
        after = training.weights()
        batch = training.sampler.next()
    pictures = batch.actor["camera_images"]
    assert pictures.shape == (8, 2, 3, 16, 16)
    assert pictures.min() >= 0.0 and 0.3 < pictures.max() <= 1.0
    assert not torch.equal(pictures[0], pictures[-1])
    # Nothing of the pose but the pictures, and the teacher's labels of the same steps.
    assert set(batch.actor) == set(SEEN) and batch.labels["mean"].shape == (8, 2, 20)
    encoder = [name for name in before if "encoders.camera_images" in name and "weight" in name]
    assert encoder and all(not torch.equal(before[name], after[name]) for name in encoder)
    assert row["kl_to_teacher"] > 0 and row["auxiliary_loss"] > 0


def test_a_stopped_run_goes_on_as_one_that_was_not(seeing: TrainConfig, tmp_path: Path) -> None:
    config = replace(seeing, runs=str(tmp_path))
    whole = start(replace(config, name="whole"))
    halves = start(replace(config, name="halves", pause_steps=16))
    resume(halves, ["--pause_steps", "0"])
    one, other = (checkpoint.load(folder).weights for folder in (whole, halves))
    assert set(one) == set(other)
    for name, value in one.items():
        assert torch.equal(value, other[name]), name
    assert len(read_metrics(whole / "metrics.jsonl")) == 2


def test_a_pretrained_trunk_is_what_the_student_begins_with(
    seeing: TrainConfig, tmp_path: Path
) -> None:
    names = ("auxiliary_terms", "trunk", "tune_trunk")
    fields = dict(zip(names, ((), str(PRETRAINED / "block_cameras"), False), strict=True))
    config = _with_keypoints(seeing, **fields)
    run = start(replace(config, runs=str(tmp_path), name="frozen", steps=16))
    found = checkpoint.load(run).weights
    with _training(config) as training:
        trunk = read_trunk(PRETRAINED / "block_cameras", training.agent.actor)
    assert trunk
    for name, value in trunk.items():
        assert torch.equal(found[name], value), name
    tuned = _with_keypoints(config, tune_trunk=True)
    run = start(replace(tuned, runs=str(tmp_path), name="tuned", steps=16))
    found = checkpoint.load(run).weights
    assert any(not torch.equal(found[name], value) for name, value in trunk.items())


def test_the_student_is_a_run_like_any_other(
    seeing: TrainConfig, tmp_path: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    run = start(replace(seeing, runs=str(tmp_path), name="student", steps=16))
    words = ("--trials", 1, "--goals.timeout_s", 0.4, "--cameras.strength", 1)
    code, out, err = cli("eval", run, *words)
    assert code == 0, err
    assert "mean +- s.e." in out


def _two_views(config: TrainConfig) -> TrainConfig:
    """Two cameras, whose matrices the encoder reads."""
    cameras = replace(config.cameras, rig=CamerasConfig(image_px=16, views={**VIEW, **LEFT}))
    env = replace(config.env, actor_terms=(*SEEN, "camera_matrices"))
    return replace(config, env=env, cameras=cameras)


@pytest.mark.parametrize(("kind", "views"), [("image", 1), ("keypoints", 1), ("keypoints", 2)])
def test_it_is_exported_as_one_graph_from_pictures_to_targets(
    kind: str, views: int, seeing: TrainConfig, tmp_path: Path
) -> None:
    seeing = _two_views(seeing) if views == 2 else seeing
    policy = replace(seeing.policy, encoders={"camera_images": kind})
    run = start(replace(seeing, policy=policy, runs=str(tmp_path), name="student", steps=16))
    bundle = load_bundle(export(run, tmp_path / "bundle"))
    images = bundle.manifest.images
    assert images is not None and images.shape == (1, views, 16, 16, 3)
    assert list(images.cameras) == ["top", "left"][:views]
    network, graph = open_player(run), open_player(tmp_path / "bundle")
    env_config = replace(seeing.env, num_worlds=3)
    eyes = eyes_of(seeing.cameras, env_config, 5)
    with closing(make_env(env_config, 5, eyes=eyes)) as env:
        observation, _ = env.reset(seed=5)
        starts = torch.ones(3, dtype=torch.bool)
        for player in (network, graph):
            player.start(env)
        for _ in range(3):
            action = network.act(env, observation, starts)
            torch.testing.assert_close(
                graph.act(env, observation, starts), action, atol=1e-4, rtol=0
            )
            observation, _, terminated, truncated, _ = env.step(action)
            starts = terminated | truncated
    # On a rig, it is asked with pictures of its cameras.
    task, home = bundle.manifest.task, SHADOW_RIGHT.home
    joints = SHADOW_RIGHT.joint_target(home)
    pose = {"object_position": np.zeros(3), "object_wxyz": np.array([1.0, 0.0, 0.0, 0.0])}
    goal = {part.name: np.full(part.shape[1:], 0.5) for part in task.goals}
    matrices = np.tile(np.eye(3, 4), (views, 1, 1))
    actions = []
    for value in (0, 0, 255):
        shown = {"camera_images": np.full(images.shape[1:], value), "camera_matrices": matrices}
        policy = OnnxPolicy(bundle)
        actions.append(policy.step(Sensors(joints, 0 * joints, home, pose, goal, shown)).action)
    np.testing.assert_array_equal(actions[0], actions[1])
    assert np.abs(actions[2] - actions[0]).max() > 1e-6


def _flags(config: TrainConfig, path: Path) -> Path:
    save_config(config, path)
    return path


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (("--env.model.object", "egg"), "env.model.object: got egg, allowed with term camera_im"),
        (("--env.model.variant", "glove"), "env.model: got variant glove, allowed with term"),
        (("--env.randomization", "{object.size: [0.9, 1.1]}"), "object.size: got other sizes"),
        (("--policy.encoders", "{camera_image: keypoints}"), "policy.encoders: got camera_image"),
        (("--policy.encoders", "{target: keypoints}"), "policy.encoders: got target, allowed"),
        (("--policy.encoders", "{camera_images: imag}"), "got imag, did you mean 'image'"),
        (("--clone.auxiliary_terms", "[object_pos]"), "clone.auxiliary_terms: got object_pos"),
        (("--clone.trunk", "pretrained/block_cameras"), "clone.trunk, clone.tune_trunk: got poli"),
        (("--env.critic_terms", "[camera_images]", "--clone.auxiliary_terms", "[]"),
         "env.critic_terms: got camera_images, which reads"),
        (("--env.control.scale", "0.5"), "env.control.scale: got 0.5, allowed: 0.35"),
    ],
)  # fmt: skip
def test_refused(
    flags: tuple[str, ...],
    line: str,
    seeing: TrainConfig,
    tmp_path: Path,
    refused: Callable[..., str],
) -> None:
    path = _flags(replace(seeing, runs=str(tmp_path)), tmp_path / "clone.yaml")
    assert line in refused("clone", path, *flags)


def test_a_trunk_that_is_none_is_refused(
    seeing: TrainConfig, block_run: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    config = _with_keypoints(seeing, trunk=str(tmp_path / "nothing"))
    path = _flags(replace(config, runs=str(tmp_path), name="x"), tmp_path / "clone.yaml")
    assert "nothing" in refused("clone", path)
    assert not (tmp_path / "x").exists()
    assert str(block_run) in refused("clone", path, "--clone.trunk", block_run)


def test_pictures_of_another_size_do_not_fit_a_student(
    seeing: TrainConfig, tmp_path: Path, refused: Callable[..., str]
) -> None:
    run = start(replace(seeing, runs=str(tmp_path), name="student", steps=16))
    flags = ("--warm_start", run, "--cameras.rig.image_px", 32, "--name", "other")
    path = _flags(replace(seeing, runs=str(tmp_path)), tmp_path / "clone.yaml")
    assert "encoders.camera_images.head.weight" in refused("clone", path, *flags)
