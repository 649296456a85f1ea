"""One true file of every format that is read, made by the program itself in a small size."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import yaml

from sleight.contract.recording import Recording, write_csv
from sleight.deploy.sim.camera_truth import write_truth
from sleight.deploy.sim.plant_config import RigCamerasConfig
from sleight.envs.hands.shadow import SHADOW_RIGHT

ROOT = Path(__file__).parents[2]
TRAIN = """\
seed: 1
steps: 256
threads: 1
env:
  num_worlds: 8
  threads: 1
  goals: {timeout_s: 0.8, any_axis: 0.5, face_up: 0.5}
  resets: {cache: 16}
  randomization: {hand.damping: [0.8, 1.3]}
policy: {embedding_size: 16, hidden_size: 16, critic_layers: [16, 16]}
rollout: {horizon: 16, bptt_steps: 8}
ppo: {minibatches: 2}
adr:
  step_sizes: {object.size: 0.2, gravity: 0.2}
  buffer: 2
  threshold_low: -2.0
  threshold_high: -1.0
  curriculum: {goal.angle: [-2.0, -1.0, 2, 0.5]}
wandb: "off"
"""
RIG = """\
rig: {name: sim}
hand: {driver: rig, host: 127.0.0.1, port: 1}
referee: {host: 127.0.0.1, port: 1}
policy: {bundle: bundle}
gate: {margin_rad: 0.02, speed_scale: 1.0, max_error_rad: 0.35}
log: {dir: logs, min_free_mb: 10}
"""
SWEEP = """\
train: train.yaml
method: random
trials: 2
concurrent: 2
set: {threads: 1}
fields: {ppo.learning_rate: {low: 1e-4, high: 1e-3, log: true}}
"""
RIG_SIM = "port: 0\nreferee_port: 0\n"
QUICK = (
    "--loop.stage.home_s", "0.3", "--loop.stage.settle_s", "0.5", "--loop.hand_max_age_s", "0.3",
    "--loop.pose_max_age_s", "0.3", "--loop.stop_after_s", "0.9", "--loop.max_holds", "1000",
    "--loop.hold_timeout_s", "60", "--loop.overrun.send_s", "0.2",
)  # fmt: skip


def make(folder: Path) -> None:
    """Write the samples: one of each format, named as `cases.FAMILIES` has them."""
    (folder / "train.yaml").write_text(TRAIN)
    (folder / "rig.yaml").write_text(RIG)
    (folder / "sim.yaml").write_text(RIG_SIM)
    (folder / "sweep.yaml").write_text(SWEEP)
    (folder / "recording.csv").write_text(write_csv(_recording(), SHADOW_RIGHT))
    _sleight(folder, "train", "train.yaml", "--name", "run", "--runs", ".")
    _sleight(folder, "export", "run", "--out", "bundle")
    _sleight(folder, "eval", "bundle", "--trials", "2", "--json", "eval.json")
    short = ("--trials", "2", "--goals.timeout_s", "0.4")
    _sleight(folder, "eval", "run", *short, "--record", "demonstrations")
    _validation_set(folder)
    _sleight(folder, "sweep", "sweep.yaml")
    _sleight(folder, "vision", "render", "--count", "6", "--out", "renders")
    _sleight(folder, "vision", "states", "run", "--count", "4", "--out", "states.npy")
    _rig_run(folder)
    _pose_run(folder)
    _cameras(folder)
    _measurements(folder)
    (folder / "secret").write_text("a secret that is long enough\n")
    (folder / "secret").chmod(0o600)


def _sleight(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sleight", *words],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def _validation_set(folder: Path) -> None:
    """A set of two hard cases, and what the bundle reaches in them."""
    short = ("--goals.timeout_s", "0.4", "--range", "gravity=-11,-9")
    few = ("--cases", "2", "--tries", "2")
    _sleight(folder, "eval", "bundle", "--find-failures", "failures.json", "--trials", "32",
             *few, *short)  # fmt: skip
    _sleight(folder, "eval", "bundle", "--failures", "failures.json", *few[2:], "--json",
             "validation.json")  # fmt: skip


def _recording() -> Recording:
    """A sweep of every motor, slow enough for any hand."""
    times = 0.08 * np.arange(120)
    spec = SHADOW_RIGHT
    middle = np.full((120, len(spec.actuators)), 0.3)
    target = middle + 0.2 * np.sin(2 * math.pi * times / 4.0)[:, None]
    position = np.repeat(target[:, :1], len(spec.joints), axis=1)
    return Recording("sample", 0.08, times, target, times, position)


def _rig_run(folder: Path) -> None:
    """A run of a few seconds on the simulated rig, in `rig`."""
    words = [sys.executable, "-m", "sleight", "rig", "sim", "sim.yaml"]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            hand, referee = re.findall(r":(\d+)", process.stdout.readline())[:2]
            ports = ("--hand.port", hand, "--referee.port", referee, "--log.dir", "logs")
            for words in (("check",), ("run", "--duration_s", "3", "--yes-sim")):
                _sleight(folder, "rig", words[0], "bundle", *ports, *QUICK, *words[1:])
        finally:
            process.terminate()
    (run,) = [path for path in (folder / "logs").glob("rig-*") if path.is_dir()]
    run.rename(folder / "rig")


def _pose_run(folder: Path) -> None:
    """A run of `vision train`, `pose`; and a bundle with its network, `seeing`."""
    few = ("--training_samples", "2", "--batch_size", "2")
    _sleight(folder, "vision", "train", "--data", "renders", "--name", "pose", "--runs", ".", *few)
    _sleight(folder, "vision", "render", "--count", "2", "--seed", "9", "--out", "held")
    shutil.copytree(folder / "bundle", folder / "seeing")
    _sleight(folder, "vision", "export", "pose", "--bundle", "seeing", "--test", "held")


def _cameras(folder: Path) -> None:
    """Calibrated cameras, whose pictures are videos, and their rig file."""
    rows = [
        {
            "name": camera.name,
            "device": f"calibration/{camera.name}.mp4",
            "size": [200, 200],
            "intrinsics": f"calibration/{camera.name}.intrinsics.yaml",
            "extrinsics": f"calibration/{camera.name}.extrinsics.yaml",
        }
        for camera in write_truth(folder / "calibration", RigCamerasConfig(), 0, "127.0.0.1", 1)
    ]
    picture = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    for row in rows:
        iio.imwrite(folder / row["device"], [picture] * 400, fps=20, macro_block_size=1)
    rig = yaml.safe_load(RIG) | {"cameras": rows, "policy": {"bundle": "seeing"}}
    rig["calibrate"] = {"timeout_s": 1.0, "out": "new"}
    (folder / "cameras.yaml").write_text(yaml.safe_dump(rig))


def _measurements(folder: Path) -> None:
    """Results of benchmarks that other commands read."""
    short = ("--rounds", "1", "--iterations", "1", "--kills", "0", "--workers", "1")
    _sleight(folder, "bench", "scale", "--config", "train.yaml", *short, "--json", "scale.json")
    one = ("--trials", "1", "--variants", "none")
    _sleight(folder, "bench", "sim_to_sim", "bundle", *one, "--json", "transfer.json")
