"""`sleight doctor` where things are broken, and what it says of this machine."""

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from sleight import cli
from sleight.doctor import child, expect, packages, rendering
from sleight.doctor.commands import summary
from sleight.doctor.finding import Finding, State

ROOT = Path(__file__).parents[2]


def _doctor(
    python: str, *words: str, path: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-m", "sleight", "doctor", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{path}{os.pathsep}{ROOT}", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_python_without_any_package_gets_the_whole_table(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    page = tmp_path / "doctor.json"
    done = _doctor(str(tmp_path / "bare/bin/python"), "--json", str(page), MUJOCO_GL="egl")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "missing: torch, for simulation, training and evaluation" in done.stdout
    assert "-> pip install 'torch>=" in done.stdout
    assert "not all was measured" in done.stdout
    states = {f["name"]: f["state"] for f in json.loads(page.read_text())["findings"]}
    assert states["torch"] == states["mujoco"] == states["rich"] == "missing"
    assert states["MUJOCO_GL=egl"] == "broken"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise RuntimeError('a wheel for another machine')", "a wheel for another machine"),
        ("import os; os.abort()", "ended by SIGABRT"),
        ("print('doctor: numpy'); raise SystemExit(3)", "ended with exit code 3"),
        ("raise ValueError('two\\nlines')", "lines"),
    ],
)
def test_a_package_that_cannot_be_imported_is_named_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, reason: str
) -> None:
    (tmp_path / "safetensors.py").write_text(body)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    failed = packages.importable(["mcap", "safetensors", "yaml"])
    assert [*failed] == ["safetensors"]
    assert reason in failed["safetensors"]


def test_versions_are_compared_by_numbers() -> None:
    assert packages.within("2.13.0+cpu", ">=2.6")
    assert packages.within("4.0", ">=4.0.0,<5")
    assert not packages.within("5.0.0.93", ">=4.0,<5")
    assert not packages.within("0.9", ">=0.11")
    assert packages.within("2.0.0rc1", "")


def test_what_is_asked_for_is_read_with_its_extras() -> None:
    wanted = packages.requirements()
    assert {"torch", "mujoco", "numpy"} <= {r.name for r in wanted if not r.extra}
    assert {r.extra for r in wanted} - {""} <= {*packages.EXTRAS}
    sysid = next(r for r in wanted if r.extra == "sysid")
    assert (sysid.name, sysid.inner) == ("mujoco", "[sysid]")


def test_the_module_of_each_package_is_one_that_it_holds() -> None:
    """A wrong name would be a broken package on every machine."""
    modules = metadata.packages_distributions()
    tried = 0
    for asked in packages.requirements():
        if asked.extra in packages.SOURCES or not packages.installed(asked.name):
            continue
        module = packages.MODULES.get(asked.name, asked.name.replace("-", "_"))
        if not module.startswith("sleight."):
            owners = {name.replace("_", "-").lower() for name in modules.get(module, ())}
            assert asked.name in owners, f"{asked.name}: {module} is of {owners}"
            tried += 1
    assert tried > 15


def test_a_backend_that_works_is_offered_for_one_that_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    found = {f.name: f for f in rendering.look()}
    assert found["MUJOCO_GL=glfw"].state is State.BROKEN
    assert found["MUJOCO_GL=egl"].state is State.OK
    assert found["MUJOCO_GL=glfw"].fix.startswith("export MUJOCO_GL=egl")


def test_a_misspelt_backend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "elg")
    monkeypatch.setattr(rendering, "BACKENDS", ("egl",))
    first = next(iter(rendering.look()))
    assert (first.state, first.text) == (State.BROKEN, "got elg, allowed: egl")


def test_a_child_that_does_not_answer_is_ended() -> None:
    outcome = child.run("print('{}', flush=True); import time; time.sleep(60)", timeout_s=1.0)
    assert (outcome.ok, outcome.lines, outcome.reason) == (False, ["{}"], "no answer within 1 s")


