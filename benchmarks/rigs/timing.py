"""Timing of the control loop in a real-time run on the simulated rig, with a pose network.

    sleight bench timing BUNDLE [--minutes 10] [--pose_from cameras|referee] [--pose_run RUN]

The rig, its three cameras and this program are separate processes, as in `sleight rig run`. The
policy steps in the 80 ms loop; in parallel the pose network processes every set of frames. With
`--pose_from cameras` its poses drive the policy; with `referee` the true poses do, at the same
cost. A bundle without a pose network gets an untrained one of the standard size. Afterwards ONNX
Runtime and torch step both networks alternately, on the inputs of the run, with one thread each.
"""

from __future__ import annotations

import argparse
import math
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sleight.contract.bundle import MANIFEST, Bundle, load_bundle, write_manifest
from sleight.deploy.cameras.pose_checks import CameraPosesConfig
from sleight.deploy.drivers.driver_registry import HandConfig
from sleight.deploy.logs.log_read import read_log
from sleight.deploy.logs.replay import sensors_of
from sleight.deploy.rig_file import LogEntry, RefereeEntry, RigConfig
from sleight.deploy.runtime.control_loop import LoopConfig
from sleight.deploy.runtime.loop_timing import spread_ms
from sleight.deploy.runtime.rig_connect import connected_cameras, connected_poses
from sleight.deploy.runtime.trial_runner import run_rig
from sleight.deploy.sim.camera_truth import write_truth
from sleight.deploy.sim.sim_cameras import RigCamerasConfig
from sleight.errors import ConnectError
from sleight.files import read_json, write_json
from sleight.flags import Parser, output_file, output_folder, seed_of
from sleight.train.pose.config import PoseTrainConfig
from sleight.train.pose.pose_export import write_pose
from sleight.train.pose.pose_learner import build_decoder, load_pose_run
from sleight.vision.config import RenderConfig
from sleight.vision.decoders import PoseDecoder
from sleight.vision.geometry import Placement
from sleight.vision.onnx_pose import OnnxPose

BENCH = runpy.run_path(str(Path(__file__).with_name("rig.py")))
HOST = "127.0.0.1"
LOOKS, WARM_UP = 200, 5
"""Timed steps of the pose network after the run, and warm-up steps among them."""
ANY_M, ANY_DEG = 1e3, 1e5
"""Limits of the errors of an untrained network: every pose is accepted, as only its time
matters."""
ROWS = {
    "lateness": "start after the deadline",
    "policy": "policy, in the loop",
    "look": "frames to pose, beside the loop",
    "command_round_trip": "command and its answer",
    "turn": "whole turn",
    "hand_state_age": "age of the joint state",
    "pose_age": "age of the pose",
}
Views = tuple[np.ndarray, list[Placement]]


@dataclass(frozen=True)
class Networks:
    """The bundle that runs, and its pose network in torch if it is known."""

    bundle: Bundle
    pose: PoseDecoder | None
    learned: bool


def networks(folder: Path, pose_run: Path | None, work: Path) -> Networks:
    """The bundle with a pose network. Raises SleightError."""
    bundle = load_bundle(folder)
    if bundle.manifest.pose is not None:
        net = load_pose_run(pose_run)[1] if pose_run else None
        return Networks(bundle, net, learned=True)
    copy, renders = work / folder.resolve().name, RenderConfig()
    copy.mkdir()
    for path in (folder / MANIFEST, bundle.graph, bundle.task_graph):
        shutil.copy(path, copy / path.name)
    torch.manual_seed(0)
    net = build_decoder(PoseTrainConfig(data=work), renders).eval()
    entry = write_pose(net, renders, copy, (ANY_M, math.radians(ANY_DEG)), {})
    write_manifest(copy, replace(bundle.manifest, pose=entry))
    return Networks(load_bundle(copy), net, learned=False)


