"""The graph is run as the manifest says, its memory carried along."""

import numpy as np
import onnx
import pytest

from sleight.contract.bundle import file_sha256, load_bundle
from sleight.deploy.runtime.policy_runner import OnnxPolicy, Sensors
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import BundleError

QUIET = np.array([1.0, 0.0, 0.0, 0.0])


def sensors(target=HAND.home, position=(0.0, 0.0, 0.05)):
    joints = HAND.joint_target(HAND.home)
    pose = {"object_position": np.array(position), "object_wxyz": QUIET}
    return Sensors(joints, np.zeros(24), target, pose, {"goal_wxyz": QUIET})


def test_the_carry_moves_on_and_reset_forgets(bundle):
    """target = last_target + 0.05 sin(phase), phase = 0.0, 0.2, 0.4 ..."""
    policy = OnnxPolicy(load_bundle(bundle))
    for _ in range(2):
        policy.reset()
        for step in range(5):
            decision = policy.step(sensors())
            sine = np.sin(0.2 * step)
            np.testing.assert_allclose(decision.target, HAND.home + 0.05 * sine, atol=1e-6)
            np.testing.assert_allclose(decision.action, np.full(20, sine), atol=1e-6)


def test_the_first_step_sees_no_past_and_the_next_sees_the_last(bundle):
    from sleight.contract.manifest import INPUTS

    policy = OnnxPolicy(load_bundle(bundle))
    policy._wanted = [name for name in INPUTS if name != "object_joints"]
    first = policy.inputs(sensors(position=(1, 2, 3)))
    assert not first["last_action"].any()
    assert first["phase"].tolist() == [[0.0]]
    np.testing.assert_array_equal(first["previous_object_position"], first["object_position"])
    policy._wanted = [tensor.name for tensor in load_bundle(bundle).manifest.inputs]
    policy.step(sensors(position=(1, 2, 3)))
    decision = policy.step(sensors(position=(4, 5, 6)))
    policy._wanted = [name for name in INPUTS if name != "object_joints"]
    third = policy.inputs(sensors(position=(7, 8, 9)))
    assert third["previous_object_position"].tolist() == [[4, 5, 6]]
    np.testing.assert_array_equal(third["last_action"][0], decision.action)
    for name in policy._wanted:
        row = INPUTS[name]
        size = {"joints": 24, "actuators": 20, "3": 3, "4": 4}[row[0]]
        assert third[name].shape == (1, size)
        assert third[name].dtype == np.float32


def rehash(change):
    return lambda data: data["graph"].update(sha256=file_sha256(change))


def test_a_graph_that_is_not_as_declared_is_refused(editable):
    folder, edit = editable
    model = onnx.load(folder / "policy.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 23
    onnx.save(model, folder / "policy.onnx")
    edit(rehash(folder / "policy.onnx"))
    line = r"inputs: joint_position: got .*\(1, 23\).*allowed: .*\(1, 24\).*, as in bundle.json"
    with pytest.raises(BundleError, match=line):
        OnnxPolicy(load_bundle(folder))


def test_a_carry_that_the_graph_does_not_have_is_refused(editable):
    folder, edit = editable
    edit(lambda d: d["carry"].append({"name": "cell", "shape": [1, 8]}))
    edit(lambda d: d["outputs"].append({"name": "next_cell", "shape": [1, 8]}))
    with pytest.raises(BundleError, match=r"inputs: cell: got nothing, allowed: .*\(1, 8\)"):
        OnnxPolicy(load_bundle(folder))


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x08\x08" * 50])
def test_a_file_that_is_no_graph_is_one_line(editable, content):
    folder, edit = editable
    (folder / "policy.onnx").write_bytes(content)
    edit(rehash(folder / "policy.onnx"))
    with pytest.raises(BundleError, match="policy.onnx: ") as caught:
        OnnxPolicy(load_bundle(folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[: len(data) // 2], lambda data: data.replace(b'"\x03Sin', b'"\x03\xc7in')],
)
def test_a_damaged_graph_is_one_line(editable, damage):
    """Also where ONNX Runtime cannot decode its own message, which quotes the graph."""
    folder, edit = editable
    data = (folder / "policy.onnx").read_bytes()
    assert damage(data) != data
    (folder / "policy.onnx").write_bytes(damage(data))
    edit(rehash(folder / "policy.onnx"))
    with pytest.raises(BundleError, match="not a graph that ONNX Runtime runs"):
        OnnxPolicy(load_bundle(folder))
