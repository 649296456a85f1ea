"""`sleight export`: writes the bundle of a run, the folder that a robot needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ...config import to_dict
from ...contract.bundle import MANIFEST, file_sha256, write_manifest
from ...contract.manifest import (
    CAMERA_IMAGES,
    CAMERA_MATRICES,
    FORMAT,
    INPUTS,
    ActionEntry,
    BundleManifest,
    ControlEntry,
    GraphEntry,
    HandEntry,
    OptionEntry,
    TaskEntry,
    Tensor,
    widths_of,
)
from ...contract.pose_entry import ImagesEntry
from ...envs.config import EnvConfig, GoalConfig
from ...envs.hands.hand_model import hand_of
from ...envs.make import resolve
from ...envs.mdp import observations
from ...envs.mdp.control import ActionLaw
from ...envs.objects.object_spec import object_of, size_of
from ...envs.tasks.goal_law import GoalLaw
from ...envs.tasks.task import task_of
from ...envs.tasks.task_registry import TASKS
from ...errors import ConfigError
from ...folders import replaced_together
from ...policies.actor import Actor
from ...vision.config import ImagesConfig
from ...vision.live.image_eyes import image_sizes
from ..algorithms.agent import term_shapes
from ..config import TrainConfig
from ..pose.pose_export import camera_entries, placement_range
from ..rollout.adr_source import trained_ranges
from ..rollout.eyes import sees
from ..runs.checkpoint import Checkpoint, load_module
from ..runs.saved_run import load_run
from ..runs.versions import versions
from .policy_graph import PolicyGraph, write_graph
from .task_graph import write_task_graph

GRAPH, TASK_GRAPH = "policy.onnx", "task.onnx"
GOAL_UNITS = {"goal_wxyz": ("quaternion", "palm"), "goal_joints": ("rad", "object")}
"""Part of a goal -> its unit and frame."""


def export(
    run: Path,
    folder: Path,
    name: str = "",
    stochastic: bool = False,
    max_successes: int = GoalConfig.max_successes,
) -> Path:
    """Write the bundle of a run's newest checkpoint; one in `folder` is replaced as a whole.

    stochastic: the bundle samples its actions, as in training, from noise that the robot passes
    in. max_successes: goals after which a trial on a rig ends. Raises ConfigError when the policy
    cannot run on a rig.
    """
    config, saved = load_run(run)
    env = resolve(config.env)
    hand, object_spec = hand_of(env.model).spec, object_of(env.model)
    law = rig_law(config.env, str(run))
    graph = policy_graph(config, saved, law, str(run), stochastic)
    widths = widths_of(len(hand.joints), len(hand.actuators), len(object_spec.reported))
    action = (1, len(hand.actuators))
    carry = tuple(Tensor(key, (1, config.policy.hidden_size)) for key in graph.carry_names)
    with replaced_together(folder, MANIFEST) as new:
        write_graph(graph, new / GRAPH, widths)
        write_task_graph(law, len(object_spec.reported), new / TASK_GRAPH)
        manifest = BundleManifest(
            format=FORMAT,
            name=name or env.task,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=versions(),
            hand=HandEntry.of(hand),
            task=task_entry(env, law, new, max_successes),
            control=ControlEntry(env.period_s),
            action=_action(config, env),
            inputs=_inputs(graph, widths),
            carry=carry,
            outputs=(
                Tensor("target", action, "rad", "joint"),
                Tensor("action", action),
                *(Tensor(f"next_{c.name}", c.shape) for c in carry),
            ),
            graph=GraphEntry(GRAPH, file_sha256(new / GRAPH)),
            randomization=trained_ranges(config, saved.meta),
            training={"config": to_dict(config), "steps": saved.meta["steps"]},
            images=images_entry(config.cameras) if sees(config.env) else None,
        )
        write_manifest(new, manifest)
    return folder


def policy_graph(
    config: TrainConfig, saved: Checkpoint, law: GoalLaw, source: str, stochastic: bool = False
) -> PolicyGraph:
    """The policy of a checkpoint as a module. Raises CheckpointError, ConfigError."""
    env = resolve(config.env)
    hand = hand_of(env.model).spec
    terms = observations.select(env.actor_terms, "env.actor_terms", task_of(env).terms)
    rig = config.cameras.rig
    sizes = {**observations.sizes_of(hand, object_of(env.model), 0), **image_sizes(rig)}
    shapes = term_shapes(terms, sizes)
    actor = Actor(config.policy, shapes, len(hand.actuators))
    load_module("actor", actor, saved.weights, source)
    action_law = ActionLaw(env.control, hand, env.period_s)
    pictures = images_entry(config.cameras).shape[1:] if sees(config.env) else ()
    return PolicyGraph(actor, terms, action_law, law.goals, stochastic, pictures)


def rig_law(env: EnvConfig, source: str) -> GoalLaw:
    """The goal law of trials on a rig: the limits of the papers, also if training had shorter ones.

    Raises ConfigError for a task that cannot run on a rig.
    """
    spec = task_of(env)
    if spec.law is None:
        allowed = ", ".join(name for name, task in TASKS.everything().items() if task.law)
        raise ConfigError(
            f"{source}: env.task: got {env.task}, allowed: {allowed} (a rig has an object)"
        )
    goals = GoalConfig(threshold_rad=env.goals.threshold_rad)
    return spec.law(resolve(replace(env, goals=goals)), "cpu")


def task_entry(env: EnvConfig, law: GoalLaw, folder: Path, max_successes: int) -> TaskEntry:
    """The manifest entry of the task, whose graph is in `folder`."""
    goals, object_spec = GoalConfig(), object_of(env.model)
    limits = law.option_limits
    return TaskEntry(
        name=env.task,
        goal_timeout_s=goals.timeout_s,
        max_successes=max_successes,
        object=env.model.object,
        object_size_m=size_of(env.model),
        success_threshold=law.threshold,
        unit=law.unit,
        graph=GraphEntry(TASK_GRAPH, file_sha256(folder / TASK_GRAPH)),
        goals=_goals(law.goals),
        uniforms=law.uniforms,
        normals=law.normals,
        options={n: OptionEntry(float(value), *limits[n]) for n, value in law.options.items()},
        object_joints=object_spec.reported,
    )


def images_entry(config: ImagesConfig) -> ImagesEntry:
    """The manifest entry of the cameras whose pictures a policy reads."""
    rig = config.rig
    return ImagesEntry(rig.image_px, rig.fovy_deg, camera_entries(rig), *placement_range(config))


def _action(config: TrainConfig, env: EnvConfig) -> ActionEntry:
    law = env.control
    bins = config.policy.bins if config.policy.head == "bins" else None
    return ActionEntry(law.law, law.scale, law.ema, bins)


def _inputs(graph: PolicyGraph, widths: Mapping[str, int]) -> tuple[Tensor, ...]:
    """The graph's inputs for the manifest."""
    tensors = {
        name: Tensor(name, (1, widths[width]), unit, frame)
        for name, (width, unit, frame) in INPUTS.items()
        if width in widths
    }
    tensors |= {goal.name: goal for goal in _goals(graph.goals)}
    tensors[CAMERA_IMAGES] = Tensor(CAMERA_IMAGES, (1, *graph.pictures))
    tensors[CAMERA_MATRICES] = Tensor(
        CAMERA_MATRICES, (1, *graph.pictures[:1], 3, 4), "1, m", "palm"
    )
    return tuple(tensors[name] for name in graph.inputs)


def _goals(sizes: Mapping[str, int]) -> tuple[Tensor, ...]:
    """The parts of a goal for the manifest."""
    return tuple(
        Tensor(name, (1, size), *GOAL_UNITS.get(name, ("1", ""))) for name, size in sizes.items()
    )
