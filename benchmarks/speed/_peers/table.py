"""The peers: what runs, by which script, with which packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sleight.errors import ConfigError, nearest


@dataclass(frozen=True)
class Peer:
    """One row of a comparison."""

    title: str
    worker: str
    """Script in `workers`, and below the part of it that runs."""
    variant: str
    requirements: str = ""
    """File in `requirements`; empty: the Python of this process."""
    on_ours: bool = False
    """Its environment lies over this one and sees its packages, torch and MuJoCo among them."""
    own: bool = False
    """It imports `sleight` from this checkout."""


def _ours(title: str, worker: str, variant: str) -> Peer:
    return Peer(title, worker, variant, own=True)


ENVIRONMENTS = {
    "sleight": _ours("sleight, block", "on_sleight", "nominal"),
    "sleight-usual": _ours("sleight, usual parameters randomized", "on_sleight", "usual"),
    "sleight-everything": _ours("sleight, everything randomized", "on_sleight", "everything"),
    "envpool-block": Peer(
        "EnvPool, HandManipulateBlock", "on_envpool", "HandManipulateBlock-v1", "envpool"
    ),
    "envpool-leap": Peer(
        "EnvPool, LeapCubeReorient", "on_envpool", "LeapCubeReorient-v1", "envpool"
    ),
    "robotics": Peer(
        "Gymnasium-Robotics, block", "on_robotics", "HandManipulateBlock-v1", "robotics"
    ),
    "loop": Peer("loop of mj_step, our model", "on_mujoco", "loop"),
    "rollout": Peer("mujoco.rollout, our model", "on_mujoco", "rollout"),
    "mjx": Peer("MJX on the CPU, our model", "on_mjx", "", "mjx"),
    "warp": Peer("mujoco_warp on the CPU, our model", "on_warp", "", "warp"),
}
"""The first is what the others are compared with."""

LEARNERS = {
    "sleight": _ours("sleight, PPO", "ppo_sleight", ""),
    "sb3": Peer("sb3-contrib, RecurrentPPO", "ppo_sb3", "", "sb3", on_ours=True),
    "rllib": Peer("RLlib, PPO with an LSTM", "ppo_rllib", "", "rllib", on_ours=True),
    "rsl_rl": Peer("rsl_rl, PPO with an LSTM", "ppo_rsl_rl", "", "rsl_rl", on_ours=True),
    "cleanrl": _ours("PPO with an LSTM after CleanRL", "ppo_cleanrl", ""),
}
"""PPO with an LSTM on `sleight/Block-v0`, of several libraries."""


def chosen(words: str, table: Mapping[str, Peer]) -> dict[str, Peer]:
    """The peers of a list such as `loop,mjx`, and the first of the table; empty: all.

    Raises ConfigError for an unknown name.
    """
    names: Sequence[str] = [word for word in words.split(",") if word] or list(table)
    for name in names:
        if name not in table:
            raise ConfigError(f"--peers: got {name}, {nearest(name, table)}")
    first = next(iter(table))
    return {name: table[name] for name in dict.fromkeys([first, *names])}
