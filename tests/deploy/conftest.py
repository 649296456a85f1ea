"""A small bundle made by hand, and a rig in a process of its own."""

import contextlib
import dataclasses
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mujoco
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sleight.cli import main
from sleight.contract.bundle import file_sha256, load_bundle, write_manifest
from sleight.contract.manifest import (
    FORMAT,
    INPUTS,
    ActionEntry,
    BundleManifest,
    ControlEntry,
    GraphEntry,
    HandEntry,
    OptionEntry,
    TaskEntry,
    Tensor,
    widths_of,
)
from sleight.deploy.checks.clearance import write_record
from sleight.deploy.drivers.wire_driver import RigDriver
from sleight.deploy.rig_file import fingerprint, load_rig
from sleight.envs.config import GoalConfig
from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.sim.model import build_spec
from sleight.envs.sim.model_config import OBJECT, ModelConfig
from sleight.envs.tasks.orientation_goals import OrientationLaw
from sleight.train.export.task_graph import write_task_graph

ROOT = Path(__file__).parents[2]
QUICK = (
    "--loop.stage.home_s", "0.3", "--loop.stage.settle_s", "0.5",
    # Machines that run tests are busy: what is tested is what happens, not how soon.
    "--loop.hand_max_age_s", "0.3", "--loop.pose_max_age_s", "0.3", "--loop.stop_after_s", "0.9",
    "--loop.max_holds", "1000", "--loop.hold_timeout_s", "60", "--loop.overrun.send_s", "0.2",
)  # fmt: skip
WANTED = ("joint_position", "last_target", "goal_wxyz", "object_wxyz", "last_action")
SWING_RAD = 0.05
SHADOW_ENTRY = HandEntry.of(SHADOW_RIGHT)


GOAL = Tensor("goal_wxyz", (1, 4), "quaternion", "palm")
LAW = OrientationLaw(GoalConfig())


@functools.cache
def task_graph():
    """The bytes of the graph of `block`'s goals."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "task.onnx"
        write_task_graph(LAW, 0, path)
        return path.read_bytes()


def _inputs(hand):
    """The tensors that the policy reads."""
    widths = widths_of(len(hand.joints), len(hand.actuators), 0)
    known = {name: Tensor(name, (1, widths[row[0]]), *row[1:]) for name, row in INPUTS.items()}
    return tuple({**known, GOAL.name: GOAL}[name] for name in WANTED)


def _graph(path, swing_rad, hand):
    """target = last_target + swing * sin(phase) on every actuator; next_phase = phase + 0.2.

    `joint_position`, the poses and `last_action` change nothing: they are added with weight zero,
    so that the graph still needs them.
    """
    inputs = [
        helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, list(tensor.shape))
        for tensor in _inputs(hand)
    ]
    inputs.append(helper.make_tensor_value_info("phase", TensorProto.FLOAT, [1, 1]))
    action = [1, len(hand.actuators)]
    outputs = [
        helper.make_tensor_value_info("target", TensorProto.FLOAT, action),
        helper.make_tensor_value_info("action", TensorProto.FLOAT, action),
        helper.make_tensor_value_info("next_phase", TensorProto.FLOAT, [1, 1]),
    ]
    constants = {
        "swing": [[swing_rad]],
        "step": [[0.2]],
        "ones": [[1.0] * action[1]],
        "zero": [[0.0]],
    }
    initial = [numpy_helper.from_array(np.array(v, np.float32), k) for k, v in constants.items()]
    nodes = [
        helper.make_node("Sin", ["phase"], ["sine"]),
        helper.make_node("Mul", ["sine", "ones"], ["action"]),
        helper.make_node("Mul", ["action", "swing"], ["change"]),
        helper.make_node("ReduceSum", ["joint_position"], ["a"], keepdims=1),
        helper.make_node("Mul", ["goal_wxyz", "object_wxyz"], ["b"]),
        helper.make_node("ReduceSum", ["b"], ["c"], keepdims=1),
        helper.make_node("ReduceSum", ["last_action"], ["d"], keepdims=1),
        helper.make_node("Sum", ["a", "c", "d"], ["e"]),
        helper.make_node("Mul", ["e", "zero"], ["nothing"]),
        helper.make_node("Sum", ["last_target", "change", "nothing"], ["target"]),
        helper.make_node("Add", ["phase", "step"], ["next_phase"]),
    ]
    graph = helper.make_graph(nodes, "swing", inputs, outputs, initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def manifest(folder, hand=SHADOW_ENTRY, **changes):
    """The manifest of the graph in `folder`."""
    action = (1, len(hand.actuators))
    whole = BundleManifest(
        format=FORMAT,
        name="swing",
        created="2026-11-21T00:00:00Z",
        versions={"sleight": "0.1.0"},
        hand=hand,
        task=TaskEntry(
            name="block",
            goal_timeout_s=1.2,
            max_successes=50,
            object="block",
            object_size_m=0.057,
            success_threshold=0.4,
            unit="rad",
            graph=GraphEntry("task.onnx", file_sha256(folder / "task.onnx")),
            goals=(GOAL,),
            uniforms=LAW.uniforms,
            normals=LAW.normals,
            options={
                "flip_share": OptionEntry(0.5, 0.0, 1.0),
                "max_angle_rad": OptionEntry(np.pi, 0.01, np.pi, "rad"),
            },
        ),
        control=ControlEntry(period_s=0.08),
        action=ActionEntry(law="relative_to_target", scale=0.05, ema=0.0, bins=None),
        inputs=_inputs(hand),
        carry=(Tensor("phase", (1, 1)),),
        outputs=(
            Tensor("target", action, "rad"),
            Tensor("action", action),
            Tensor("next_phase", (1, 1)),
        ),
        graph=GraphEntry("policy.onnx", file_sha256(folder / "policy.onnx")),
        randomization={"object_mass": (0.5, 1.5)},
        training={"anything": {"at": ["all", 1]}},
    )
    return dataclasses.replace(whole, **changes)


def make_bundle(folder, swing_rad=SWING_RAD, hand=SHADOW_ENTRY, **changes):
    """A bundle of a policy that swings every actuator about where it is."""
    folder.mkdir(parents=True)
    _graph(folder / "policy.onnx", swing_rad, hand)
    (folder / "task.onnx").write_bytes(task_graph())
    write_manifest(folder, manifest(folder, hand, **changes))
    return folder


def edit_manifest(folder, edit):
    """Let `edit` change the plain data of `bundle.json`."""
    path = folder / "bundle.json"
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))


@pytest.fixture
def bundle(tmp_path):
    return make_bundle(tmp_path / "bundle")


@pytest.fixture
def editable(bundle):
    """The bundle and a way to edit its manifest."""
    return bundle, lambda edit: edit_manifest(bundle, edit)


def address(text, which="hand"):
    """HOST:PORT as the flags of a rig file."""
    host, _, port = text.rpartition(":")
    return (f"--{which}.host", host, f"--{which}.port", port)


class RigProcess:
    """`sleight rig sim` in a process of its own, and what its own log says."""

    def __init__(self, folder, *flags):
        self.log = folder / f"rig-{time.monotonic_ns()}.jsonl"
        self.process = start("rig", "sim", "--port", "0", "--referee-port", "0",
                             "--log", str(self.log), *flags)  # fmt: skip
        line = self.process.stdout.readline()
        assert line.startswith("rig sim: hand on "), line + self.process.stderr.read()
        words = line.replace(",", "").split()
        self.hand, self.referee = words[4], words[7]
        self.port, self.referee_port = (int(a.rpartition(":")[2]) for a in (words[4], words[7]))

    def events(self, *names):
        lines = [json.loads(line) for line in self.log.read_text().splitlines(keepends=True)
                 if line.endswith("\n")]  # fmt: skip
        return [line for line in lines if not names or line["event"] in names]

    def wait_for(self, condition, timeout_s=60.0):
        """Until `condition(events)` gives something; returns it."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            if found := condition(self.events()):
                return found
            time.sleep(0.02)
        raise AssertionError(f"waited in vain; the rig's log ends with {self.events()[-3:]}")

    def free(self):
        """Until nobody has the place of its one client."""
        self.wait_for(lambda events: not sum(
            {"client": 1, "client_gone": -1}.get(e["event"], 0) for e in events))  # fmt: skip

    def flags(self, hand=None):
        """Where it is, as the flags of a rig file."""
        return (*address(hand or self.hand), *address(self.referee, "referee"))

    def driver(self):
        """A client in this process, connected."""
        self.free()
        driver = RigDriver("127.0.0.1", self.port)
        driver.connect(10.0)
        return driver

    def end(self):
        end(self.process)


