"""`sleight bench transfer`: the same trials for all bundles, rows that differ as they say."""

import json
import re
import runpy
from concurrent.futures import CancelledError
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from sleight.cli import main
from sleight.contract.bundle import load_bundle
from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.hands.variants import VARIANTS
from sleight.errors import ConfigError

BENCH = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "rigs" / "transfer.py"))
TRANSFER = ("bench", "transfer")


@pytest.fixture
def only(monkeypatch):
    """only(*names): the command has just these rows."""

    def keep(*names):
        every = BENCH["rows_of"]
        main_globals = BENCH["main"].__globals__
        monkeypatch.setitem(
            main_globals,
            "rows_of",
            lambda gap: [row for row in every(gap) if row.name in names],
        )

    return keep


def run(*words):
    return BENCH["main"]([str(word) for word in words])


def test_the_rows_are_hands_that_differ():
    rows = BENCH["rows_of"](gap=True)
    names = [row.name for row in rows]
    assert names[:3] == ["default", "ten rigs", "menagerie"]
    assert set(VARIANTS) - {"none"} < set(names) and len(set(names)) == len(names)
    assert [row.name for row in BENCH["rows_of"](gap=False)] == names[:7]
    assert len({str((row.kind, row.changes)) for row in rows}) == len(rows)


def test_one_table_for_two_bundles_and_it_goes_on_where_it_stopped(bundle, tmp_path, capsys, only):
    only("default", "push")
    path = tmp_path / "table.json"
    both = (f"one={bundle}", f"two={bundle}")
    assert run(*both, "--trials", "1", "--json", path) == 0
    first = json.loads(path.read_text())["rows"]
    assert run(*both, "--trials", "2", "--threads", "2", "--json", path) == 0
    lines = re.findall(r"^\| (\w+) \| (\w+) \| 2 \| [\d.]+ \+- ", capsys.readouterr().out, re.M)
    assert lines == [("one", "default"), ("one", "push"), ("two", "default"), ("two", "push")]
    rows = json.loads(path.read_text())["rows"]
    assert [row["trials"][:1] for row in rows] == [row["trials"] for row in first]
    trials = {(row["policy"], row["hand"]): row["trials"] for row in rows}
    assert trials["one", "default"] == trials["two", "default"], "the same seeds for all"
    # Without the file, and on one thread, the trials are the same.
    assert run(both[0], "--trials", "2", "--json", tmp_path / "other.json") == 0
    alone = json.loads((tmp_path / "other.json").read_text())["rows"]
    assert alone[0]["trials"] == trials["one", "default"]


def test_an_interrupted_run_keeps_its_trials(bundle, tmp_path, monkeypatch, only):
    only("default")
    path, scope = tmp_path / "table.json", BENCH["measure"].__globals__
    whole = scope["trial"]

    def stops(entry, row, number, first, stop):
        if number == 1:
            raise KeyboardInterrupt
        return whole(entry, row, number, first, stop)

    monkeypatch.setitem(scope, "trial", stops)
    with pytest.raises(KeyboardInterrupt):
        run(bundle, "--trials", "3", "--json", path)
    (row,) = json.loads(path.read_text())["rows"]
    assert [one["trial"] for one in row["trials"]] == [0]


def test_a_trial_ends_at_once_when_the_table_stops(bundle):
    (row,) = [row for row in BENCH["rows_of"](False) if row.name == "default"]
    task, stop = load_bundle(bundle).manifest.task, Event()
    world = BENCH["stoppable"](row.world(0), stop, task, 0.08, 0)
    world.place()
    world.tick(SHADOW_RIGHT.home)
    stop.set()
    with pytest.raises(CancelledError):
        world.tick(SHADOW_RIGHT.home)


def test_there_are_ten_rigs_and_trials_take_them_in_turn(bundle):
    task = load_bundle(bundle).manifest.task
    rig = next(row for row in BENCH["rows_of"](False) if row.name == "ten rigs").world(5)
    mass = [rig(task, 0.08, seed)._body.plant._model.body_mass for seed in (5, 6, 15)]
    assert np.array_equal(mass[0], mass[2]) and not np.array_equal(mass[0], mass[1])


def test_swaps_give_the_other_hand_properties_of_the_default(bundle, monkeypatch):
    task = load_bundle(bundle).manifest.task
    # The default hand, made different: the other source's files may not be there.
    rows = {row.name: row for row in BENCH["rows_of"](gap=True)}
    swaps = BENCH["SWAPS"]
    training = BENCH["BENCH"]["Training"]

    def other(spec):
        for geom in spec.geoms:
            geom.solref[0] = 0.005
        for joint in spec.joints:
            joint.damping, joint.armature = [0.05, 0, 0], 0.0002

    def model(*edits):
        def edit(spec):
            for each in edits:
                each(spec)

        return training(task, 0.08, 0, edit=edit)._model

    nominal, changed = model(), model(other)
    hand = slice(0, nominal.ngeom - 1)
    for name, field, part in (
        ("the default's contacts", "geom_solref", hand),
        ("the default's damping", "dof_damping", slice(0, 24)),
        ("the default's armature", "dof_armature", slice(0, 24)),
    ):
        assert rows[f"menagerie, {name}"].changes["edit"] is swaps[name]
        swapped = model(other, swaps[name])
        assert not np.allclose(getattr(changed, field)[part], getattr(nominal, field)[part])
        np.testing.assert_allclose(getattr(swapped, field)[part], getattr(nominal, field)[part])
        others = {"geom_solref", "dof_damping", "dof_armature"} - {field}
        assert all(np.array_equal(getattr(swapped, n), getattr(changed, n)) for n in others)


def test_the_other_hand_is_left_out_in_one_line_when_its_files_are_not_there(monkeypatch, capsys):
    def missing(config):
        raise ConfigError("model.hand: got menagerie, whose model cannot be loaded")

    monkeypatch.setitem(BENCH["present"].__globals__, "build_model", missing)
    rows = BENCH["present"](BENCH["rows_of"](gap=True))
    assert rows and not any("menagerie" in row.name for row in rows)
    said = capsys.readouterr().err
    assert said == "menagerie: left out: model.hand: got menagerie, whose model cannot be loaded\n"


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--trials", "0"], "--trials: got 0, allowed: an integer >= 1"),
        (["--threads", "-1"], "--threads: got -1, allowed: an integer >= 0"),
        (["--seed", "x"], "--seed: got x, allowed: an integer >= 0"),
    ],
)
def test_bad_flags_are_one_line(bundle, capsys, flags, line):
    assert main([*TRANSFER, str(bundle), *flags]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and line in err


def test_two_bundles_of_one_name_are_refused(bundle, capsys):
    assert main([*TRANSFER, str(bundle), str(bundle)]) == 2
    assert "transfer: got bundle, bundle, allowed: different names" in capsys.readouterr().err
