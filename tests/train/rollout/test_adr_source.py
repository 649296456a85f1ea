"""The page about randomization says what the code does."""

from pathlib import Path

import pytest

from sleight.config import load
from sleight.envs.randomization.markdown import markdown
from sleight.envs.randomization.table import NAMES, PARAMETERS, PART_NAMES
from sleight.envs.randomization.world_source import FixedRanges
from sleight.train.config import TrainConfig
from sleight.train.pose.config import WidenConfig
from sleight.train.pose.widening import table
from sleight.train.rollout.adr_source import dimensions, physical_ranges, start_state
from sleight.vision.renders.render_parameters import GROUPS as IN_RENDERS

ROOT = Path(__file__).parents[3]
RECIPES = [
    path.name
    for path in sorted((ROOT / "configs").glob("*.yaml"))
    if any(line.startswith(("base:", "env:", "steps:")) for line in path.read_text().splitlines())
    and path.name != "clone.yaml"  # needs a teacher
    and "\ntrain:" not in f"\n{path.read_text()}"
]
"""The configs of `sleight train`."""


def test_the_page_has_the_tables_of_the_code():
    page = (ROOT / "docs" / "randomization.md").read_text(encoding="utf-8")
    assert markdown() in page, "write them anew: python -m sleight.envs.randomization.markdown"


def test_the_page_of_vision_has_the_table_of_the_renders():
    page = (ROOT / "docs" / "vision.md").read_text(encoding="utf-8")
    assert markdown(IN_RENDERS) in page, (
        "write it anew: python -m sleight.vision.renders.range_table"
    )


def test_widening_all_of_them_is_a_config():
    rows = table(load(WidenConfig, ROOT / "configs" / "pose_adr.yaml"))
    assert {row.name for row in rows} == {row.name for rows in IN_RENDERS.values() for row in rows}


def test_every_name_is_there_once():
    assert len(set(NAMES)) == len(NAMES) == markdown().count("\n| `")


ASKED = {"goals": 0, "manual": 20, "adr": 9, "transfer": 22, "hands": 46, "adr_all": None}
"""configs/block_NAME.yaml -> how many parameters it randomizes; None: all."""


@pytest.mark.parametrize("name", ASKED)
def test_none_manual_and_adr_are_configs_over_this_table(name):
    config = load(TrainConfig, ROOT / "configs" / f"block_{name}.yaml")
    rows = dimensions(config)
    FixedRanges(config.env.randomization, 0)
    asked = {row.name for row in rows} | set(config.env.randomization)
    world = {row.name for row in PARAMETERS if not row.curriculum} - PART_NAMES
    assert len(asked & world) == (len(world) if ASKED[name] is None else ASKED[name])
    if name == "adr_all":
        assert {row.step for row in rows} == {config.adr.step} and config.adr.buffer == 240


@pytest.mark.parametrize("name", RECIPES)
def test_every_shipped_recipe_has_a_start(name):
    config = load(TrainConfig, ROOT / "configs" / name)
    state = start_state(config)
    for parameter, ends in config.adr.initial_ranges.items():
        assert physical_ranges(state)[parameter] == pytest.approx(ends)