@contextmanager
def rig(fps: float, seed: int, work: Path) -> Iterator[list[int]]:
    """`sleight rig sim` with cameras; yields the ports of hand, referee, cameras."""
    free = ("--port", "0", "--referee_port", "0", "--cameras.port", "0")
    options = ("--seed", str(seed), "--cameras.fps", str(fps), "--log", str(work / "hand.jsonl"))
    process = subprocess.Popen(
        [sys.executable, "-m", "sleight", "rig", "sim", *free, *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = process.stdout.readline() + process.stdout.readline()
        numbers = [word.rpartition(":")[2] for word in lines.replace(",", "").split()]
        ports = [int(number) for number in numbers if number.isdecimal()]
        if len(ports) != 3:
            raise ConnectError("the simulated rig did not start, see above")
        yield ports
    finally:
        process.terminate()
        process.communicate()


def rig_file(args: argparse.Namespace, ports: Sequence[int], work: Path) -> RigConfig:
    """The config of the rig, with limits that let a run hold and continue instead of ending."""
    shown = RigCamerasConfig(fps=args.fps)
    return RigConfig(
        hand=HandConfig(host=HOST, port=ports[0], timeout_s=30.0),
        referee=RefereeEntry(HOST, ports[1]),
        cameras=write_truth(work, shown, args.seed, HOST, ports[2]),
        poses=CameraPosesConfig(open_timeout_s=60.0),
        pose_from=args.pose_from,
        loop=LoopConfig(hold_timeout_s=60.0, max_holds=1000, stop_after_s=5.0),
        log=LogEntry(dir=args.out, images_hz=args.images_hz),
        trials=10_000,
        duration_s=60.0 * args.minutes,
    )


def run(config: RigConfig, bundle: Bundle) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """Run; returns the folder, `result.json`, and `timing.json` including the pose network."""
    began_s = reported_s = time.monotonic()

    def show(_: Any) -> None:
        nonlocal reported_s
        if time.monotonic() - reported_s > 60.0:
            reported_s += 60.0
            sys.stderr.write(f"{reported_s - began_s:.0f} s of {config.duration_s:.0f}\n")

    with ExitStack() as stack:
        pose_source = None
        if config.pose_from != "cameras":
            # The network runs as usual, in the same thread; only its poses are not used.
            seeing = replace(config, pose_from="cameras", referee=None)
            cameras = stack.enter_context(connected_cameras(seeing, bundle))
            pose_source = stack.enter_context(connected_poses(seeing, bundle, cameras))
            config = replace(config, log=replace(config.log, images_hz=0.0))
        place, result = run_rig(config, bundle, lambda: False, show, only_simulated=True)
    timing = read_json(place / "timing.json")
    if pose_source is not None:
        timing["look_ms"] = spread_ms(list(pose_source.looks_s))
    return place, result, timing


def seen(config: RigConfig, bundle: Bundle) -> list[Views]:
    """A few sets of input pictures of the pose network."""
    config = replace(config, pose_from="cameras")
    views = []
    with (
        connected_cameras(config, bundle) as cameras,
        connected_poses(config, bundle, cameras) as poses,
    ):
        for _ in range(10):
            time.sleep(0.2)
            views.append(poses.views())  # type: ignore[attr-defined]
    return views


def in_torch(net: PoseDecoder) -> Callable[[np.ndarray, list[Placement]], np.ndarray]:
    """The pose network in torch with one thread; returns the position (3,) [m]."""
    torch.set_num_threads(1)

    def step(images: np.ndarray, at: list[Placement]) -> np.ndarray:
        feeds = {
            "images": images,
            "camera_position": np.array([place.position for place in at], np.float32),
            "camera_rotation": np.array([place.rotation for place in at], np.float32),
        }
        batch = {name: torch.from_numpy(feed)[None] for name, feed in feeds.items()}
        return net.read(batch).position.numpy()[0]

    return step


def pose_steps(nets: Networks, shown: list[Views]) -> list[str]:
    """Time of the pose network in ONNX Runtime and torch, and the difference of results."""
    entry = nets.bundle.manifest.pose
    assert entry is not None
    graph = OnnxPose(nets.bundle.pose_graph, entry)
    engines: dict[str, Callable[..., np.ndarray]] = {
        "ONNX Runtime": lambda *views: graph.see(*views).position
    }
    if nets.pose is not None:
        engines["torch"] = in_torch(nets.pose)
    took: dict[str, list[float]] = {name: [] for name in engines}
    apart_m = 0.0
    for index in range(LOOKS):
        answers = []
        for name, step in engines.items():
            started_s = time.perf_counter()
            answers.append(step(*shown[index % len(shown)]))
            took[name].append(time.perf_counter() - started_s)
        apart_m = max(apart_m, float(np.abs(answers[0] - answers[-1]).max()))
    lines = [line(f"pose, {name}, one thread", spread_ms(t[WARM_UP:])) for name, t in took.items()]
    without = "torch: set the network's run with --pose_run"
    return [*lines, f"positions differ by at most {apart_m:.1e} m" if nets.pose else without]


def line(name: str, spread: dict[str, float] | None) -> str:
    """A line of the table."""
    figures = " ".join(f"{spread[key]:8.2f}" for key in ("p50", "p99", "max")) if spread else "-"
    return f"{name:34} {figures}"


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = Parser("sleight bench timing", description=__doc__.split("\n", 1)[0])
    add = parser.add_argument
    add("bundle", type=Path, help="folder of the bundle")
    add("--minutes", type=float, default=10.0, help="duration of the run [min] (default: 10)")
    add(
        "--pose_from",
        choices=("cameras", "referee"),
        default="referee",
        help="poses for the policy",
    )
    add("--pose_run", type=Path, help="run of the bundle's pose network, for torch")
    add("--run", type=Path, help="run or checkpoint of the policy, for torch")
    add("--fps", type=float, default=30.0, help="frames per second of the rig's cameras")
    add(
        "--images_hz",
        type=float,
        default=1.0,
        help="rate of logged pictures, with --pose_from cameras",
    )
    add("--seed", type=seed_of, default=0, help="seed of the rig")
    add("--out", type=output_folder, default=Path("runs"), help="folder of the run folder")
    add("--json", type=output_file, help="also write the results to this JSON file")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run, then compare, then print."""
    args = arguments(argv)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        nets = networks(args.bundle, args.pose_run, work)
        with rig(args.fps, args.seed, work) as ports:
            config = rig_file(args, ports, work)
            place, result, timing = run(config, nets.bundle)
            shown = seen(config, nets.bundle)
        beside = args.bundle / "checkpoint"
        source = args.run or (beside if beside.is_dir() else None)
        policy = BENCH["torch_step"](source, nets.bundle) if source else None
        turns = [turn for turn in read_log(place).turns if turn["action"] is not None]
        saw = [sensors_of(turn) for turn in turns[: BENCH["WARM_UP"] + BENCH["TIMED_STEPS"]]]
        tables = pose_steps(nets, shown)
        tables += BENCH["timing"](nets.bundle, saw, policy) if saw else ["the policy never ran"]
    kind = "learned" if nets.learned else "of the standard size, untrained"
    print(f"{args.bundle}, pose from {args.pose_from}, pose network {kind}")
    print(
        f"{args.minutes:g} minutes at {1 / timing['period_s']:g} Hz: {timing['ticks']} turns,"
        f" {timing['late_ticks']} late by {1e3 * timing['late_is_s']:g} ms or more,"
        f" {timing['dropped_ticks']} dropped, {timing['held_ticks']} held in"
        f" {result['holds']} holds"
    )
    print(f"{'ms':34} {'p50':>8} {'p99':>8} {'max':>8}")
    print("\n".join(line(text, timing[f"{name}_ms"]) for name, text in ROWS.items()))
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print("\n".join(("", *tables, f"run {place}, load average {load}")))
    if args.json:
        write_json(args.json, {"minutes": args.minutes, "timing": timing, "tables": tables})
    return 0


if __name__ == "__main__":
    sys.exit(main())
