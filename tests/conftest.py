"""What every test shares: few threads, no screen, no network, the same examples every time."""

import os
import signal
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "2")  # before torch is imported anywhere
os.environ.setdefault("WANDB_MODE", "offline")
os.environ.setdefault("WANDB_SILENT", "true")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# Ray gives its workers 15: beside other work on the machine the tests would wait for them.
os.environ.setdefault("RAY_worker_niceness", "0")

import pytest
from hypothesis import settings

from sleight.cli import prepare_environment

prepare_environment()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job, whose children would ignore the Ctrl-C that they are tested with.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # `nohup`, likewise
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
settings.register_profile("sleight", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("sleight")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A Ray cluster of this machine with two cores; whoever connects in the module is in it."""
    from sleight.train.cluster.ray_connect import connect
    from sleight.train.config import RayConfig

    end = connect(RayConfig(cpus=2))
    yield
    end()