ROWS = [
    {"recipes": [
        {"name": "a", "steps": 6000, "kind": 0, "memory": "lstm"},
        {"name": "b", "steps": 6000, "kind": 1, "memory": "lstm"},
    ]},
    {"simulation": {"threads": 2, "worlds": 128, "steps_per_s": 500.0}},
    {"kind": 0, "memory": "lstm", "steps_per_s": 100.0},
    {"kind": 0, "memory": "none", "steps_per_s": 200.0},
    {"kind": 1, "memory": "lstm", "steps_per_s": 50.0},
]  # fmt: skip


def test_recipes_take_their_steps_at_the_rate_of_their_kind() -> None:
    first, second = expect.expectation(ROWS).recipes
    assert (first["seconds"], first["seconds_without_memory"]) == (60.0, 30.0)
    assert (second["seconds"], second["seconds_without_memory"]) == (120.0, 60.0)


@pytest.mark.parametrize("length", range(len(ROWS)))
def test_a_measurement_that_was_cut_off_says_what_it_knows(length: int) -> None:
    found = expect.expectation(ROWS[:length], "late")
    assert found.trouble == "late"
    for recipe in found.recipes:
        assert expect.duration(recipe["seconds"]) == ("?" if length < 3 else "60 s")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "?"), (40, "40 s"), (89, "89 s"), (720, "12 min"), (9000, "2.5 h"), (8e5, "9.3 days")],
)
def test_durations_as_people_say_them(seconds: float | None, text: str) -> None:
    assert expect.duration(seconds) == text


def test_the_summary_says_what_is_missing_for_what() -> None:
    found = [
        Finding("a", "x", State.OK, ""),
        Finding("a", "y", State.BROKEN, "", "", "videos"),
        Finding("a", "z", State.OPTIONAL, ""),
    ]
    assert summary(found) == ["broken: y, for videos", "optional, not in use: z"]
    assert summary(found[:1]) == ["nothing is missing"]


def test_a_file_that_cannot_be_written_is_found_before_the_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("sleight.doctor.commands.LOOKS", (lambda: pytest.fail("looked"),))
    assert cli.main(["doctor", "--json", str(tmp_path / "file" / "x.json")]) == 2


@pytest.mark.slow
def test_this_machine_as_a_whole(tmp_path: Path) -> None:
    page = tmp_path / "doctor.json"
    done = _doctor(sys.executable, "--json", str(page))
    assert (done.returncode, done.stderr) == (0, "")
    expected = json.loads(page.read_text())["expected"]
    assert expected["simulation"]["steps_per_s"] > 10
    assert {*expected["training"]} == {"lstm", "none"}
    names = {recipe["name"] for recipe in expected["recipes"]}
    assert {"block_near.yaml", "reach.yaml", "demo.yaml", "sweep.yaml", "clone.yaml"} <= names
    assert all(recipe["seconds"] > 1 for recipe in expected["recipes"])


def test_an_algorithm_that_collects_before_it_learns_has_no_duration() -> None:
    """A short measurement would see only its cheap beginning."""
    from sleight.doctor.recipes import recipes

    names = {recipe.name for recipe in recipes()}
    assert "block_near.yaml" in names
    assert "block_near_fast_td3.yaml" not in names


def test_the_default_recipe_is_measured_with_as_many_worlds_as_it_trains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With half of them a control step of training takes a quarter longer."""
    from sleight.doctor import measure
    from sleight.doctor.recipes import recipes

    worlds, batches = [], []

    class Run:
        steps = 0

        def iterate(self) -> None:
            batches.append(self)
            self.steps += 1

    def build(config: Any) -> Run:
        worlds.append(config.env.num_worlds)
        return Run()

    monkeypatch.setattr(measure, "build", build)
    (base,) = [recipe for recipe in recipes() if recipe.name == measure.BASE]
    assert measure.training(base, 1, "lstm", warm_up=True) > 0
    assert worlds == [base.config.env.num_worlds] and len(batches) == 2
