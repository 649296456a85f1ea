"""A bundle whose policy reads pictures."""

import dataclasses

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sleight.contract.bundle import file_sha256, read_manifest, write_manifest
from sleight.contract.manifest import CAMERA_IMAGES, Tensor
from sleight.contract.pose_entry import ImagesEntry
from tests.deploy.camera_rig import FOVY_DEG, entry_of
from tests.deploy.conftest import make_bundle

EDGE, ACTUATORS = 16, 20


def image_bundle(folder):
    """A bundle whose action is the mean brightness of the pictures; its hand stays where it is."""
    bundle = make_bundle(folder)
    images = ImagesEntry(EDGE, FOVY_DEG, entry_of(bundle / "none", EDGE).cameras)
    numbers = {"zero": [[0.0]], "scale": [[1.0 / 255.0]], "ones": [[1.0] * ACTUATORS]}
    initial = [numpy_helper.from_array(np.array(v, np.float32), k) for k, v in numbers.items()]
    initial.append(numpy_helper.from_array(np.array([1, 1]), "shape"))
    nodes = [
        helper.make_node("Cast", [CAMERA_IMAGES], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], keepdims=1),
        helper.make_node("Reshape", ["mean", "shape"], ["flat"]),
        helper.make_node("Mul", ["flat", "scale"], ["share"]),
        helper.make_node("Mul", ["share", "ones"], ["action"]),
        helper.make_node("Mul", ["action", "zero"], ["nothing"]),
        helper.make_node("Add", ["last_target", "nothing"], ["target"]),
    ]
    row = [1, ACTUATORS]
    inputs = [
        helper.make_tensor_value_info("last_target", TensorProto.FLOAT, row),
        helper.make_tensor_value_info(CAMERA_IMAGES, TensorProto.UINT8, list(images.shape)),
    ]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, row) for name in ("target", "action")
    ]
    graph = helper.make_graph(nodes, "sees", inputs, outputs, initial)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), bundle / "policy.onnx")
    manifest = read_manifest(bundle / "bundle.json")
    target, action = (t for t in manifest.outputs if t.name in ("target", "action"))
    last = next(t for t in manifest.inputs if t.name == "last_target")
    changed = dataclasses.replace(
        manifest,
        inputs=(last, Tensor(CAMERA_IMAGES, images.shape)),
        outputs=(target, action),
        carry=(),
        graph=dataclasses.replace(manifest.graph, sha256=file_sha256(bundle / "policy.onnx")),
        images=images,
    )
    write_manifest(bundle, changed)
    return bundle
