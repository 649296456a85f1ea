"""A robot's environment, made as documented: no torch, Ray, W&B or MuJoCo, and the policy runs."""

import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "ray", "wandb", "mujoco", "gymnasium", "safetensors", "optuna")
ATTEMPTS = 6
"""Of what runs in real time: another program may be in the way of one."""

pytestmark = pytest.mark.slow


def _run(*words: str | Path, cwd: Path, seconds: float = 900.0) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SLEIGHT"))}
    return subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fresh environment with what deploy/requirements.txt names, and the wheel."""
    folder = tmp_path_factory.mktemp("robot")
    venv.create(folder / "venv", with_pip=True)
    pip = folder / "venv/bin/pip"
    needs = ("-c", ROOT / "constraints.txt", "-r", ROOT / "deploy/requirements.txt")
    done = _run(pip, "install", "-q", *needs, cwd=folder)
    if "No matching distribution" in done.stderr or "Temporary failure" in done.stderr:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    copy = folder / "checkout"
    assert _run("git", "clone", "-q", ROOT, copy, cwd=folder).returncode == 0
    done = _run(pip, "install", "-q", "--no-deps", ".", cwd=copy)
    assert done.returncode == 0, done.stderr
    return folder


@contextmanager
def _hand() -> Iterator[tuple[str, str]]:
    """Ports of the hand and the referee of a simulated rig, in the environment of the tests."""
    words = ["-m", "sleight", "rig", "sim", "--port", "0", "--referee_port", "0"]
    with subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            ports = re.findall(r":(\d+)", process.stdout.readline())
            yield ports[0], ports[1]
        finally:
            process.terminate()


def test_the_environment_has_nothing_of_training(robot: Path) -> None:
    names = _run(robot / "venv/bin/pip", "list", "--format=freeze", cwd=robot).stdout.lower()
    assert "onnxruntime" in names
    assert not {line.partition("==")[0] for line in names.split()} & {*HEAVY}


def test_the_shipped_policy_runs_on_a_hand_of_another_environment(robot: Path) -> None:
    python = robot / "venv/bin/python"
    code = "import sleight.pretrained as p; print(*p.__path__)"
    bundle = Path(_run(python, "-c", code, cwd=robot).stdout.strip(), "block")
    assert robot in bundle.parents
    with _hand() as (hand, referee):
        rig = (bundle, "--hand.port", hand, "--referee.port", referee, "--log.dir", robot / "out")
        program = (python, "-X", "importtime", "-m", "sleight", "rig")
        for command, more in (("check", ()), ("run", ("--duration_s", "4", "--yes-sim"))):
            for _ in range(ATTEMPTS):
                done = _run(*program, command, *rig, *more, cwd=robot, seconds=120)
                if done.returncode == 0:
                    break
            trace = done.stderr.splitlines()
            imports = {line.rpartition("|")[2].strip() for line in trace if "import time:" in line}
            said = [line for line in trace if "import time:" not in line]
            assert done.returncode == 0, (done.stdout, said)
            assert {"onnxruntime", "sleight.deploy.rig_file"} <= imports
            assert not {name.partition(".")[0] for name in imports} & {*HEAVY}
    assert list((robot / "out").glob("rig-*/result.json"))


def test_doctor_there_says_what_is_missing_for_what(robot: Path) -> None:
    done = _run(robot / "venv/bin/sleight", "doctor", "--quick", cwd=robot)
    assert (done.returncode, done.stderr) == (0, "")
    assert "missing: torch, for simulation, training and evaluation" in done.stdout
    assert "onnxruntime" not in done.stdout.partition("missing:")[2]
