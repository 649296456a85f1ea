"""`sleight bench gap`: its worlds differ as they say, and a row is what `bench rig` plays."""

import re
import runpy
from pathlib import Path

import pytest

from sleight.cli import main
from sleight.contract.bundle import load_bundle
from sleight.deploy.runtime.trial import COMPLETE
from sleight.deploy.sim.plant_config import PlantConfig
from sleight.envs.sim.model import ModelConfig

BENCH = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "rigs" / "gap.py"))


def test_every_world_but_the_plain_ones_is_changed():
    for worlds, config in ((BENCH["TRAINING"], ModelConfig), (BENCH["RIG"], PlantConfig)):
        plain, *changed = (config(**changes) for changes in worlds.values())
        assert plain == config()
        assert len(set(map(str, changed))) == len(changed) and plain not in changed


def test_rows_are_the_trials_of_bench_rig(bundle, monkeypatch):
    for name, only in (("TRAINING", "with the elliptic cone"), ("RIG", "the rig")):
        for other in set(BENCH[name]) - {only}:
            monkeypatch.delitem(BENCH[name], other)
    found = load_bundle(bundle)
    _, _, cone, rig = BENCH["rows"](found, 2, 3)
    row = r"^\| (.+?) \| [\d.]+ \+- [\d.]+ \| [\d.]+ \|" + r" (\d) \|" * len(COMPLETE) + "$"
    for line, world in ((cone, "with the elliptic cone"), (rig, "the rig")):
        name, *ends = re.findall(row, line)[0]
        assert name == world and sum(map(int, ends)) == 2
    player = BENCH["BENCH"]["Player"](found, 3)
    done = [player.trial(BENCH["BENCH"]["Rig"], False, 3 + n).successes for n in range(2)]
    assert f"| the rig | {sum(done) / 2:.1f} +- " in rig


def test_bad_flags_are_one_line(bundle, capsys):
    assert main(["bench", "gap", str(bundle), "--trials", "0"]) == 2
    assert capsys.readouterr().err == "error: --trials: got 0, allowed: an integer >= 1\n"


@pytest.mark.parametrize("cone", ["pyramidal", "elliptic"])
def test_the_rigs_cone_is_its_configs(bundle, cone):
    rig = BENCH["BENCH"]["Rig"](load_bundle(bundle).manifest.task, 0.08, 0, cone=cone)
    assert rig._body.plant._model.opt.cone == ("pyramidal", "elliptic").index(cone)
