"""Poses from markers: the fit by its laws, and a source on a socket."""

import json
import socket
import threading
import time

import numpy as np
import pytest

from sleight.deploy.cameras.markers import (
    MarkerError,
    MarkerPoses,
    MarkersConfig,
    fit,
    fit_body,
    parse,
)
from sleight.deploy.cameras.pose_checks import PoseCheckConfig
from sleight.deploy.hand.hand import DriverGone
from sleight.errors import ConfigError, ConnectError
from sleight.vision.geometry import Placement, turn, wxyz_of

PALM = {"p1": (0.0, 0.1, 0.0), "p2": (0.03, 0.1, 0.0), "p3": (0.0, 0.13, 0.01)}
CUBE = {f"c{i}": (0.0285 * x, 0.0285 * y, 0.0285 * z)
        for i, (x, y, z) in enumerate([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, 0, 1)])}  # fmt: skip
TRACKER = Placement(np.array([1.0, -2.0, 0.5]), turn(np.array([0.4, 1.2, -0.3])))
"""The palm, in the tracker's frame."""
OBJECT = Placement(np.array([0.01, -0.05, 0.04]), turn(np.array([0.2, -0.4, 2.0])))
"""object_to_palm."""


def frame(time_s, hidden=()):
    seen = {name: TRACKER.to_palm(np.array(place)) for name, place in PALM.items()}
    cube = TRACKER.after(OBJECT)
    seen |= {name: cube.to_palm(np.array(place)) for name, place in CUBE.items()}
    markers = {name: place.tolist() for name, place in seen.items() if name not in hidden}
    return (json.dumps({"time_s": time_s, "markers": markers}) + "\n").encode()


def test_a_fit_finds_the_motion_and_says_how_well():
    rng = np.random.default_rng(0)
    local = rng.standard_normal((6, 3))
    found, residual = fit(local, OBJECT.to_palm(local))
    assert found.distances(OBJECT) == pytest.approx((0.0, 0.0), abs=1e-7)
    assert residual < 1e-12
    # A mirror image is not a motion: the fit stays a rotation and is bad.
    mirrored, residual = fit(local, local * [1, 1, -1])
    assert np.linalg.det(mirrored.rotation) == pytest.approx(1.0) and residual > 0.1


def test_markers_that_do_not_fix_a_body_are_too_few():
    _, seen = parse(frame(0.0))
    assert fit_body(CUBE, seen)[1] < 1e-9
    with pytest.raises(LookupError, match="2 of 4"):
        fit_body(CUBE, {name: seen[name] for name in ("c0", "c2")})
    line = {"a": (0.0, 0.0, 0.0), "b": (0.1, 0.0, 0.0), "c": (0.2, 0.0, 0.0)}
    with pytest.raises(
        ConfigError, match="object: got 3 markers, allowed: three or more, not coll"
    ):
        MarkersConfig(object=line, palm=PALM)
    with pytest.raises(ConfigError, match=r"markers.object: got none"):
        MarkerPoses(MarkersConfig(palm=PALM), PoseCheckConfig())


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b'{"time_s": 1}', b'{"time_s": 1, "markers": {"a": [1, 2]}}',
     b'{"time_s": 1, "markers": {"a": [1, 2, NaN]}}', b'{"time_s": "x", "markers": {}}', b"\xff"],
)  # fmt: skip
def test_other_lines_are_refused(line):
    with pytest.raises(MarkerError, match="allowed: "):
        parse(line)


def wait_for(condition):
    deadline_s = time.monotonic() + 30
    while time.monotonic() < deadline_s:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def test_a_source_tells_the_pose_until_it_ends():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = MarkersConfig(port=listener.getsockname()[1], object=CUBE, palm=PALM)
        poses = MarkerPoses(config, PoseCheckConfig())
        accepted = []
        thread = threading.Thread(target=lambda: accepted.append(listener.accept()[0]))
        thread.start()
        poses.connect(10.0)
        thread.join()
        link = accepted[0]
        with link:
            assert poses.newest(1.0) is None
            # Two of the cube's markers are hidden: no pose, and none is made up.
            link.sendall(frame(100.0, hidden=("c0", "c1")))
            wait_for(lambda: poses.checks.refused["markers"] == 1)
            assert poses.newest(1.0) is None
            link.sendall(frame(100.1, hidden=("c1",)))
            pose = wait_for(lambda: poses.newest(30.0))
            np.testing.assert_allclose(pose.position, OBJECT.position, atol=1e-6)
            np.testing.assert_allclose(pose.wxyz, wxyz_of(OBJECT.rotation), atol=1e-6)
            assert 0.0 <= pose.age_s < 30.0
        with pytest.raises(DriverGone, match="it closed the link"):
            wait_for(lambda: poses.newest(0.0))
        poses.close(1.0)
    with pytest.raises(ConnectError, match="cannot connect"):
        MarkerPoses(config, PoseCheckConfig()).connect(1.0)
