"""The backend on Warp: parity with C, the shipped policy on both, steps per second, training.

    sleight bench gpu [--device cuda|cpu] [--parts parity policy rate train] [--minutes 9]
                      [--worlds 1024 ... 16384] [--json FILE]

One run of under ten minutes for a machine with a GPU: the parts in this order, and training of
configs/block_gpu.yaml for what is left of the time. `parity` steps the same settled states with the
same targets on C (the backend `mujoco`) and on Warp; `policy` counts successes and drops of the
shipped policy on both, with the same seeds; `rate` steps the environment with random actions. On
`--device cpu`, Warp's CPU device, `parity` and `policy` can be measured without a GPU, in few
worlds. Each row is printed and written as it is measured.
"""

from __future__ import annotations

import runpy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from sleight.config import load
from sleight.envs.config import EnvConfig, GoalConfig
from sleight.envs.env import HandEnv
from sleight.envs.make import make_env, open_sim, resolve
from sleight.envs.randomization.table import NAMES, PART_NAMES
from sleight.envs.sim.sim import Sim
from sleight.files import write_json
from sleight.flags import Parser, check_count, output_file
from sleight.train import benching
from sleight.train.config import TrainConfig
from sleight.train.rollout.in_process import build
from sleight.train.rollout.players import BundlePlayer

ROOT = Path(__file__).parents[2]
CONFIG, BUNDLE = ROOT / "configs" / "block_gpu.yaml", ROOT / "pretrained" / "block"
PARTS = ("parity", "policy", "rate", "train")
CHECKED = (1, 10, 100)
"""Physics steps after which states are compared."""
ONE_CONE = ("contact.elliptic", "contact.impratio")
"""Parameters that worlds which share one cone cannot have."""
SHARE_OF_RATES = 0.5
"""Fraction of the time after which no further number of worlds is timed."""


@dataclass(frozen=True)
class Asked:
    """The command line."""

    device: str
    worlds: tuple[int, ...]
    parity_worlds: int
    policy_steps: int
    rate_steps: int
    reach: float
    deadline: float


def parity(asked: Asked) -> Iterator[dict[str, Any]]:
    """Differences between Warp and C, from settled states with moving targets."""
    base = make_env(EnvConfig(num_worlds=1))
    config = resolve(EnvConfig(num_worlds=asked.parity_worlds))
    sims = [_settled(config, base, *where) for where in (("mujoco", "cpu"), ("warp", asked.device))]
    targets = sims[0].state("ctrl").clone()
    rng, done = torch.Generator().manual_seed(5), 0
    for steps in CHECKED:
        for each in _strides(steps - done):
            targets += 0.05 * torch.randn(targets.shape, generator=rng)
            for sim in sims:
                sim.state("ctrl")[:] = targets.to(sim.state("ctrl"))
                sim.step(each)
        done = steps
        yield {"physics_steps": steps, **_differences(*sims)}


def _strides(steps: int) -> Iterator[int]:
    """`steps` physics steps, ten with each target."""
    while steps > 0:
        yield min(steps, 10)
        steps -= 10


def _settled(config: EnvConfig, base: HandEnv, backend: str, device: str) -> Sim:
    sim = open_sim(replace(config, backend=backend, device=device))
    states = base.task.settled
    index = torch.arange(sim.num_worlds) % len(states.qpos)
    qpos, ctrl = sim.state("qpos"), sim.state("ctrl")
    qpos[:], ctrl[:] = states.qpos[index].to(qpos), states.target[index].to(ctrl)
    return sim


def _differences(one: Sim, other: Sim) -> dict[str, Any]:
    """Median and 90th percentile over worlds of the worst component."""
    layout = one.layout
    parts = {"joints_rad": ("qpos", layout.joints), "object_m": ("qpos", layout.position),
             "velocity": ("qvel", slice(None))}  # fmt: skip
    found = {}
    for name, (state, columns) in parts.items():
        both = [sim.state(state).cpu().double()[:, columns] for sim in (one, other)]
        worst = (both[0] - both[1]).abs().amax(dim=1)
        found[name] = [float(worst.quantile(q)) for q in (0.5, 0.9)]
    return found


def policy(asked: Asked) -> Iterator[dict[str, Any]]:
    """Successes and drops of the shipped policy, in the nominal world and in wide ranges."""
    for randomized in (False, True):
        for backend, device in (("mujoco", "cpu"), ("warp", asked.device)):
            player = BundlePlayer(BUNDLE)
            config = replace(
                player.env_config, num_worlds=asked.parity_worlds, goals=GoalConfig(),
                backend=backend, device=device,
                randomization=wide(asked.reach) if randomized else {}, nominal={},
            )  # fmt: skip
            env = make_env(config, seed=1)
            yield {"backend": backend, "randomized": randomized, **count(env, player, asked)}


def count(env: HandEnv, player: BundlePlayer, asked: Asked) -> dict[str, Any]:
    """Successes and ends of N worlds in some control steps."""
    observation, _ = env.reset(seed=1)
    player.start(env)
    starts = torch.ones(env.num_envs, dtype=torch.bool, device=env.device)
    successes, drops, truncations = 0, 0, 0
    for _ in range(asked.policy_steps):
        action = player.act(env, observation, starts)
        observation, _, terminated, truncated, info = env.step(action)
        successes += int(info["success"].sum())
        drops += int(terminated.sum())
        truncations += int(truncated.sum())
        starts = terminated | truncated
    return {"worlds": env.num_envs, "steps": asked.policy_steps, "successes": successes,
            "drops": drops, "truncations": truncations, "broken": env.sim.failures}  # fmt: skip


