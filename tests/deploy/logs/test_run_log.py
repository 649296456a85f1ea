"""The log is written off the loop's thread, other tools read it, and a full disk is one line."""

import dataclasses
import io
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from PIL import Image
from rosbags.highlevel import AnyReader
from rosbags.rosbag2.metadata import parse_qos

from sleight.deploy.logs.log_read import read_log
from sleight.deploy.logs.run_log import LogError, RunLog
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import DataError

PERIOD_S = 0.08
TURN = {
    "joint_position": np.linspace(-0.1, 1.0, 24) / 3,
    "joint_velocity": np.linspace(0.0, 2.0, 24),
    "hand_age_s": 0.02,
    "applied": np.linspace(0.0, 1.0, 20) / 7,
    "object_position": np.array([0.01, -0.02, 0.03]),
    "object_wxyz": np.array([0.5, 0.5, -0.5, 0.5]),
    "pose_age_s": 0.05,
    "goal": {"goal_wxyz": np.array([1.0, 0.0, 0.0, 0.0])},
}


def jpeg(colour):
    stream = io.BytesIO()
    Image.new("RGB", (8, 6), colour).save(stream, "JPEG")
    return stream.getvalue()


def open_log(path):
    return RunLog(path, HAND, PERIOD_S)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A log with a start, 40 turns and a picture, and what was written."""
    path = tmp_path_factory.mktemp("log") / "run.mcap"
    log = open_log(path)
    log.write("start", bundle="swing")
    for k in range(40):
        log.write("turn", k=k, **TURN)
    log.image("left", jpeg("red"), 0.01)
    log.close()
    log.check()
    return path


def test_numbers_come_back_with_every_bit(tmp_path):
    log = open_log(tmp_path / "run.mcap")
    values = np.random.default_rng(0).standard_normal(5)
    log.write("start", q=values, none=None, small=np.float32(0.1))
    log.write("end", nested={"a": np.int64(3)})
    log.close()
    found = read_log(tmp_path)
    first, second = found.records
    assert found.cut == ""
    np.testing.assert_array_equal(np.array(first["q"]), values)
    assert np.float32(first["small"]) == np.float32(0.1)
    assert (second["event"], second["nested"]) == ("end", {"a": 3})
    assert 0 <= second["wall_ns"] - first["wall_ns"] < 10**9


def test_rosbags_reads_it_as_ros_2_messages(written):
    """An independent reader of rosbag2's files, by the definitions that the file itself carries."""
    with AnyReader([written]) as bag:
        found = {}
        for connection, stamp_ns, raw in bag.messages():
            message = bag.deserialize(raw, connection.msgtype)
            found.setdefault(connection.topic, []).append((stamp_ns, message))
    assert {topic: len(messages) for topic, messages in found.items()} == {
        "/sleight/start": 1, "/sleight/turn": 40, "/joint_states": 40, "/command": 40,
        "/object_pose": 40, "/goal_pose": 40, "/camera/left/compressed": 1,
    }  # fmt: skip
    stamp_ns, joints = found["/joint_states"][0]
    assert joints.name == list(HAND.joints)
    np.testing.assert_array_equal(joints.position, TURN["joint_position"])
    measured_ns = joints.header.stamp.sec * 10**9 + joints.header.stamp.nanosec
    assert stamp_ns - measured_ns == 20_000_000
    _, command = found["/command"][0]
    assert command.joint_names == list(HAND.actuators)
    np.testing.assert_array_equal(command.points[0].positions, TURN["applied"])
    assert command.points[0].time_from_start.nanosec == 80_000_000
    _, pose = found["/object_pose"][0]
    turned = pose.pose.orientation
    assert [turned.w, turned.x, turned.y, turned.z] == TURN["object_wxyz"].tolist()
    assert pose.header.frame_id == "palm"


def test_every_channel_has_all_that_the_ros_2_profile_of_mcap_requires(written):
    """https://mcap.dev/spec/registry: cdr, ros2msg, `package/msg/Type`, offered_qos_profiles."""
    with written.open("rb") as file:
        reader = make_reader(file)
        assert reader.get_header().profile == "ros2"
        summary = reader.get_summary()
    assert len(summary.channels) == 7
    for channel in summary.channels.values():
        schema = summary.schemas[channel.schema_id]
        assert (channel.message_encoding, schema.encoding) == ("cdr", "ros2msg")
        assert re.fullmatch(r"\w+/msg/\w+", schema.name)
        assert re.fullmatch(r"RIHS01_[0-9a-f]{64}", channel.metadata["topic_type_hash"])
        (qos,) = parse_qos(channel.metadata["offered_qos_profiles"])
        assert (qos.history.name, qos.depth) == ("KEEP_LAST", 10)
        assert (qos.reliability.name, qos.durability.name) == ("RELIABLE", "VOLATILE")
        assert qos.liveliness.name == "AUTOMATIC"
        for span in (qos.deadline, qos.lifespan, qos.liveliness_lease_duration):
            assert span.sec * 10**9 + span.nsec == 2**63 - 1  # never
        assert qos.avoid_ros_namespace_conventions is False


