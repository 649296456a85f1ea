"""Nothing phones home: in a fresh home, what our processes write and which sockets they open.

`strace` sees also what native code does. Where it is missing, only the files are looked at.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SWITCHES = ("ORT_DISABLE_TELEMETRY", "RAY_USAGE_STATS_ENABLED", "WANDB_ERROR_REPORTING")
PLACES = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "MPLCONFIGDIR", "WANDB_MODE")
INTERNET = re.compile(
    r'connect\(.*sa_family=AF_INET6?,.*inet_(?:addr|pton)\((?:AF_INET6, )?"([^"]*)"'
)
LOOPBACK = ("127.", "::1", "::ffff:127.", "0.0.0.0")

POLICY = str(ROOT / "pretrained/block")
EYES = str(ROOT / "pretrained/block_cameras")
PROGRAMS = {
    "contract": f"""
from pathlib import Path
from sleight.contract.onnx_session import open_session
open_session(Path({POLICY!r}) / "policy.onnx")
""",
    "robot": f"""
from pathlib import Path
import sleight.deploy.runtime.trial_runner
from sleight.contract.bundle import load_bundle
from sleight.deploy.runtime.policy_runner import OnnxPolicy
from sleight.deploy.runtime.task_judge import TaskJudge
bundle = load_bundle(Path({POLICY!r}))
OnnxPolicy(bundle), TaskJudge(bundle, 0)
""",
    "vision": f"""
from pathlib import Path
from sleight.contract.bundle import load_bundle
from sleight.vision.onnx_pose import OnnxPose
bundle = load_bundle(Path({EYES!r}))
OnnxPose(bundle.pose_graph, bundle.manifest.pose)
""",
    "gymnasium": """
import gymnasium
import sleight.envs.registration
env = gymnasium.make("sleight/Block-v0")
env.reset(seed=0)
env.step(env.action_space.sample())
""",
    "players of an evaluation": f"""
from pathlib import Path
from sleight.train.rollout.players import BundlePlayer
BundlePlayer(Path({POLICY!r}))
""",
}


def traced(tmp_path, *command):
    """Run `command` in a fresh home; returns the files there and the addresses it connected to."""
    home, trace = tmp_path / "home", tmp_path / "trace"
    home.mkdir()
    env = {k: v for k, v in os.environ.items() if k not in (*SWITCHES, *PLACES)}
    env |= {"HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    strace = shutil.which("strace")
    tracer = (
        [strace, "-f", "--seccomp-bpf", "-qq", "-e", "trace=socket,connect", "-o", str(trace)]
        if strace
        else []
    )
    done = subprocess.run(
        [*tracer, *command],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    files = sorted(str(path.relative_to(home)) for path in home.rglob("*"))
    addresses = INTERNET.findall(trace.read_text()) if strace else []
    return files, [address for address in addresses if not address.startswith(LOOPBACK)]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_process_that_imports_onnx_runtime_writes_and_asks_nothing(program, tmp_path):
    assert traced(tmp_path, sys.executable, "-c", PROGRAMS[program]) == ([], [])


def test_the_test_would_notice_telemetry(tmp_path):
    """The wheel as it is: if this fails, the pinned version has changed."""
    program = "import onnxruntime"
    files, _ = traced(tmp_path, sys.executable, "-c", program)
    if not files:
        pytest.skip("this build of ONNX Runtime has no telemetry")
    assert any("onnxruntime" in name for name in files)


@pytest.mark.slow
def test_training_writes_nothing_outside_its_run_and_asks_nobody(tmp_path):
    """With W&B as it is by default: offline, in the run's folder."""
    recipe = str(ROOT / "configs/reach.yaml")
    words = ("train", recipe, "--steps", "600", "--env.num_worlds", "8")
    assert traced(tmp_path, sys.executable, "-m", "sleight", *words) == ([], [])
    (run,) = (tmp_path / "runs").iterdir()
    assert list(run.glob("wandb/offline-run-*")), "W&B has kept the run"


@pytest.mark.slow
def test_workers_of_ray_have_the_switches(cluster):
    import ray

    @ray.remote
    def switches(names):
        import sleight

        return sleight.__version__, {name: os.environ.get(name) for name in names}

    _, found = ray.get(switches.remote(SWITCHES))
    assert found == dict(zip(SWITCHES, ("1", "0", "false"), strict=True))
