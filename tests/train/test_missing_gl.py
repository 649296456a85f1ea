"""MUJOCO_GL that names no backend, or one without its library: one line, and the physics run."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sleight.config import save as save_config
from sleight.train.config import TrainConfig
from sleight.train.runs import checkpoint

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "pretrained" / "block_feedforward"
OTHERS = [pytest.param(name, marks=pytest.mark.slow) for name in ("osmesa", "wgl")]
pytestmark = pytest.mark.parametrize("backend", ["egll", *OTHERS])


def _environment(backend: str) -> dict[str, str]:
    # MuJoCo itself sets the other in the process that runs the tests.
    before = {name: value for name, value in os.environ.items() if name != "PYOPENGL_PLATFORM"}
    return {**before, "MUJOCO_GL": backend}


def _sleight(backend: str, *words: Any) -> subprocess.CompletedProcess[str]:
    found = subprocess.run(
        [sys.executable, "-m", "sleight", *map(str, words)],
        cwd=ROOT,
        env=_environment(backend),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if backend == "osmesa" and found.returncode == 0 and "no videos" not in found.stderr:
        pytest.skip("this machine has libOSMesa")
    assert "Traceback" not in found.stderr, found.stderr
    return found


def test_training_goes_on_without_films(
    backend: str, reach_config: TrainConfig, tmp_path: Path
) -> None:
    config = replace(reach_config, runs=str(tmp_path), name="run", steps=512, video_steps=128)
    save_config(config, tmp_path / "reach.yaml")
    found = _sleight(backend, "train", tmp_path / "reach.yaml")
    assert found.returncode == 0
    assert found.stderr.count("no videos: ") == 1 and f"MUJOCO_GL: got {backend}" in found.stderr
    assert checkpoint.load(tmp_path / "run").meta["steps"] == 512


@pytest.mark.parametrize(
    "words",
    [
        ["play", BUNDLE, "--seconds", "1", "--video"],
        ["vision", "render", "--count", "4", "--out"],
        ["eval", ROOT / "pretrained" / "block_cameras", "--pose", "cameras", "--json"],
    ],
)
def test_pictures_are_refused_in_one_line(backend: str, words: list[Any], tmp_path: Path) -> None:
    found = _sleight(backend, *words, tmp_path / "out.mp4")
    assert found.returncode == 2
    lines = [line for line in found.stderr.splitlines() if "error" in line.lower()]
    assert len(lines) == 1 and lines[0].startswith(
        f"error: rendering: MUJOCO_GL: got {backend}, which cannot be loaded ("
    )


def test_an_environment_without_the_program_has_physics_and_says_why_not(backend: str) -> None:
    code = (
        "import gymnasium, sleight.envs.registration\n"
        "from sleight.errors import SleightError\n"
        "env = gymnasium.make('sleight/Reach-v0', render_mode='rgb_array',"
        " disable_env_checker=True)\n"
        "env.reset(seed=0)\n"
        "env.unwrapped.engine.sim.step(1)\n"
        "try: env.render()\n"
        "except SleightError as error: sys.exit(f'error: {error}')\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}"],
        cwd=ROOT, env=_environment(backend),
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if backend == "osmesa" and found.returncode == 0:
        pytest.skip("this machine has libOSMesa")
    assert found.returncode == 1
    assert found.stderr.startswith(f"error: rendering: MUJOCO_GL: got {backend}, which cannot")