def test_pictures_come_back(written):
    assert read_log(written).pictures == []
    (picture,) = read_log(written, pictures=True).pictures
    assert picture.camera == "left"
    assert Image.open(io.BytesIO(picture.jpeg)).size == (8, 6)


def test_a_cut_log_reads_up_to_the_cut(written, tmp_path):
    """Written with a flush in between, as a run of more than half a second does."""
    path = tmp_path / "run.mcap"
    log = open_log(path)
    for k in range(30):
        log.write("turn", k=k, **TURN)
        time.sleep(0.05)
    log.close()
    whole = path.read_bytes()
    seen = set()
    for share in np.linspace(0.0, 1.0, 25, endpoint=False):
        path.write_bytes(whole[: int(share * len(whole))])
        try:
            found = read_log(path)
        except DataError:
            continue  # cut before the first record
        assert [turn["k"] for turn in found.turns] == list(range(len(found.turns)))
        assert found.cut.startswith("cut or damaged after") or len(found.turns) == 30
        seen.add(len(found.turns))
    assert len(seen) > 2  # some of it is there before the end


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_damaged_log_is_one_line_or_what_came_before(written, data):
    raw = bytearray(written.read_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] = data.draw(st.integers(0, 255))
    damaged = written.with_name("damaged.mcap")
    damaged.write_bytes(raw)
    try:
        found = read_log(damaged)
    except DataError:
        return  # and no other error
    assert [turn["k"] for turn in found.turns] == list(range(len(found.turns)))


@pytest.mark.parametrize("content", [b"", b"not an MCAP file", b"\x89MCAP0\r\n"])
def test_what_is_no_log_is_one_line(tmp_path, content):
    (tmp_path / "run.mcap").write_bytes(content)
    with pytest.raises(DataError, match=r"run.mcap: not the log of a run on a hand"):
        read_log(tmp_path)
    with pytest.raises(DataError, match=r"nowhere: no such log; allowed: a run's folder or its"):
        read_log(tmp_path / "nowhere")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_to_the_loop_once_and_close_does_not_block():
    log = open_log(Path("/dev/full"))
    with pytest.raises(LogError, match=r"^/dev/full: No space left on device; the log ends here$"):
        for _ in range(2000):
            log.write("turn", **TURN)
            time.sleep(0.001)
    log.close()
    log.close()
    with pytest.raises(LogError):
        log.check()


def test_a_disk_that_is_too_slow_does_not_slow_the_loop(tmp_path):
    os.mkfifo(tmp_path / "run.mcap")
    reader = os.open(tmp_path / "run.mcap", os.O_RDONLY | os.O_NONBLOCK)
    log = open_log(tmp_path / "run.mcap")
    noise = np.random.default_rng(0)
    started_s = time.monotonic()
    with pytest.raises(LogError, match="the disk is too slow: 2000 records are waiting"):
        for _ in range(20_000):
            log.write("start", noise=noise.bytes(2000).hex())
    assert time.monotonic() - started_s < 10.0
    os.close(reader)
    log.close()


def test_a_log_that_cannot_be_made_is_one_line(tmp_path):
    with pytest.raises(LogError, match=r"run.mcap: cannot be written: No such file or directory"):
        open_log(tmp_path / "nowhere" / "run.mcap")


def test_another_hand_has_its_own_names(tmp_path):
    spec = dataclasses.replace(HAND, joints=tuple(f"J{i}" for i in range(24)))
    log = RunLog(tmp_path / "run.mcap", spec, PERIOD_S)
    log.write("turn", k=0, **TURN)
    log.close()
    with AnyReader([tmp_path / "run.mcap"]) as bag:
        (connection,) = (c for c in bag.connections if c.topic == "/joint_states")
        ((_, _, raw),) = bag.messages([connection])
        assert bag.deserialize(raw, connection.msgtype).name[:2] == ["J0", "J1"]
