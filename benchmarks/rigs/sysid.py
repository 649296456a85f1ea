"""Accuracy of `sleight calibrate` on simulated hands with known parameters.

    sleight bench sysid [--seeds 0,1,2] [--no-effort] [--json FILE]

Each seed draws a hand as `sleight rig sim --seed N` does. The joints are swept as by `sleight rig
calibrate joints`, behind the gate but without real time, so that results do not depend on the load
of the machine. The fit uses only the recording; the hidden numbers are read for the comparison.
"""

from __future__ import annotations

import sys
from typing import Any

import mujoco
import numpy as np

from sleight import __version__
from sleight.contract.recording import Recording
from sleight.deploy.calibration.excitation import ExcitationConfig, excitation
from sleight.deploy.hand.gate import GateConfig, SafetyGate
from sleight.deploy.sim.plant_config import PlantConfig
from sleight.deploy.sim.simulated_body import Body
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.files import write_json
from sleight.flags import Parser, output_file, seed_of
from sleight.train.sysid.fit import Calibration, calibrate

HOME_TURNS = 15


def record(seed: int, config: ExcitationConfig | None = None) -> tuple[Recording, dict]:
    """A sweep of the hand drawn from `seed`, and its hidden numbers by row of the fit."""
    config, plant = config or ExcitationConfig(), PlantConfig()
    period_s = config.period_s
    body = Body(HAND, plant, seed)
    gate = SafetyGate(HAND, GateConfig(), period_s)
    gate.connect()
    gate.arm(HAND.home, 0.0)
    sweep = excitation(HAND, config, gate.limits)
    rows: dict[str, list[np.ndarray]] = {"target": [], "position": [], "effort": []}
    for turn, setpoint in enumerate(np.concatenate((np.tile(sweep[0], (HOME_TURNS, 1)), sweep))):
        joints, now_s = body.encoders.position.copy(), turn * period_s
        admitted = gate.admit(setpoint, joints, now_s).target
        gate.sent(admitted, now_s)
        for name, value in zip(rows, (admitted, joints, body.motors.force), strict=True):
            rows[name].append(value)
        body.motors.move(admitted, period_s)
        for _ in range(round(period_s / plant.timestep_s)):
            body.step()
    times_s = period_s * np.arange(len(rows["target"]))
    arrays = {name: np.array(values) for name, values in rows.items()}
    recording = Recording(f"seed {seed}", period_s, command_s=times_s, state_s=times_s, **arrays)
    return recording, truth(body, plant)


def truth(body: Body, plant: PlantConfig) -> dict[str, np.ndarray]:
    """Row of the fit -> true values, per motor or for the whole hand."""
    hidden, motors = body.hidden, len(HAND.actuators)
    joints = HAND.coupling / HAND.coupling.sum(axis=1, keepdims=True)
    return {
        "gain": hidden.gain,
        "lag": hidden.motor_lag_s,
        "slack": hidden.slack_rad,
        "deadband": np.array([plant.deadband_rad]),
        "latency": np.zeros(1),
        # A coupled pair has the geometric mean of both joints.
        "damping": np.exp(joints @ np.log(hidden.damping)),
        "friction": np.full(motors, plant.joint_friction),
    }


def errors(calibration: Calibration, hidden: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Row -> true and fitted mean, errors of motors, and number of values in their intervals."""
    table = {}
    for name, true in hidden.items():
        row = calibration.hand[name]
        away, identified = row.value - true, row.known
        table[name] = {
            "true": float(true.mean()),
            "fitted": row.mean,
            "half": row.mean_half,
            "rms_error": float(np.sqrt(np.square(away[identified]).mean()))
            if identified.any()
            else np.nan,
            "within": int((np.abs(away) <= row.half)[identified].sum()),
            "told": int(identified.sum()),
            "of": len(true),
        }
    return table


def markdown(tables: dict[int, dict[str, dict[str, float]]]) -> str:
    """All seeds as one table."""
    lines = [
        "| | seed | true mean | fitted mean | interval | error of the mean | rms error of each |"
        " in its interval | identified |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in next(iter(tables.values())):
        for seed, table in tables.items():
            row = table[name]
            away = row["fitted"] - row["true"]
            share = f" ({away / row['true']:+.0%})" if row["true"] else ""
            lines.append(
                f"| {name} | {seed} | {row['true']:.4g} | {row['fitted']:.4g}"
                f" | +-{row['half']:.2g} | {away:+.2g}{share} | {row['rms_error']:.2g}"
                f" | {row['within']} of {row['told']} | {row['told']} of {row['of']} |"
            )
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser("sleight bench sysid", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", default="0,1,2", help="seeds of the hands, separated by commas",
                        type=lambda text: [seed_of(word) for word in text.split(",")])  # fmt: skip
    parser.add_argument("--no-effort", action="store_true", help="fit angles only")
    parser.add_argument("--json", type=output_file, help="also write the results to this JSON file")
    args = parser.parse_args(argv)
    tables: dict[int, dict[str, dict[str, float]]] = {}
    results: dict[str, Any] = {
        "sleight": __version__,
        "mujoco": mujoco.__version__,
        "error_rad": {},
    }
    for seed in args.seeds:
        recording, hidden = record(seed)
        calibration = calibrate([recording], not args.no_effort, lambda _: None)
        tables[seed], results["error_rad"][seed] = (
            errors(calibration, hidden),
            calibration.error_rad,
        )
        if args.json:
            write_json(args.json, {**results, "seeds": tables})
    print(markdown(tables))
    print(f"\n{results}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
