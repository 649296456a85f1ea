"""`sleight export`: from a run to the folder that a robot runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ...config import to_dict
from ...contract.bundle import (
    FORMAT,
    INPUTS,
    ActionEntry,
    BundleManifest,
    ControlEntry,
    GoalEntry,
    GraphEntry,
    HandEntry,
    TaskEntry,
    Tensor,
    file_sha256,
    write_manifest,
)
from ...contract.hand_spec import HandSpec
from ...envs.config import EnvConfig, GoalConfig
from ...envs.hands.shadow import SHADOW_RIGHT
from ...envs.make import for_task
from ...envs.mdp import observations
from ...envs.mdp.control import ActionLaw
from ...envs.tasks.settled_states import DROP_HEIGHT_M
from ...errors import ConfigError
from ...policies.actor import Actor
from ..config import TrainConfig
from ..rollout.adr_source import trained_ranges
from ..runs.checkpoint import Checkpoint, load_module
from ..runs.saved_run import load_run
from ..runs.versions import versions
from .policy_graph import PolicyGraph, write_graph

GRAPH = "policy.onnx"


def export(run: Path, folder: Path, name: str = "", stochastic: bool = False) -> Path:
    """Write the bundle of a run's newest checkpoint; `folder` is made or replaced file by file.

    stochastic: the bundle draws its actions as the policy did in training, from noise that the
    robot gives it. Raises ConfigError when the policy cannot run on a rig.
    """
    config, found = load_run(run)
    env = for_task(config.env)
    if env.task == "reach":
        raise ConfigError(
            f"{run}: env.task: got reach, allowed: block, block-z (a rig has a block)"
        )
    actor = _actor(config, found, str(run))
    terms = observations.select(env.actor_terms, "env.actor_terms")
    law = ActionLaw(env.control, SHADOW_RIGHT, env.period_s)
    graph = PolicyGraph(actor, terms, law, stochastic)
    write_graph(graph, folder / GRAPH, _sizes(SHADOW_RIGHT))
    write_manifest(folder, _manifest(config, env, found, graph, folder, name or env.task))
    return folder


def _actor(config: TrainConfig, found: Checkpoint, source: str) -> Actor:
    terms = observations.select(for_task(config.env).actor_terms, "env.actor_terms")
    sizes = {term.name: term.size for term in terms if term.size}
    actor = Actor(config.policy, sizes, len(SHADOW_RIGHT.actuators))
    load_module("actor", actor, found.weights, source)
    return actor


def _sizes(hand: HandSpec) -> dict[str, int]:
    return {"joints": len(hand.joints), "actuators": len(hand.actuators)}


def _manifest(
    config: TrainConfig,
    env: EnvConfig,
    found: Checkpoint,
    graph: PolicyGraph,
    folder: Path,
    name: str,
) -> BundleManifest:
    sizes = _sizes(SHADOW_RIGHT)
    actuators, hidden = sizes["actuators"], config.policy.hidden_size
    inputs = tuple(
        Tensor(key, (1, sizes.get(width) or int(width)), unit, frame)
        for key, (width, unit, frame) in INPUTS.items()
        if key in graph.inputs
    )
    carry = tuple(Tensor(key, (1, hidden)) for key in graph.carry_names)
    law = env.control
    return BundleManifest(
        format=FORMAT,
        name=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=versions(),
        hand=HandEntry.of(SHADOW_RIGHT),
        task=_task(env),
        control=ControlEntry(env.period_s),
        action=ActionEntry(
            law.law,
            law.scale,
            law.ema,
            config.policy.bins if config.policy.head == "bins" else None,
        ),
        inputs=inputs,
        carry=carry,
        outputs=(
            Tensor("target", (1, actuators), "rad", "joint"),
            Tensor("action", (1, actuators)),
            *(Tensor(f"next_{c.name}", c.shape) for c in carry),
        ),
        graph=GraphEntry(GRAPH, file_sha256(folder / GRAPH)),
        randomization=trained_ranges(config, found.meta),
        training={"config": to_dict(config), "steps": found.meta["steps"]},
    )


def _task(env: EnvConfig) -> TaskEntry:
    # Trials on a rig are in the papers' form, whatever shorter limits training had.
    goals = GoalConfig(threshold_rad=env.goals.threshold_rad)
    return TaskEntry(
        name=env.task,
        success_threshold_rad=goals.threshold_rad,
        goal_timeout_s=goals.timeout_s,
        max_successes=goals.max_successes,
        goal=GoalEntry(
            "about_z" if env.task == "block-z" else "face_up", flip_share=goals.flip_share
        ),
        object_size_m=env.model.object_size_m,
        drop_height_m=DROP_HEIGHT_M,
    )
