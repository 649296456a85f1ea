"""How near `sleight calibrate` comes to hands whose hidden numbers are known.

    sleight bench sysid [--seeds 0,1,2] [--no-effort] [--json FILE]

Each seed draws a hand as `sleight rig sim --seed N` does. It sweeps its joints as by `sleight rig
calibrate joints`, behind the gate but without the clock, so that nothing hangs on the load of this
machine. The fit sees the recording alone; the hidden numbers are read here, to be compared with.
"""

from __future__ import annotations

import sys
from pathlib import Path
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
from sleight.flags import Parser, seed_of
from sleight.train.sysid.fit import Calibration, calibrate

HOME_TURNS = 15


def record(seed: int, config: ExcitationConfig | None = None) -> tuple[Recording, dict]:
    """A sweep of the hand that `seed` draws, and its hidden numbers by the rows of the fit."""
    config, plant = config or ExcitationConfig(), PlantConfig()
    period_s = config.period_s
    body = Body(HAND, plant, seed)
    gate = SafetyGate(HAND, GateConfig(), period_s)
    gate.connect()
    gate.arm(HAND.home, 0.0)
    sweep = excitation(HAND, config, gate.limits)
    rows: dict[str, list[np.ndarray]] = {"target": [], "position": [], "effort": []}
    for turn, wanted in enumerate(np.concatenate((np.tile(sweep[0], (HOME_TURNS, 1)), sweep))):
        joints, now_s = body.encoders.position.copy(), turn * period_s
        admitted = gate.admit(wanted, joints, now_s).target
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
    """Row of the fit -> what the hand really has, for each motor or for the hand."""
    hidden, motors = body.hidden, len(HAND.actuators)
    joints = HAND.coupling / HAND.coupling.sum(axis=1, keepdims=True)
    return {
        "gain": hidden.gain,
        "lag": hidden.motor_lag_s,
        "slack": hidden.slack_rad,
        "deadband": np.array([plant.deadband_rad]),
        "latency": np.zeros(1),
        # Of a pair: the geometric mean of both joints.
        "damping": np.exp(joints @ np.log(hidden.damping)),
        "friction": np.full(motors, plant.joint_friction),
    }


def errors(found: Calibration, hidden: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Row -> true and fitted mean, error of each motor, and how many lie in their intervals."""
    table = {}
    for name, true in hidden.items():
        row = found.hand[name]
        away, known = row.value - true, row.known
        table[name] = {
            "true": float(true.mean()),
            "fitted": row.mean,
            "half": row.mean_half,
            "rms_error": float(np.sqrt(np.square(away[known]).mean())) if known.any() else np.nan,
            "within": int((np.abs(away) <= row.half)[known].sum()),
            "told": int(known.sum()),
            "of": len(true),
        }
    return table


def markdown(tables: dict[int, dict[str, dict[str, float]]]) -> str:
    """All seeds as one table."""
    lines = [
        "| | seed | true mean | fitted mean | interval | error of the mean | rms error of each |"
        " in its interval | told |",
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
    parser.add_argument("--seeds", default="0,1,2", help="of the hands, with commas between them",
                        type=lambda text: [seed_of(word) for word in text.split(",")])  # fmt: skip
    parser.add_argument("--no-effort", action="store_true", help="by angles alone")
    parser.add_argument("--json", type=Path, help="write all that was measured here as well")
    asked = parser.parse_args(argv)
    tables: dict[int, dict[str, dict[str, float]]] = {}
    said: dict[str, Any] = {"sleight": __version__, "mujoco": mujoco.__version__, "error_rad": {}}
    for seed in asked.seeds:
        recording, hidden = record(seed)
        found = calibrate([recording], not asked.no_effort, lambda _: None)
        tables[seed], said["error_rad"][seed] = errors(found, hidden), found.error_rad
        if asked.json:
            write_json(asked.json, {**said, "seeds": tables})
    print(markdown(tables))
    print(f"\n{said}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
