"""Every thread of the robot that dies is seen by who waits for it, who says why."""

import contextlib
import os
import socket
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from sleight.contract.bundle import load_bundle
from sleight.contract.onnx_session import open_session
from sleight.deploy.cameras.camera_threads import Camera, CameraError, CameraGone, FrameSource
from sleight.deploy.cameras.eyes import Eye
from sleight.deploy.cameras.markers import (
    MarkerPoses,
    MarkersConfig,
    fit_body,
    misfit,
    parse,
)
from sleight.deploy.cameras.pose_checks import CameraPosesConfig, PoseCheckConfig
from sleight.deploy.cameras.pose_thread import CameraPoses
from sleight.deploy.drivers.local_driver import LocalHand
from sleight.deploy.drivers.ros.rospy_node import within
from sleight.deploy.hand.estop import EstopConfig, watch_estop
from sleight.deploy.hand.hand import DriverGone, HandMode
from sleight.deploy.link.hand_log import HandLog
from sleight.deploy.link.hand_side import Watch
from sleight.deploy.link.policy_link import Link
from sleight.deploy.link.wire import encode
from sleight.deploy.logs.run_log import LogError, RunLog
from sleight.deploy.runtime.operator_view import Progress, View
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import BundleError, ConnectError
from sleight.threads import WatchedThread
from sleight.vision.geometry import Placement
from tests.deploy.cameras.test_markers import CUBE, PALM, frame
from tests.deploy.drivers.test_local_hand import Hand

STATE = encode("state", seq=1, time_s=1.0, mode="ready", position=[0.0], velocity=[0.0], effort=[])


def until(condition, timeout_s=60):
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.005)


class Shots(FrameSource):
    """A camera that goes on for ever, or fails as the test says."""

    def __init__(self, fails=None, at=3):
        self.fails, self.at, self.count = fails, at, 0

    def open(self, timeout_s):
        if self.fails and self.at == 0:
            raise self.fails

    def grab(self):
        self.count += 1
        if self.fails and self.count > self.at:
            raise self.fails
        time.sleep(0.005)
        return np.zeros((4, 4, 3), np.uint8), time.monotonic()

    def close(self):
        pass


class Network:
    """A pose network that answers, fails or hangs."""

    def __init__(self):
        self.fails, self.hangs, self.go_on = None, False, threading.Event()

    def see(self, images, cameras, wrist_rad):
        if self.fails:
            raise self.fails
        if self.hangs:
            self.go_on.wait(60)
        at = np.array([0.0, -0.05, 0.04])
        return SimpleNamespace(position=at, wxyz=np.array([1.0, 0, 0, 0]), doubt=0.0)


@contextlib.contextmanager
def poses_of(network, source):
    with Camera("left", source) as camera:
        eye = Eye(camera, lambda picture: picture, Placement(np.zeros(3), np.eye(3)))
        poses = CameraPoses([eye], network, CameraPosesConfig(frame_max_age_s=0.5))
        try:
            yield poses
        finally:
            network.go_on.set()
            poses.close(5.0)


@pytest.mark.parametrize("error", [BundleError("pose.onnx: failed"), ValueError("3 != 4")])
def test_a_pose_network_that_fails_ends_the_run_and_not_the_trial(error):
    network = Network()
    with poses_of(network, Shots()) as poses:
        until(lambda: poses.newest(60.0))
        network.fails = error
        with pytest.raises(DriverGone, match=f"the thread 'poses' died: .*{error}"):
            until(lambda: poses.newest(60.0) is None)


def test_a_pose_network_that_hangs_is_no_drop():
    network = Network()
    with poses_of(network, Shots()) as poses:
        until(lambda: poses.newest(60.0))
        assert poses.blind(30.0) == ""
        network.hangs = True
        until(lambda: poses.blind(0.3))
        assert "the pose network does not answer" in poses.blind(0.3)


def test_a_camera_that_freezes_is_no_drop():
    frozen, go_on = Shots(), threading.Event()
    grab = frozen.grab

    def hang():
        if frozen.count > 3:
            go_on.wait(60)
        return grab()

    frozen.grab = hang
    with poses_of(Network(), frozen) as poses:
        until(lambda: poses.blind(0.8))
        assert "camera left: got an age of" in poses.blind(0.8)
        go_on.set()


@pytest.mark.parametrize("at", [0, 3])
def test_a_camera_thread_that_dies_says_why_at_once(at):
    """OpenCV raises errors of its own; here is one of numpy."""
    source = Shots(ValueError("cannot reshape"), at)
    if at == 0:
        with pytest.raises(CameraError, match="camera left.*ValueError: cannot reshape"):
            Camera("left", source, 60.0).__enter__()
        return
    with Camera("left", source, 60.0) as camera:
        with pytest.raises(CameraGone, match="camera left.*died: ValueError: cannot reshape"):
            camera.after(1000, 60.0)
        assert "ValueError" in camera.health().gone


