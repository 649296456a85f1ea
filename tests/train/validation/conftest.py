"""A set of `reach`, and results that are made by hand."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sleight.config import to_dict
from sleight.envs.config import EnvConfig, GoalConfig
from sleight.train.rollout.evaluation import protocol
from sleight.train.rollout.players import RunPlayer
from sleight.train.validation.set_result import CaseResult, SetResult
from sleight.train.validation.validation_set import Case, Search, ValidationSet, write_set

SearchConfig = tuple[RunPlayer, EnvConfig]
RANGES = {"gravity": (-12.0, -8.0), "hand.gain": (0.5, 1.5)}
MARK = 4.0


@pytest.fixture(scope="session")
def reach_search(reach_run: Path) -> SearchConfig:
    """A player, and the environment of its search: goals of 0.8 s, three at most."""
    player = RunPlayer(reach_run)
    goals = GoalConfig(timeout_s=0.8, max_successes=3)
    return player, protocol(player.env_config, 1, {"hand.damping": 1.2}, goals, RANGES)


@pytest.fixture(scope="session")
def reach_set(reach_search: SearchConfig) -> ValidationSet:
    """Three cases that nobody searched for."""
    player, config = reach_search
    worlds = ((-9.0, 0.6), (-11.5, 1.4), (-9.0, 1.0))
    return ValidationSet(
        config, dict(config.randomization), 5, 1.0,
        Search(player.name, 48_500_000, 100, 5, {"sleight": "0"}, 60, 2.0, 0.1),
        tuple(
            Case(f"case {i}", dict(zip(RANGES, world, strict=True)), 10 + i, (0, 1), 0, 2, 0.25)
            for i, world in enumerate(worlds, 1)
        ),
    )  # fmt: skip


@pytest.fixture
def set_file(reach_set: ValidationSet, tmp_path: Path) -> Path:
    return write_set(tmp_path / "failures.json", reach_set)


@pytest.fixture(scope="session")
def result_of() -> Callable[..., SetResult]:
    """A result with these successes in its cases."""

    def made(*cases: Sequence[int], digest: str = "same", player: str = "new") -> SetResult:
        found = tuple(
            CaseResult(f"case {i}", tuple(each), 1, 0, "gravity -9", 2.0)
            for i, each in enumerate(cases, 1)
        )
        return SetResult(player, digest, "finder", 8.0, MARK, 0, len(cases[0]),
                         to_dict(EnvConfig())["control"]["law"], {}, found)  # fmt: skip

    return made
