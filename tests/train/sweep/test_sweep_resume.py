"""A sweep that was killed: a journal is the whole state, and a damaged one is refused."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from sleight.errors import DataError
from sleight.train.runs.checkpoint import Checkpoint, save
from sleight.train.sweep import sweep_folder as sweep_folder
from sleight.train.sweep import trial_process
from sleight.train.sweep.config import FieldConfig
from sleight.train.sweep.journal import Journal, read
from tests.train.sweep.fake_trials import GAMMAS, Write, run_sweep


def test_a_killed_sweep_does_what_an_undisturbed_one_does(
    write: Write, world: dict[str, Any]
) -> None:
    fields = {"ppo.gamma": FieldConfig(low=0.1, high=0.9), "ppo.epochs": FieldConfig(low=1, high=9)}
    source = write(method="bayesian", fields=fields, trials=6, seeds=2, stopping="asha")
    whole = run_sweep(source)
    path, left = whole.journal.path, copy.deepcopy(world)
    lines = path.read_text().splitlines(keepends=True)
    assert len(lines) > 15
    for count in range(len(lines)):
        world.clear()
        world.update(copy.deepcopy(left))
        path.write_text("".join(lines[:count]) + '{"event": "en')  # killed while it wrote
        run_sweep(source, again=True)
        assert _settled(path.read_text()) == _settled("".join(lines)), count


def _settled(text: str) -> list[Any]:
    """Settings and ends; steps where a run was stopped depend on when it was looked at."""
    rows = [json.loads(line) for line in text.splitlines()]
    keep = ("event", "setting", "values", "seed", "state")
    return sorted(json.dumps({k: row[k] for k in keep if k in row}) for row in rows)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("journal.jsonl:garbage\n", "journal.jsonl: line 1: got 'garbage', allowed: a JSON object"),
        ('journal.jsonl:{"event": "edn"}\n', "line 1: event: got 'edn', did you mean 'end'?"),
        ('journal.jsonl:{"event": "rung", "setting": -1}\n', "line 1: setting: got -1"),
        ('journal.jsonl:{"event": "rung", "setting": 5, "steps": 1, "value": 1}\n', "got 5, which"),
        ('journal.jsonl:{"event": "setting", "setting": 0, "values": {"x": 1}}\n', "another sweep"),
        (
            'journal.jsonl:{"event": "setting", "setting": 0, "values": {"ppo.gamma": "5"}}\n',
            "setting 0: ppo.gamma: got 5",
        ),
        ("journal.jsonl:\xff", "journal.jsonl: not UTF-8"),
        ("base.yaml:steps: [", "base.yaml: not valid YAML"),
        ("sweep.yaml:train: base.yaml\ntrials: -1", "sweep.yaml: trials: got -1"),
        ("sweep.yaml:", "got no sweep.yaml, allowed: the folder of a sweep"),
        ("base.yaml:", "got no base.yaml, allowed: the folder of a sweep"),
        ("journal.jsonl:", "got no journal.jsonl, allowed: the folder of a sweep"),
    ],
)
def test_a_damaged_folder_is_refused(
    damage: str, says: str, write: Write, refused: Callable[..., str], tmp_path: Path
) -> None:
    source = write(method="grid", fields={"ppo.gamma": GAMMAS})
    config, folder = sweep_folder.place(source)
    sweep_folder.create(config, folder, source)
    name, _, text = damage.partition(":")
    (folder / name).unlink()
    if text:
        (folder / name).write_bytes(text.encode("latin-1"))
    assert says in refused("sweep", source, "--resume")
    assert says in refused("sweep", source, "--report")


def test_going_on_with_something_else_is_refused(
    write: Write, refused: Callable[..., str], tmp_path: Path, world: dict[str, Any]
) -> None:
    source = write(method="grid", fields={"ppo.gamma": GAMMAS})
    assert "which does not exist" in refused("sweep", source, "--resume")
    run_sweep(source)
    assert "got s, which exists; allowed: --resume" in refused("sweep", source)
    write(method="grid", fields={"ppo.gamma": GAMMAS}, seeds=2)
    assert "seeds: got 2, allowed with --resume: 1" in refused("sweep", source, "--resume")
    write(method="grid", fields={"ppo.gamma": GAMMAS})
    recipe = tmp_path / "reach.yaml"
    recipe.write_text(recipe.read_text().replace("bptt_steps: 8", "bptt_steps: 4"))
    line = refused("sweep", source, "--resume")
    assert "train: rollout.bptt_steps: got 4, allowed with --resume: 8" in line
    write(method="grid", fields={"ppo.gamma": GAMMAS}, concurrent=4)
    recipe.write_text(recipe.read_text().replace("bptt_steps: 4", "bptt_steps: 8"))
    run_sweep(source, again=True)


def test_a_journal_loses_only_a_line_that_was_cut_off(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for index in range(3):
        journal.add("rung", setting=index, steps=10, value=None)
    whole = journal.path.read_bytes()
    for cut in range(len(whole) + 1):
        journal.path.write_bytes(whole[:cut])
        again = Journal(tmp_path)
        assert len(again.events) == whole[:cut].count(b"\n")
        assert again.add("moved", generation=1) == read(journal.path)[-1]
    with pytest.raises(DataError, match="steps: got None"):
        journal.add("rung", setting=0, steps=None, value=1.0)


def test_a_sweep_reads_a_checkpoint_whose_replacement_was_killed(tmp_path: Path) -> None:
    value = {"a": torch.zeros(3)}
    saved = Checkpoint(value, value, {"steps": 640, "config": {}, "adr": {}})
    path = save(tmp_path / "t000-s0" / "checkpoints", saved)
    path.rename(path.with_name(f"{path.name}.before"))
    assert trial_process.Trial(tmp_path, "t000-s0").steps() == 640
