"""Reward terms by hand, and the table that sums them."""

import pytest
import torch

from sleight.envs.mdp.rewards import REWARDS, RewardTable, Step
from sleight.envs.tasks.task import Outcome
from sleight.errors import ConfigError


def step():
    """Two worlds: one that makes progress and succeeds, one that falls."""
    outcome = Outcome(
        progress=torch.tensor([0.3, -0.1]),
        success=torch.tensor([True, False]),
        drop=torch.tensor([False, True]),
    )
    action = torch.tensor([[1.0, 2.0], [0.0, 3.0]])
    change = torch.tensor([[0.5, 0.5], [1.0, 0.0]])
    force = torch.tensor([[0.1, 0.2], [2.0, 1.0]])
    wrist = torch.tensor([[0.3, 0.4], [0.0, -0.2]])
    return Step(outcome, action, change, force, wrist, {"level": torch.tensor([1.0, 3.0])})


WANTED = {
    "progress": [0.3, -0.1],
    "success": [1.0, 0.0],
    "drop": [0.0, 1.0],
    "action_change": [0.5, 1.0],
    "action_size": [5.0, 9.0],
    "effort": [0.05, 5.0],
    "wrist": [0.25, 0.04],
}


@pytest.mark.parametrize("name", REWARDS.names())
def test_a_term(name):
    torch.testing.assert_close(REWARDS.get(name, "")(step()), torch.tensor(WANTED[name]))


def test_the_table_sums_weighted_terms():
    table = RewardTable({"progress": 1.0, "success": 5.0, "drop": -20.0, "action_change": -0.5})
    total, terms = table(step())
    # 0.3 + 5 - 0.25 and -0.1 - 20 - 0.5
    torch.testing.assert_close(total, torch.tensor([5.05, -20.6]))
    torch.testing.assert_close(terms["drop"], torch.tensor([0.0, -20.0]))


def test_a_task_has_terms_of_its_own_which_read_its_sensors():
    own = {"level": lambda s: s.sensors["level"] * s.action.sum(dim=-1)}
    total, _ = RewardTable({"level": 2.0, "success": 1.0}, own)(step())
    # 2 * 1 * 3 + 1 and 2 * 3 * 3
    torch.testing.assert_close(total, torch.tensor([7.0, 18.0]))
    with pytest.raises(ConfigError, match="did you mean 'level'"):
        RewardTable({"levle": 2.0}, own)


def test_a_weight_of_zero_drops_the_term():
    assert set(RewardTable({"progress": 1.0, "effort": 0.0}).weights) == {"progress"}


def test_no_terms_no_reward():
    total, terms = RewardTable({})(step())
    assert torch.equal(total, torch.zeros(2)) and terms == {}


def test_an_unknown_term_names_the_nearest():
    with pytest.raises(ConfigError, match=r"env\.rewards: .*'progres', did you mean 'progress'"):
        RewardTable({"progres": 1.0})
