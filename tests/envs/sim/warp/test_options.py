"""What is said in one line before work begins: devices, packages, the cone."""

import sys
from dataclasses import replace

import pytest

from sleight.envs.make import make_env, on_this_machine
from sleight.envs.randomization.randomizer import check_cone
from sleight.envs.sim.sim import SIMS, Sim, backend_name
from sleight.errors import ConfigError
from tests.envs.conftest import SMALL


def test_the_device_chooses_the_backend_unless_one_is_named():
    assert backend_name("auto", "cpu") == "mujoco"
    assert backend_name("auto", "cuda") == backend_name("auto", "cuda:1") == "warp"
    assert backend_name("warp", "cpu") == "warp" and backend_name("mujoco", "cuda") == "mujoco"


def test_a_device_that_is_not_there_is_one_line():
    with pytest.raises(ConfigError, match=r"env\.device: got gpu, allowed: cpu"):
        make_env(replace(SMALL, device="gpu"))
    with pytest.raises(ConfigError, match=r"env\.device: got cuda:99, allowed: cpu"):
        make_env(replace(SMALL, device="cuda:99"))


def test_a_policy_of_a_gpu_is_played_on_the_cpu_where_there_is_none():
    there = replace(SMALL, device="cuda:99", backend="warp")
    assert on_this_machine(there) == replace(SMALL, device="cpu", backend="auto")
    assert on_this_machine(SMALL) is SMALL


def test_without_warp_the_line_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("sleight.envs.sim.warp")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mujoco_warp", None)
    monkeypatch.setattr(SIMS, "_loaded", {})
    with pytest.raises(ConfigError, match=r"env\.backend: warp .*pip install 'sleight\[gpu\]'"):
        make_env(replace(SMALL, backend="warp"))


@pytest.mark.parametrize(
    ("drawn", "nominal", "refused"),
    [((), {}, False), (("contact.elliptic",), {}, True), ((), {"contact.elliptic": 0.5}, True),
     (("contact.impratio",), {"contact.elliptic": 1.0}, False)],
)  # fmt: skip
def test_worlds_that_share_a_cone_refuse_a_fraction(drawn, nominal, refused):
    class OneCone:
        cannot_vary = frozenset({"opt.cone"})

    check_cone(Sim, drawn, nominal)  # the others' worlds have a cone each
    if refused:
        with pytest.raises(ConfigError, match=r"contact\.elliptic: got .* allowed: env\.nominal 0"):
            check_cone(OneCone, drawn, nominal)
    else:
        check_cone(OneCone, drawn, nominal)
