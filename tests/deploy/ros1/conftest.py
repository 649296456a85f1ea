"""Worlds, drivers and bridges that end with their tests."""

import os
import pty

import pytest

from tests.deploy.conftest import QUICK, cleared, start
from tests.deploy.ros1.world import Bridge, Driver, Ros, wait_for


@pytest.fixture
def new_ros(tmp_path):
    worlds = []

    def begin(*flags):
        worlds.append(Ros(tmp_path, *flags))
        return worlds[-1]

    yield begin
    for world in worlds:
        world.end()


@pytest.fixture(scope="session")
def ros(tmp_path_factory):
    """A master and a hand for the tests that leave both alive."""
    world = Ros(tmp_path_factory.mktemp("ros"))
    yield world
    world.end()


@pytest.fixture
def new_driver():
    drivers = []

    def begin(world, **config):
        drivers.append(Driver(world, **config))
        return drivers[-1]

    yield begin
    for driver in drivers:
        driver.end()


@pytest.fixture
def new_bridge():
    bridges = []

    def begin(world, *flags):
        bridges.append(Bridge(world, *flags))
        return bridges[-1]

    yield begin
    for bridge in bridges:
        bridge.end()


@pytest.fixture
def on_the_bridge(ros, new_bridge, bundle, tmp_path, rig):
    """`sleight rig run` on the bridge; the simulated rig's referee tells the object's pose."""
    bridge, processes, terminals = new_bridge(ros), [], []

    def begin(port=None):
        rig.free()
        words = (str(bundle), *rig.flags(f"127.0.0.1:{port or bridge.port}"), *QUICK,
                 "--hand.timeout_s", "30", "--trials", "50",
                 "--log.dir", str(tmp_path / "runs"))  # fmt: skip
        cleared(words, simulated=False)
        # It is no simulated hand: an operator types the rig's name.
        outer, inner = pty.openpty()
        processes.append(start("rig", "run", *words, stdin=inner))
        os.write(outer, b"sim\n")
        terminals.extend((outer, inner))
        wait_for(lambda: len(bridge.events("command")) > 20, "the run does not command")
        return processes[-1]

    yield bridge, begin
    for process in processes:
        process.kill()
        process.communicate()
    for terminal in terminals:
        os.close(terminal)
