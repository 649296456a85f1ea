"""A bundle is whole and made for this hand, or it is refused with one line."""

import dataclasses
import json
import os

import numpy as np
import pytest

from sleight.contract.bundle import load_bundle, match_hand, read_manifest, write_manifest
from sleight.contract.onnx_session import open_session
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import BundleError


def refused(folder, match):
    with pytest.raises(BundleError, match=match) as caught:
        load_bundle(folder)
    assert "\n" not in str(caught.value)


def test_what_is_written_is_read(bundle):
    loaded = load_bundle(bundle)
    match_hand(loaded, HAND)
    manifest = loaded.manifest
    assert manifest.randomization == {"object_mass": (0.5, 1.5)}
    assert manifest.training == {"anything": {"at": ["all", 1]}}
    write_manifest(bundle, manifest)
    assert read_manifest(bundle / "bundle.json") == manifest


def test_a_bundle_in_a_path_that_is_not_utf8(bundle):
    moved = bundle.rename(bundle.with_name(os.fsdecode(b"bundle\xff")))
    assert open_session(load_bundle(moved).graph).get_inputs()


def test_a_graph_with_another_hash_is_refused(bundle):
    with open(bundle / "policy.onnx", "ab") as graph:
        graph.write(b"\0")
    refused(bundle, r"policy.onnx: got sha256 \w{12}\.\.\., allowed: \w{12}\.\.\.")


def fields(data, prefix=()):
    """Every field of the manifest that must be there."""
    for name, value in data.items():
        yield (*prefix, name)
        if isinstance(value, dict):
            yield from fields(value, (*prefix, name))


OPTIONAL = {("randomization",), ("training",), ("pose",), ("images",), ("task", "object_joints"),
            ("task", "options"), *(("task", "options", name, *unit) for name in
            ("flip_share", "max_angle_rad") for unit in ((), ("unit",)))}  # fmt: skip
FREE = ("versions", "randomization", "training")


def test_every_missing_field_is_named(bundle):
    whole = json.loads((bundle / "bundle.json").read_text())
    paths = [p for p in fields(whole) if p not in OPTIONAL and (p[0] not in FREE or len(p) == 1)]
    assert len(paths) > 30
    for path in paths:
        data = json.loads(json.dumps(whole))
        parent = data
        for name in path[:-1]:
            parent = parent[name]
        del parent[path[-1]]
        (bundle / "bundle.json").write_text(json.dumps(data))
        refused(bundle, rf"bundle.json: {'.'.join(path)}: (missing|got None)")


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (lambda d: d.update(format=1), "format: got 1, allowed: 2; `sleight export` writes"),
        (lambda d: d.update(colour=1), "colour: unknown field"),
        (lambda d: d["task"].update(goal_timeout=1), "task.goal_timeout: unknown field, .*_s"),
        (lambda d: d["task"].update(max_successes=0), "task.max_successes: got 0"),
        (lambda d: d["control"].update(period_s="soon"), "control.period_s: got \"soon\""),
        (lambda d: d["control"].update(period_s=float("nan")), "control.period_s: got NaN"),
        (lambda d: d["task"]["options"]["flip_share"].update(value=2.0),
         "task.options.flip_share: value: got 2, allowed: in "),
        (lambda d: d["task"]["graph"].update(file="x/task.onnx"), "task.graph.file: got 'x/task"),
        (lambda d: d["task"].update(uniforms=-1), "task.uniforms: got -1"),
        (lambda d: d.update(training=1), "training: got 1, allowed: a mapping"),
        (lambda d: d["hand"]["lower"].pop(), "hand.lower: got 19 numbers, allowed: 20"),
        (lambda d: d["inputs"].append({"name": "sonar", "shape": [1]}), "inputs: got sonar, "),
        (lambda d: d["inputs"][0].update(shape=[1, 23]), r"joint_position: got shape \(1, 23\)"),
        (lambda d: d["outputs"].pop(), "outputs: missing, allowed: next_phase too"),
        (lambda d: d["outputs"].pop(0), "outputs: missing, allowed: target too"),
        (lambda d: d["graph"].update(file="../policy.onnx"), "graph.file: got '../policy.onnx'"),
        (lambda d: d["graph"].update(file="other.onnx"), "graph.file: got 'other.onnx'"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(editable, edit, line):
    folder, change = editable
    change(edit)
    refused(folder, line)


def test_truncated_or_absent_files_are_named(bundle, tmp_path):
    refused(tmp_path / "nowhere", "nowhere: no such bundle folder")
    text = (bundle / "bundle.json").read_text()
    (bundle / "bundle.json").write_text(text[: len(text) // 2])
    refused(bundle, "bundle.json: truncated JSON|bundle.json: invalid JSON")
    (bundle / "bundle.json").write_text("[]")
    refused(bundle, "bundle.json: got list, allowed: a mapping")
    (bundle / "bundle.json").unlink()
    refused(bundle, "bundle.json: no such file")


def swapped(names):
    return (names[1], names[0], *names[2:])


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"name": "left"}, "hand.name: got shadow_hand_right, allowed: left, the hand's"),
        ({"joints": swapped(HAND.joints)}, "hand.joints: got WRJ2 at index 0, allowed: WRJ1"),
        ({"actuators": swapped(HAND.actuators)}, "hand.actuators: got WRJ2 at index 0"),
        ({"joints": HAND.joints[:16]}, "hand.joints: got 24 names, allowed: the hand's 16"),
        ({"upper": HAND.upper + 0.01 * (np.arange(20) == 4)}, "upper: got 3.1420 rad for FFJ0"),
        ({"lower": np.rad2deg(HAND.lower)}, "hand.lower: got"),
    ],
)  # fmt: skip
def test_a_bundle_for_another_hand_is_refused(bundle, changes, line):
    with pytest.raises(BundleError, match=line):
        match_hand(load_bundle(bundle), dataclasses.replace(HAND, **changes))
