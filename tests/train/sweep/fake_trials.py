"""Runs that are numbers, and a sweep over them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sleight.train.sweep import runner
from sleight.train.sweep import sweep_folder as sweep_folder
from sleight.train.sweep.config import FieldConfig

GAMMAS = FieldConfig(values=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9))
STEPS = 900
Write = Callable[..., Path]


@dataclass
class FakeTrial:
    """A run that advances by 100 steps each time it is looked at; its score follows from its
    settings and its seed."""

    sweep: Path
    name: str
    world: dict[str, Any]

    def start(self, words: list[str], threads: int = 0) -> None:
        flags = dict(w[2:].split("=", 1) for w in words if w.startswith("--"))
        seed = int(flags["seed"])
        good = float(flags.get("ppo.gamma", 0.5)) + 10 * float(flags.get("ppo.clip_range", 0.0))
        steps = self.steps()  # it goes on from where it was
        run = {"steps": steps, "good": good + 0.01 * seed, "alive": True}
        self.world[self.name] = run
        self.world.setdefault("started", []).append(self.name)

    def running(self) -> bool:
        run = self.world.get(self.name)
        if run is None or not run["alive"]:
            return False
        run["steps"] += 100
        run["alive"] = run["steps"] < STEPS
        return bool(run["alive"])

    def ask_to_stop(self) -> None:
        self.world[self.name]["alive"] = False

    def steps(self) -> int:
        return int(self.world.get(self.name, {"steps": 0})["steps"])

    seen = steps

    def score(self, metric: str, at: int) -> float | None:
        if self.world[self.name]["good"] > 90:
            return None
        return float(self.world[self.name]["good"] * at / STEPS)

    def failure(self) -> str:
        return "it said no"

    def killed(self) -> bool:
        return False


def run_sweep(source: Path, again: bool = False) -> runner.Runner:
    config, folder = sweep_folder.place(source)
    opened = (sweep_folder.reopen if again else sweep_folder.create)(config, folder, source)
    made = runner.Runner(config, *opened, folder, lambda line: None)
    made.run()
    return made