def start(*words, **options):
    """`python -m sleight ...` in the background."""
    return subprocess.Popen(
        [sys.executable, "-m", "sleight", *words],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


def end(process):
    """Whatever state it is in."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGCONT)
        process.terminate()
    try:
        process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


@pytest.fixture
def new_rig(tmp_path):
    """Start a rig with flags; it ends with the test."""
    rigs = []

    def begin(*flags):
        rigs.append(RigProcess(tmp_path, *flags))
        return rigs[-1]

    yield begin
    for each in rigs:
        each.end()


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    """One rig for the tests of a module that leave it alive and not latched."""
    process = RigProcess(tmp_path_factory.mktemp("rig"))
    yield process
    process.end()


def cleared(words, rig=None, **changes):
    """The record of a check of what `words` name that found nothing wrong; returns its path."""
    config = load_rig([word for word in words if word != "--yes-sim"])
    print_ = fingerprint(config, *load_bundle(config.policy.bundle).hashes)
    record = {"ok": True, "wall": time.time(), "fingerprint": print_, "simulated": True,
              "failed": [], **changes}  # fmt: skip
    return write_record(config, record)


def collisions(targets):
    """Those of `targets` (T, A) rad at which an empty hand of training's model touches itself."""
    spec = build_spec(ModelConfig())
    spec.delete(spec.body(OBJECT))
    model = spec.compile()
    data = mujoco.MjData(model)
    places = [model.joint(name).qposadr[0] for name in SHADOW_RIGHT.joints]
    found = []
    for target in targets:
        data.qpos[places] = SHADOW_RIGHT.joint_target(target)
        mujoco.mj_forward(model, data)
        if data.ncon:
            found.append(target)
    return found


@pytest.fixture
def policy_run(bundle, tmp_path):
    """Start `sleight rig run` on a rig in the background; it ends with the test."""
    started = []

    def begin(rig, *flags, folder=bundle, hand=None, command=("run", "--yes-sim"), **options):
        rig.free()
        words = (str(folder), *rig.flags(hand), "--log.dir", str(tmp_path / "runs"), *QUICK, *flags)
        cleared(words, rig)
        started.append(start("rig", command[0], *words, *command[1:], **options))
        return started[-1]

    yield begin
    for process in started:
        end(process)


@pytest.fixture
def refused(capsys):
    """Run `sleight rig ...` in this process; it ends with `code` and one line, which is given."""

    def run(code, *words):
        capsys.readouterr()
        assert main(["rig", *words]) == code
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("error: ") and err.count("\n") == 1, (out, err)
        return err.rstrip("\n")

    return run


@pytest.fixture
def nan_bundle(tmp_path):
    """A bundle whose policy asks for what is not a number."""
    return make_bundle(tmp_path / "nan", float("nan"))