def wide(reach: float) -> dict[str, tuple[float, float]]:
    """Every parameter of the block but those of the cone, up to `reach` in lambda."""
    names = [n for n in NAMES if n not in PART_NAMES and n not in ONE_CONE]
    ranges = runpy.run_path(str(Path(__file__).with_name("env.py")))["wide_ranges"]
    return dict(ranges(names, reach))


def rate(asked: Asked) -> Iterator[dict[str, Any]]:
    """Control steps per second of the environment with random actions, over numbers of worlds."""
    began = time.perf_counter()
    for worlds in asked.worlds:
        for randomized in (False, True):
            if time.perf_counter() - began > SHARE_OF_RATES * (asked.deadline - began):
                return
            yield {
                "randomized": randomized,
                **_rate(worlds, wide(0.5) if randomized else {}, asked),
            }


def _rate(worlds: int, ranges: dict[str, tuple[float, float]], asked: Asked) -> dict[str, Any]:
    config = EnvConfig(num_worlds=worlds, backend="warp", device=asked.device, randomization=ranges)
    began = time.perf_counter()
    env = make_env(config)
    env.reset(seed=0)

    def run(steps: int) -> float:
        start = time.perf_counter()
        for _ in range(steps):
            env.step(2.0 * env.rng.uniform(worlds, len(env.hand.actuators)) - 1.0)
        _wait(env.device)
        return time.perf_counter() - start

    run(max(1, asked.rate_steps // 4))  # drops, resets, pools that grow
    built, seconds = time.perf_counter() - began, run(asked.rate_steps)
    memory = torch.cuda.memory_allocated() if env.device.type == "cuda" else 0
    return {"worlds": worlds, "control_steps_per_s": worlds * asked.rate_steps / seconds,
            "build_s": built, "torch_bytes": memory}  # fmt: skip


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def train(asked: Asked) -> Iterator[dict[str, Any]]:
    """Training of configs/block_gpu.yaml until the deadline: speed, and successes per episode."""
    overrides = ["--env.device", asked.device, "--train.device", asked.device]
    if asked.device == "cpu":
        overrides += ["--env.backend", "warp", "--env.num_worlds", str(asked.worlds[0])]
    training = build(load(TrainConfig, CONFIG, overrides))
    began = time.perf_counter()
    while time.perf_counter() < asked.deadline and not training.ended:
        start, before = time.perf_counter(), training.steps
        row = training.iterate()
        seconds = time.perf_counter() - start
        yield {"steps": training.steps, "seconds": time.perf_counter() - began,
               "control_steps_per_s": (training.steps - before) / seconds,
               "successes_mean": row.get("successes_mean")}  # fmt: skip


RUN: dict[str, Callable[[Asked], Iterator[dict[str, Any]]]] = {
    "parity": parity, "policy": policy, "rate": rate, "train": train,
}  # fmt: skip


def line(row: dict[str, Any]) -> str:
    """A row as text."""
    return "  ".join(f"{name} {_text(value)}" for name, value in row.items())


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " / ".join(map(_text, value))
    return f"{value:.3g}" if isinstance(value, float) and value < 1e4 else f"{value}"


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = Parser("sleight bench gpu", description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--device", default="cuda", help="Warp's device: cuda, or cpu (default cuda)"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="default: all")
    parser.add_argument("--minutes", type=float, default=9.0, help="time for all parts [min]")
    parser.add_argument("--worlds", type=int, nargs="+", default=(1024, 2048, 4096, 8192, 16384),
                        help="numbers of worlds that `rate` times")  # fmt: skip
    parser.add_argument("--parity_worlds", type=int, default=64, help="of `parity` and `policy`")
    parser.add_argument("--policy_steps", type=int, default=300, help="control steps of `policy`")
    parser.add_argument("--rate_steps", type=int, default=40, help="timed control steps of `rate`")
    parser.add_argument("--reach", type=float, default=0.5, help="lambda of `policy`'s wide ranges")
    parser.add_argument("--json", type=output_file, help="also write the results to this file")
    args = parser.parse_args(argv)
    for name in ("parity_worlds", "policy_steps", "rate_steps"):
        check_count(f"--{name}", getattr(args, name))
    began = time.perf_counter()
    asked = Asked(args.device, tuple(args.worlds), args.parity_worlds, args.policy_steps,
                  args.rate_steps, args.reach, began + 60.0 * args.minutes)  # fmt: skip
    results: dict[str, list[dict[str, Any]]] = {}
    about = f"Warp on {args.device}, torch {torch.__version__}; {benching.machine()}"
    print(about, flush=True)
    for part in args.parts:
        print(f"{part}, after {time.perf_counter() - began:.0f} s", flush=True)
        rows = results.setdefault(part, [])
        for row in RUN[part](asked):
            rows.append(row)
            print(f"  {line(row)}", flush=True)
            if args.json:
                write_json(args.json, {"about": about, "results": results})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
