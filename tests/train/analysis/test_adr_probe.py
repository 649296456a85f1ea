"""`sleight adr probe`: which memories are kept, of which trials, and what is said of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sleight.adr.intervals import proportion
from sleight.adr.probing import LEAST, Found
from sleight.envs.config import GoalConfig
from sleight.envs.env import HandEnv, Observation
from sleight.envs.make import make_env
from sleight.train.analysis.analysis_worlds import entropy, study_ranges
from sleight.train.analysis.probe import Answer, Probe, collect, probe_player
from sleight.train.analysis.probe_page import page, table
from sleight.train.rollout.evaluation import FRESH, protocol
from sleight.train.rollout.players import RunPlayer, open_player

RANGES = {"object.mass": (0.5, 2.0), "gravity": (-12.0, -8.0)}


class Knowing(RunPlayer):
    """Whose memory holds the mass of its block, h and c a half each, and noise."""

    def act(self, env: HandEnv, observation: Observation, starts: torch.Tensor) -> torch.Tensor:
        action = super().act(env, observation, starts)
        noise = torch.randn(env.num_envs, 7, generator=torch.Generator().manual_seed(0))
        mass = env.coordinates[:, env.source.names.index("object.mass")].unsqueeze(-1)
        self._kept = (torch.cat((mass / 2, noise), dim=1), torch.cat((mass / 2, 0 * noise), dim=1))
        return action

    def memory(self) -> tuple[torch.Tensor, ...]:
        return self._kept


def test_a_memory_that_holds_the_mass_is_found_to(block_run: Path) -> None:
    player = Knowing(block_run)
    goals = GoalConfig(timeout_s=1.0)
    found = probe_player(
        player, RANGES, 4 * LEAST, goals, times=(1, 3), kinds=("linear",), permutations=3, seed=1
    )
    for time in (1, 3):
        mass, gravity = (found.at(name, time, "linear") for name in RANGES)
        assert mass is not None and mass.knows and mass.accuracy.value > 0.9
        assert gravity is not None and not gravity.knows
    assert found.running == {1: 4 * LEAST, 3: found.running[3]}
    said = table(found)
    assert "t=1 (80 trials)" in said and "*" in said and "chance, by permutation" in said


def test_memories_are_those_of_first_trials_that_still_run(block_run: Path) -> None:
    player = RunPlayer(block_run)
    config = protocol(player.env_config, 6, {}, GoalConfig(timeout_s=0.4), RANGES)
    book, worlds = collect(player, config, (2, 7), seed=0)
    assert set(worlds) == set(RANGES) and book.states[2].shape == (6, 32)
    assert book.running[2].all() and not book.running[7].any(), "0.4 s are five steps"
    env = make_env(config, FRESH, cache_seed=FRESH)
    observation, _ = env.reset()
    again = RunPlayer(block_run)
    again.start(env)
    starts = torch.ones(6, dtype=torch.bool)
    for step in (1, 2):
        action = again.act(env, observation, starts)
        if step < 2:
            observation, _, ended, cut, _ = env.step(action)
            starts = ended | cut
    hidden, cell = again.memory()
    torch.testing.assert_close(book.states[2], hidden + cell)
    masses = np.exp(0.5 * env.coordinates[:, env.source.names.index("object.mass")].numpy())
    assert worlds["object.mass"] == pytest.approx(masses, abs=1e-5)


def test_a_forgotten_memory_is_that_of_a_new_episode(block_run: Path) -> None:
    player = RunPlayer(block_run)
    env = make_env(replace(player.env_config, num_worlds=4), 0)
    observation, _ = env.reset()
    player.start(env)
    player.act(env, observation, torch.ones(4, dtype=torch.bool))
    before = [part.clone() for part in player.memory()]
    player.forget(torch.tensor([True, False, True, False]))
    for old, new in zip(before, player.memory(), strict=True):
        assert new[::2].abs().max() == 0 and old[::2].abs().max() > 0
        assert torch.equal(new[1::2], old[1::2])


def test_bundles_have_the_same_memory(
    block_run: Path, tmp_path: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    assert cli("export", block_run, "--out", tmp_path / "bundle")[0] == 0
    bundle, run = open_player(tmp_path / "bundle"), RunPlayer(block_run)
    assert bundle.ranges == run.ranges and bundle.steps == run.steps
    assert entropy(bundle) == pytest.approx(entropy(run), abs=1e-6)
    env = make_env(protocol(run.env_config, 3, {}, GoalConfig(), study_ranges([run], ())), 1)
    observation, _ = env.reset()
    starts = torch.ones(3, dtype=torch.bool)
    for player in (bundle, run):
        player.start(env)
        player.act(env, observation, starts)
    for ours, theirs in zip(bundle.memory(), run.memory(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)
    bundle.forget(starts)
    assert all(part.abs().max() == 0 for part in bundle.memory())


def fabricated(name: str, npd: float, right: int) -> Probe:
    """What a probe finds when `right` of 100 answers are right."""
    answers = tuple(
        Answer(
            "object.mass",
            t,
            "nonlinear",
            Found(proportion(right, 100), 0.5, 0.54, 0.2, 100, right > 60),
        )
        for t in (1, 60)
    )
    return Probe(
        name, npd, 1000, {1: 100, 60: 90}, (*answers, Answer("gravity", 1, "linear", None))
    )


def test_checkpoints_are_compared_by_their_entropy() -> None:
    written = page([fabricated("runs/a", -2.0, 60), fabricated("runs/b", 0.1, 80)])
    assert "Against entropy" in written and "0.80 [0.71, 0.87]*" in written
    assert "Against entropy" not in page([fabricated("runs/a", -2.0, 60)])
    assert table(fabricated("runs/a", -2.0, 50)).count("*") == 1, "in the heading alone"


def test_the_command(block_run: Path, tmp_path: Path, cli: Callable) -> None:
    out = tmp_path / "probe.json"
    words = ("--trials", 4 * LEAST, "--times", "1,2", "--permutations", 1, "--goals.timeout_s", 1)
    ranges = ("--range", "object.mass=0.5,1.5")
    code, said, err = cli("adr", "probe", block_run, *words, *ranges, "--json", out,
                          "--html", tmp_path / "p.html")  # fmt: skip
    assert code == 0, err
    (found,) = json.loads(out.read_text())["probes"]
    names = {answer["parameter"] for answer in found["answers"]}
    assert "object.mass" in names and "hand.damping" in names and "goal.angle" not in names
    assert found["settings"]["ranges"]["object.mass"] == [0.5, 1.5]
    assert found["entropy"] == pytest.approx(entropy(RunPlayer(block_run)))
    assert "accuracy on held-out trials" in said and (tmp_path / "p.html").is_file()


def test_bad_input_is_one_line(block_run: Path, reach_run: Path, refused: Callable) -> None:
    assert "--trials: got 79, allowed: 80" in refused("adr", "probe", block_run, "--trials", 79)
    assert "trained in one world" in refused("adr", "probe", reach_run)
    assert "different steps" in refused("adr", "probe", block_run, "--times", "0,3")
    assert "whole numbers" in refused("adr", "probe", block_run, "--times", "1,x")
    assert "--permutations: got 0" in refused("adr", "probe", block_run, "--permutations", 0)