def test_a_reader_of_markers_that_dies_is_gone(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = MarkersConfig(port=listener.getsockname()[1], object=CUBE, palm=PALM)
        poses = MarkerPoses(config, PoseCheckConfig())
        poses.connect(10.0)
        link, _ = listener.accept()
        with link:
            monkeypatch.setattr(poses.checks, "judge", lambda *_: 1 / 0)
            link.sendall(frame(100.0))
            with pytest.raises(DriverGone, match="markers.*died: ZeroDivisionError"):
                until(lambda: poses.newest(1.0))


def test_markers_whose_palm_is_hidden_are_blind_and_a_hidden_object_is_a_drop():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = MarkersConfig(port=listener.getsockname()[1], object=CUBE, palm=PALM)
        poses = MarkerPoses(config, PoseCheckConfig())
        poses.connect(10.0)
        link, _ = listener.accept()
        with link:
            for hidden, blind in ((tuple(CUBE), False), (tuple(PALM), True)):
                end_s = time.monotonic() + 0.5
                while time.monotonic() < end_s:
                    link.sendall(frame(time.monotonic(), hidden))
                    time.sleep(0.02)
                assert bool(poses.blind(0.4)) == blind
            assert "no palm for" in poses.blind(0.4)
        poses.close(1.0)


def test_markers_in_millimetres_are_named():
    _, seen = parse(frame(0.0))
    in_mm = {name: 1e3 * place for name, place in seen.items()}
    _, residual_m = fit_body(PALM, in_mm)
    line = misfit(PALM, in_mm, residual_m)
    assert "1e+03 times as far apart" in line and "in millimetres, not metres?" in line
    assert misfit(PALM, seen, fit_body(PALM, seen)[1]) == ""


def test_a_link_whose_reader_dies_has_ended():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link = Link("127.0.0.1", listener.getsockname()[1], "hand")
        opened = []
        thread = threading.Thread(target=lambda: opened.append(link.open(10.0)))
        thread.start()
        server, _ = listener.accept()
        with server:
            server.sendall(STATE)
            thread.join(10.0)
            ended = threading.Event()
            link.start(lambda message: 1 / 0, ended.set)
            server.sendall(STATE)
            assert ended.wait(60)
            assert "the thread 'hand' died: ZeroDivisionError" in link.gone
            assert not link.send("heartbeat", seq=1)
        link.close(1.0)


def test_a_session_that_dies_holds_the_hand_and_refuses_commands():
    """Its watchdog has died with it."""
    face = Hand()
    driver = LocalHand(HAND, face, watch=Watch(hold_after_s=60.0))
    driver.connect(5.0)
    try:
        driver.arm()
        told = len(face.told)
        face.deaf = lambda: 1 / 0
        until(lambda: driver._thread.failure)
        until(lambda: driver.health().mode is HandMode.HOLD)
        assert len(face.told) == told + 1  # the hold
        for call in (driver.arm, lambda: driver.read(1.0), lambda: driver.command(HAND.home, 0.08)):
            with pytest.raises(DriverGone, match="hand's session' died: ZeroDivisionError"):
                call()
        driver.stop("an operator")
        assert driver.health().mode is HandMode.STOPPED
    finally:
        driver.close(1.0)


def test_an_emergency_stop_that_is_not_watched_any_more_stops(tmp_path, monkeypatch):
    pipe = tmp_path / "stop"
    os.mkfifo(pipe)
    reasons = []
    monkeypatch.setattr("sleight.deploy.hand.estop._any_byte", lambda data: 1 / 0)
    with watch_estop(EstopConfig("pipe", pipe), reasons.append):
        writer = os.open(pipe, os.O_WRONLY)
        os.write(writer, b"x")
        until(lambda: reasons)
        os.close(writer)
    assert "the thread 'emergency stop' died: ZeroDivisionError" in reasons[0]


def test_a_log_whose_writer_dies_does_not_say_done(tmp_path):
    """Something that cannot be a message, instead of a full disk."""
    log = RunLog(tmp_path / "run.mcap", HAND, 0.08)
    log.write("turn", joint_position=["no number"])
    log._thread.join(60)
    with pytest.raises(LogError, match="run.mcap: the thread 'log' died: .*; the log ends here"):
        log.write("turn")
    log.close()
    with pytest.raises(LogError, match="died"):
        log.check()


def test_pictures_that_cannot_be_logged_end_the_log(tmp_path):
    from sleight.deploy.logs.frame_log import FrameLog

    log = RunLog(tmp_path / "run.mcap", HAND, 0.08)

    class NoPicture:
        name = "left"

        def newest(self, max_age_s):
            return 1 / 0

    pictures = FrameLog([NoPicture()], log, 10.0, 80)
    pictures.start()
    pictures._thread.join(60)
    pictures.close()
    log.close()
    with pytest.raises(LogError, match="'frame log' died: ZeroDivisionError"):
        log.check()


def test_a_hands_log_whose_writer_dies_says_so(tmp_path):
    log = HandLog(tmp_path / "rig.jsonl")
    log._waiting.put("no pair")
    until(lambda: log.error)
    assert "the thread 'hand log' died: ValueError" in log.error
    log.close()


def test_work_on_a_thread_that_fails_in_any_way_is_one_line():
    with pytest.raises(ConnectError, match="the thread 'a node' died: KeyError: 'ROS'"):
        within(10.0, "a node", lambda: {}["ROS"])


def test_a_graph_that_fails_while_it_runs_is_one_line(bundle):
    session = open_session(load_bundle(bundle).graph)
    feed = {node.name: np.zeros((2, 3), np.float64) for node in session.get_inputs()}
    with pytest.raises(BundleError, match=r"policy.onnx: ONNX Runtime failed: "):
        session.run(None, feed)


def test_a_view_that_nobody_reads_ends_no_run():
    """`sleight rig run 2>&1 | head -1`: the pipe breaks, the hand goes on."""
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w", buffering=1)
    with View(stream) as view:
        for _ in range(2):
            view._next_s = 0.0
            view(Progress())
    with contextlib.suppress(OSError):
        stream.close()


def test_a_thread_tells_only_failures():
    told = []
    good = WatchedThread("good", lambda: None, told.append)
    bad = WatchedThread("bad", lambda: 1 / 0, told.append)
    for thread in (good, bad):
        thread.start()
        thread.join()
    assert good.failure == ""
    assert told == [bad.failure]
    assert bad.failure.startswith("the thread 'bad' died: ZeroDivisionError: division by zero (")
