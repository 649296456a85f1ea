"""A learner in bfloat16: what it learns, what stays in float32, and where `auto` uses it."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from sleight.policies.encoders import TermShape
from sleight.train.algorithms.agent import sized_agent
from sleight.train.algorithms.learner_group import LearnerGroup
from sleight.train.algorithms.ppo import Ppo, PpoConfig
from sleight.train.algorithms.precision import is_low
from sleight.train.rollout.batch import Batch
from sleight.train.runs.training_loop import Training

CPU = torch.device("cpu")


def _moved(learner: Ppo, before: dict[str, torch.Tensor]) -> torch.Tensor:
    after = learner.actor.state_dict()
    return torch.cat(
        [(after[n] - before[n]).flatten() for n, _ in learner.actor.named_parameters()]
    )


def test_the_update_is_that_of_float32_but_for_rounding(learn: Any, batch: Batch) -> None:
    moves, rows = [], []
    for precision in ("float32", "bfloat16"):
        learns = learn(precision=precision)
        before = {name: value.clone() for name, value in learns.actor.state_dict().items()}
        rows.append(learns.update(batch, 0.0))
        moves.append(_moved(learns, before))
    assert not torch.equal(*moves)
    assert torch.cosine_similarity(*moves, dim=0) > 0.9
    assert rows[1]["kl"] == pytest.approx(rows[0]["kl"], rel=0.2)
    assert rows[1]["value_loss"] == pytest.approx(rows[0]["value_loss"], rel=0.2)


def test_weights_moments_and_the_acting_policy_stay_in_float32(learn: Any, batch: Batch) -> None:
    learns = learn(precision="bfloat16")
    assert learns.low
    before = learns.actor.unroll(batch.actor, batch.carries[0], batch.starts).log_prob(batch.raw)
    same = learn(precision="float32").actor.unroll(batch.actor, batch.carries[0], batch.starts)
    assert torch.equal(before, same.log_prob(batch.raw))
    learns.update(batch, 0.0)
    kinds = {value.dtype for value in learns.actor.parameters()}
    kinds |= {value.dtype for name, value in learns.state()[0].items() if name != "rng"}
    assert torch.bfloat16 not in kinds


def test_auto_is_bfloat16_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for able in (True, False):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda able=able: able)
        assert is_low("auto", CPU) is able
    assert not is_low("auto", torch.device("cuda"))
    assert is_low("bfloat16", CPU) and not is_low("float32", CPU)


def test_networks_that_see_stay_in_float32(training: Training) -> None:
    sizes = {"joint_position": TermShape((24,)), "camera_images": TermShape((3, 32, 32), "image")}
    policy = replace(training.config.policy, memory="none", encoders={})
    agent = sized_agent(policy, {"actor": sizes, "critic": {"joint_position": 24}}, 20, seed=0)
    settings = replace(training.config.block(PpoConfig), precision="bfloat16")
    assert not Ppo(settings, training.config, agent, seed=3, group=LearnerGroup()).low
