"""What is recorded is what was seen, done and said; a folder can be read at any time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sleight.envs.config import GoalConfig
from sleight.envs.env import HandEnv, Observation
from sleight.envs.make import make_env
from sleight.envs.mdp.observations import compute
from sleight.errors import DataError
from sleight.train.demonstrations import shards
from sleight.train.demonstrations.data_set import open_demonstrations
from sleight.train.demonstrations.manifest import read_manifest
from sleight.train.demonstrations.recorder import Recorder
from sleight.train.demonstrations.shards import Demonstration, DemonstrationWriter
from sleight.train.export.bundle_export import export
from sleight.train.rollout.evaluation import first_episodes, protocol
from sleight.train.rollout.players import Player, RunPlayer, open_player
from tests.train.demonstrations.conftest import record


class Spy:
    """Keeps what one player has seen and said while its first episode runs."""

    def __init__(self, env: HandEnv) -> None:
        self.env, self.seen, self.labels = env, list[Observation](), list[Any]()

    def acted(self, player: Player, counts: torch.Tensor) -> None:
        self.seen.append(self.env._last)
        self.labels.append(player.label())

    def note(self, *_: torch.Tensor) -> None:
        """Nothing."""


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_terms_come_out_as_the_policy_and_the_critic_saw_them(
    noise: float, block_run: Path, tmp_path: Path
) -> None:
    """From the sensors on disk, by the functions of the terms."""
    player = RunPlayer(block_run, stochastic=True)
    trained = replace(player.env_config, resets=replace(player.env_config.resets, cache=4))
    ranges = {"observation.noise": (noise, noise)} if noise else {}
    config = protocol(trained, 1, {}, GoalConfig(timeout_s=0.8), ranges)
    env = make_env(config, 5)
    spy = Spy(env)
    with Recorder(tmp_path) as recorder:
        (episode,) = first_episodes(player, env, "", (spy,), recorder=recorder).values()
    data = open_demonstrations(tmp_path)
    rows = torch.arange(episode.length)
    assert data.ends.tolist() == [episode.length] and bool(data.manifest.truth) == bool(noise)
    found = {
        "actor": compute(env.terms["actor"], data.sensors(rows)),
        "critic": compute(
            env.terms["critic"],
            {**data.truth(rows), "world": torch.zeros(len(rows), env.coordinates.shape[1])},
        ),
    }
    for group, terms in found.items():
        for name in terms.keys() - {"world"}:
            seen = torch.stack([each[group][name][0] for each in spy.seen])
            torch.testing.assert_close(terms[name], seen, atol=1e-6, rtol=0, msg=name)
    means, stds = (torch.cat(parts) for parts in zip(*spy.labels, strict=True))
    assert torch.equal(data.arrays["mean"], means) and torch.equal(data.arrays["std"], stds)
    actions = data.arrays["action"]
    assert not torch.equal(actions, means.clamp(-1, 1)), "actions are sampled"
    assert torch.equal(data.sensors(rows)["last_action"][1:], actions[:-1])
    assert data.arrays["reward"].sum() == pytest.approx(episode.reward, abs=1e-4)
    assert int(data.arrays["success"].sum()) == episode.successes
    assert data.terminated.tolist() == [episode.dropped]


def test_a_bundle_that_samples_says_its_mean(block_run: Path, tmp_path: Path) -> None:
    """The same mean as the network's, in the same states."""
    bundle = export(block_run, tmp_path / "bundle", stochastic=True)
    graph, network = open_player(bundle), open_player(block_run)
    env = make_env(replace(network.env_config, num_worlds=3, resets=replace(
        network.env_config.resets, cache=4)), 5)  # fmt: skip
    observation, _ = env.reset()
    starts = torch.ones(3, dtype=torch.bool)
    for player in (graph, network):
        player.start(env)
    for _ in range(3):
        sampled = graph.act(env, observation, starts)
        network.act(env, observation, starts)
        (mean, std), (expected, _) = graph.label(), network.label()
        assert std is None and not torch.equal(mean, sampled)
        torch.testing.assert_close(mean, expected.clamp(-1, 1), atol=1e-4, rtol=0)
        observation, _, terminated, truncated, _ = env.step(sampled)
        starts = terminated | truncated


def _episodes(folder: Path) -> list[Demonstration]:
    data = open_demonstrations(folder)
    return [
        Demonstration({n: v[begin:end].numpy() for n, v in data.arrays.items()}, False)
        for begin, end in zip(data.begins.tolist(), data.ends.tolist(), strict=True)
    ]


def test_a_killed_writer_leaves_what_it_has_finished(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a shard that was not named yet nor a temporary file is in the way."""
    # The longest first: two fill a shard, and the third waits.
    first, second, third, _ = sorted(_episodes(recorded), key=lambda each: -each.size)
    monkeypatch.setattr(shards, "SHARD_BYTES", first.size + 1)
    writer = DemonstrationWriter(tmp_path, replace(read_manifest(recorded), shards=()))
    writer.__enter__()
    assert not read_manifest(tmp_path).shards
    for episode in (first, second, third):
        writer.add(episode)
    (tmp_path / "shard-00001.safetensors").write_bytes(b"half of it")
    (tmp_path / ".shard-00001.0badf00d.safetensors").write_bytes(b"")
    data = open_demonstrations(tmp_path)
    assert data.episodes == 2 and len(writer.waiting) == 1
    steps = first.steps
    assert np.array_equal(data.arrays["action"][:steps], first.arrays["action"])
    assert np.array_equal(data.arrays["action"][steps:], second.arrays["action"])


def test_an_interrupted_recording_keeps_the_episodes_that_have_ended(
    recorded: Path, tmp_path: Path
) -> None:
    writer = DemonstrationWriter(tmp_path, replace(read_manifest(recorded), shards=()))
    with pytest.raises(KeyboardInterrupt), writer:
        writer.add(_episodes(recorded)[0])
        raise KeyboardInterrupt
    assert open_demonstrations(tmp_path).episodes == 1


def test_the_command_records_each_trial_once(block_run: Path, tmp_path: Path) -> None:
    data = open_demonstrations(record(block_run, tmp_path / "new" / "folder"))
    assert data.manifest.task == "block" and data.episodes == 4
    assert data.manifest.teacher == str(block_run) and data.manifest.period_s == 0.08
    torch.testing.assert_close(data.arrays["action"], data.arrays["mean"].clamp(-1, 1))


def test_an_empty_folder_of_shards_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"demonstrations\.json: no such file"):
        open_demonstrations(tmp_path)
