"""Cameras of the simulated rig as tests need them: calibrated, and with networks that see."""

import dataclasses
import json

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from sleight.contract.bundle import file_sha256, read_manifest, write_manifest
from sleight.contract.pose_entry import CameraEntry, PoseEntry, pose_tensors
from sleight.deploy.sim.camera_truth import write_truth
from sleight.deploy.sim.sim_cameras import RigCamerasConfig
from sleight.vision.config import CamerasConfig
from sleight.vision.geometry import Pinhole, wxyz_of

HERE = np.array([0.0, -0.05, 0.04])
EDGE, FOVY_DEG = 64, 30.0
COLOURFUL = 60
"""The block is, more than the floor; the hand is grey, and darker than what is white."""
VIVID, GREY, BRIGHT = 100, 30, 170


def constant_graph(path, edge, position, spread_rad):
    """A pose network that always says the same."""
    inputs = [
        helper.make_tensor_value_info("images", TensorProto.UINT8, [1, 3, edge, edge, 3]),
        helper.make_tensor_value_info("camera_position", TensorProto.FLOAT, [1, 3, 3]),
        helper.make_tensor_value_info("camera_rotation", TensorProto.FLOAT, [1, 3, 3, 3]),
    ]
    values = {"position": position[None], "rotation": np.eye(3)[None], "spread_rad": [spread_rad]}
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, np.shape(value))
        for name, value in values.items()
    ]
    nodes = [
        helper.make_node(
            "Constant", [], [name], value=numpy_helper.from_array(np.array(value, np.float32))
        )
        for name, value in values.items()
    ]
    graph = helper.make_graph(nodes, "constant", inputs, outputs)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )


class Triangulation(torch.nn.Module):
    """Finds the colourful block and the grey hand in each picture, and where their rays meet.

    `spread_rad` is how far rays pass by these points: true geometry, so that a camera that is not
    where it is said to be shows in it. All rotations are one.
    """

    def forward(self, images, camera_position, camera_rotation):
        pixels = images[0].float()
        colour = pixels.amax(-1) - pixels.amin(-1)
        grey = (colour < GREY).float() * (pixels.mean(-1) < BRIGHT).float()
        block, spread = meeting((colour > VIVID).float(), camera_position[0], camera_rotation[0])
        _, beside = meeting(grey, camera_position[0], camera_rotation[0])
        one = torch.eye(3)[None] + 0 * camera_rotation[:, 0]
        return block[None], one, torch.maximum(spread, beside)[None]


def meeting(weight, position, rotation):
    """The point nearest to the rays through the weights' centroids, and the largest angle to it."""
    at = torch.arange(EDGE) + 0.5 - EDGE / 2
    total = weight.sum((1, 2)) + 1e-6
    column = (weight * at).sum((1, 2)) / total
    row = (weight * at[:, None]).sum((1, 2)) / total
    focal = float(Pinhole.of_fov(EDGE, EDGE, FOVY_DEG).focal_px[0])
    ray = torch.stack((column, row, focal * torch.ones_like(row)), -1)
    ray = (rotation * ray[:, None, :]).sum(-1)
    ray = ray / ray.norm(dim=-1, keepdim=True)
    across = torch.eye(3) - ray[:, :, None] * ray[:, None, :]
    point = solved(across.sum(0), (across * position[:, None, :]).sum(-1).sum(0))
    towards = point - position
    towards = towards / towards.norm(dim=-1, keepdim=True)
    return point, torch.acos(((towards * ray).sum(-1)).clamp(-1.0, 1.0)).amax()


def cross(a, b):
    return torch.stack((a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
                        a[0] * b[1] - a[1] * b[0]))  # fmt: skip


def solved(matrix, wanted):
    """Three equations by Cramer's rule, which ONNX can do."""
    a, b, c = matrix[:, 0], matrix[:, 1], matrix[:, 2]
    volume = (a * cross(b, c)).sum()
    parts = (
        (wanted * cross(b, c)).sum(),
        (a * cross(wanted, c)).sum(),
        (a * cross(b, wanted)).sum(),
    )
    return torch.stack(parts) / volume


def triangulating_graph(path, entry):
    """A pose network of its own kind: positions by geometry."""
    inputs, outputs = pose_tensors(entry)
    kinds = {"tensor(uint8)": torch.uint8, "tensor(float)": torch.float32}
    example = tuple(torch.ones(shape, dtype=kinds[kind]) for shape, kind in inputs.values())
    torch.onnx.export(Triangulation(), example, path, input_names=list(inputs),
                      output_names=list(outputs), opset_version=17, dynamo=False)  # fmt: skip


def entry_of(path, image_px, spread_limit_deg=10.0):
    cameras = {
        name: CameraEntry(
            tuple(view.placement().position), tuple(wxyz_of(view.placement().rotation))
        )
        for name, view in CamerasConfig().views.items()
    }
    sha256 = file_sha256(path) if path.exists() else "0" * 64
    return PoseEntry("pose.onnx", sha256, image_px, FOVY_DEG, cameras, 0.015, 3.0,
                     spread_limit_deg, 0.057)  # fmt: skip


def add_pose(bundle, position=HERE, spread_rad=0.01):
    """Give a bundle a pose network that sees the object at `position`, whatever it sees."""
    graph = bundle / "pose.onnx"
    constant_graph(graph, 32, position, spread_rad)
    return with_entry(bundle, entry_of(graph, 32))


def add_triangulation(bundle):
    """Give a bundle one that finds the block's position."""
    graph = bundle / "pose.onnx"
    triangulating_graph(graph, entry_of(graph, EDGE))
    return with_entry(bundle, entry_of(graph, EDGE, 2.0))


def with_entry(bundle, entry):
    path = bundle / "bundle.json"
    write_manifest(bundle, dataclasses.replace(read_manifest(path), pose=entry))
    return entry


def calibrated(folder, port, seed):
    """Cameras of the simulated rig with perfect calibrations."""
    return list(write_truth(folder, RigCamerasConfig(), seed, "127.0.0.1", port))


def ports(rig):
    """The port of the rig's cameras, from its second line."""
    line = rig.process.stdout.readline()
    assert line.startswith("rig sim: cameras left, right, top on "), line
    return int(line.rpartition(":")[2])


def camera_flags(cameras, **changes):
    """Cameras as the flag of a rig file; `changes` of a camera's fields by its name."""
    rows = [
        {"name": c.name, "device": c.device, "size": list(c.size),
         "intrinsics": str(c.intrinsics), "extrinsics": str(c.extrinsics),
         **changes.get(c.name, {})}
        for c in cameras
    ]  # fmt: skip
    return ("--cameras", json.dumps(rows))
