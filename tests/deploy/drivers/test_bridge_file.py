"""The bridge is one file that runs on Python 3.8 with nothing but the standard library."""

import ast
import json
import subprocess
import sys
import zipfile

import pytest

from sleight.deploy.drivers.ros.bridge_archive import MODULES, source, write_bridge
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from tests.deploy.conftest import ROOT


@pytest.fixture(scope="module")
def bridge(tmp_path_factory):
    path = tmp_path_factory.mktemp("bridge") / "bridge.pyz"
    write_bridge(path)
    return path


def run(bridge, *flags):
    """Without site-packages: only what the archive carries and the standard library are there."""
    command = [sys.executable, "-I", "-S", str(bridge), *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_it_carries_its_modules_unchanged_and_its_hand(bridge):
    archive = zipfile.ZipFile(bridge)
    for module in MODULES:
        assert archive.read(f"sleight/{module}") == source(module).read_bytes()
    hand = json.loads(archive.read("sleight/deploy/drivers/ros/hand.json"))
    assert hand["joints"] == list(HAND.joints)
    assert hand["upper"] == HAND.upper.tolist()


@pytest.mark.parametrize("module", MODULES)
def test_its_syntax_is_that_of_python_3_8(module):
    ast.parse(source(module).read_text(), feature_version=(3, 8))


@pytest.mark.parametrize("module", MODULES)
def test_its_annotations_are_not_evaluated(module):
    """Python 3.8 cannot evaluate `Mapping[str, int]` of collections.abc."""
    assert "from __future__ import annotations" in source(module).read_text().splitlines()


def test_it_calls_nothing_that_is_newer_than_python_3_8():
    """vermin looks for it; what is only in annotations is never evaluated."""
    pytest.importorskip("vermin")
    paths = [str(source(module)) for module in MODULES]
    program = "import vermin; vermin.main()"
    command = [sys.executable, "-c", program, "--no-tips", "--target=3.8-", "--violations", *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("flags", "code", "line"),
    [
        (
            ["--host", "0.0.0.0"],
            2,
            "error: --host 0.0.0.0: got no --secret, allowed: a secret file",
        ),
        (["--host", ""], 2, "error: --host : got no --secret, allowed: a secret file"),
        (
            ["--host", "0.0.0.0", "--without-secret", "--master", "http://127.0.0.1:1"],
            3,
            "cannot connect: Connection refused",
        ),
        (["--forse", "2"], 2, "error: sleight-bridge: unrecognized arguments: --forse 2"),
        (["--port", "x"], 2, "error: sleight-bridge: argument --port: invalid int value: 'x'"),
        (["--force", "2"], 2, "error: --force: got 2, allowed: 0.05 to 1"),
        (["--hold-after-s", "1", "--relax-after-s", "0.5"], 2, "--relax-after-s: got 0.5"),
        (["--prefix", "xx_"], 2, "error: hand.prefix: got 'xx_', allowed: rh_, lh_"),
        (["--secret", "nowhere"], 2, "error: nowhere: the secret cannot be read"),
        (["--master", "nonsense"], 3, "error: ROS master: got 'nonsense', allowed: such as http"),
        (["--master", "http://127.0.0.1:1"], 3, "cannot connect: Connection refused"),
    ],
)
def test_it_refuses_in_one_line(bridge, flags, code, line):
    done = run(bridge, "--port", "0", *flags)
    assert (done.returncode, done.stdout) == (code, "")
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_command_writes_it(tmp_path):
    command = [sys.executable, "-m", "sleight", "rig", "bridge", str(tmp_path / "b.pyz")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert "copy it to the hand's machine" in done.stdout
    assert run(tmp_path / "b.pyz", "--help").stdout.startswith("usage: sleight-bridge")
