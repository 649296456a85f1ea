"""`sleight vision widen`: trains on renders whose ranges automatic domain randomization widens.

Rendering is expensive, so every render is used twice. First the network is evaluated on it, which
decides about the ranges; then the network is trained on it. (Solving Rubik's Cube with a Robot
Hand, appendix C.3, does not train on the renders at boundaries; it could render more.)
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ...adr import persistence
from ...adr.adr_config import Dimension
from ...adr.decisions import Reports, decide
from ...adr.sampling import sample
from ...adr.state import AdrState, entropy, initial
from ...config import load, save
from ...envs.randomization.parameter import Laws
from ...errors import CheckpointError
from ...files import atomic_path, write_bytes
from ...vision.renders.object_states import chosen
from ...vision.renders.render_job import STATES, render
from ...vision.renders.render_parameters import BY_NAME, lookup, widened
from ...vision.renders.render_values import RenderValues
from ...vision.renders.shards import Renders, open_renders
from ..rollout.adr_source import dimension_of, physical_ranges
from ..runs.folder_lock import FolderLock
from ..runs.interrupt import Interrupt
from ..runs.metrics import MetricsFile
from ..runs.progress import ProgressBar
from ..runs.session import check_new
from .config import WidenConfig
from .pose_evaluation import NetReader, Reader, judge
from .pose_learner import Learner, load_pose_run
from .render_batches import Joined, batches

RENDERS = "renders"


def start(config: WidenConfig) -> Path:
    """Start a new run; returns its folder. Raises ConfigError, DataError, CheckpointError."""
    if not config.name:
        config = replace(config, name=f"pose-adr-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    folder = config.runs / config.name
    check_new(folder)
    widening = Widening(config, folder)
    if config.warm_start:
        widening.take_weights(config.warm_start)
    with FolderLock(folder):
        save(config, folder / "config.yaml")
        widening.run(None)
    return folder


def resume(folder: Path, overrides: list[str]) -> Path:
    """Continue after the last complete round. Raises ConfigError, CheckpointError."""
    config = load(WidenConfig, folder / "config.yaml", overrides)
    with FolderLock(folder):
        widening = Widening(config, folder)
        widening.restore()
        save(config, folder / "config.yaml")
        widening.run(widening.learner.samples_seen)
    return folder


def table(config: WidenConfig) -> tuple[Dimension, ...]:
    """The parameters that ADR widens in this run. Raises ConfigError."""
    steps = config.adr.step_sizes.items()
    return tuple(dimension_of(lookup(name, "adr.step_sizes"), step) for name, step in steps)


class Widening:
    """The state of one run: the network, the ranges, and the number of the round."""

    def __init__(self, config: WidenConfig, folder: Path) -> None:
        """Raises ConfigError."""
        self.config, self.folder = config, folder
        self.adr: AdrState = initial(table(config), config.adr)
        self.learner = Learner(config.learning(folder / RENDERS), config.render)
        self.round = 0

    def take_weights(self, run: Path) -> None:
        """Start from the network of another run. Raises CheckpointError."""
        config, decoder, renders = load_pose_run(run)
        ours = (self.config.keypoints, self.config.render.cameras)
        if (config.keypoints, renders.cameras) != ours:
            raise CheckpointError(
                f"{run}: got a network of {config.keypoints} and its own cameras, allowed:"
                " `keypoints` and `render.cameras` of this config"
            )
        self.learner.decoder.load_state_dict(decoder.state_dict())

    def restore(self) -> None:
        """Continue from the newest checkpoint. Raises CheckpointError."""
        meta = self.learner.restore(self.folder)
        self.adr = persistence.from_data(meta["adr"], table(self.config), str(self.folder))
        self.round = meta["round"]

    def run(self, resume_at: int | None) -> None:
        """Run until the last round or Ctrl-C; the current round is finished and saved."""
        metrics = MetricsFile(self.folder / "metrics.jsonl", resume_at)
        title = f"widen {self.folder.name}"
        with (
            Interrupt() as stop,
            ProgressBar(title, self.config.rounds, self.round, "rounds") as bar,
        ):
            while self.round < self.config.rounds and not stop():
                row = self.turn()
                metrics.write(row)
                within = f"{row['within']:.0%} within the target"
                bar.update(self.round, f"{within}, entropy {row['adr_entropy']:.2f} npd")
        if stop():
            raise KeyboardInterrupt

    def turn(self) -> dict[str, Any]:
        """Run and save one round; returns its metrics."""
        renders = render_round(self.config, self.adr, self.round, self.folder / RENDERS)
        reader = NetReader(self.learner.decoder, self.config.device)
        first = self.round * self.config.round_samples
        self.adr, row = measure(
            reader, renders, self.adr, self.config, self.learner.samples_seen, first
        )
        self.learner.decoder.train()
        row["loss"] = self._learn()
        self.round += 1
        row = {"steps": self.learner.samples_seen, "round": self.round, **row}
        self._save()
        return row

    def _learn(self) -> float:
        """Train on the renders of the newest rounds; returns the mean loss."""
        newest = range(max(0, self.round + 1 - self.config.keep_rounds), self.round + 1)
        renders = Joined([open_renders(place(self.folder / RENDERS, i)) for i in newest])
        c, end = self.config, self.learner.samples_seen + self.config.round_training_samples
        losses: list[float] = []
        for batch in batches(
            renders, c.batch_size, c.shuffle_shards, c.seed + 1_000_003 * self.round
        ):
            losses.append(self.learner.step(batch))
            if self.learner.samples_seen >= end:
                break
        return float(np.mean(losses))

    def _save(self) -> None:
        """Write a checkpoint, and adr.json for reports."""
        render_config = widened(self.config.render, physical_ranges(self.adr, BY_NAME))
        adr = persistence.to_data(self.adr)
        self.learner.save(self.folder, render_config, adr=adr, round=self.round)
        persistence.save(self.adr, self.folder / "adr.json")
        old = place(self.folder / RENDERS, self.round - self.config.keep_rounds)
        if self.round >= self.config.keep_rounds:
            shutil.rmtree(old, ignore_errors=True)


def place(folder: Path, number: int) -> Path:
    """The folder of one round's renders."""
    return folder / f"round-{number:05d}"


def render_round(config: WidenConfig, adr: AdrState, number: int, folder: Path) -> Renders:
    """The renders of round `number`, drawn from the ranges of `adr`, some at a boundary.

    The same state and number give the same renders; existing ones are kept. Raises SleightError.
    """
    states, own = folder / STATES, place(folder, number)
    if not states.is_file():
        with atomic_path(states) as temporary:
            np.save(temporary, chosen(config.render), allow_pickle=False)
    write_bytes(own / STATES, states.read_bytes())
    seed = int(np.random.SeedSequence([config.seed, number]).generate_state(1)[0])
    draws = draw(adr, config, np.random.default_rng([config.seed, number, 0xADA]))
    render(replace(config.render, seed=seed), config.round_samples, own, draws=draws)
    return open_renders(own)


def draw(adr: AdrState, config: WidenConfig, rng: np.random.Generator) -> RenderValues:
    """The parameters of the samples of a round."""
    drawn = sample(adr, config.adr, rng, config.round_samples)
    rows = [BY_NAME[dimension.name] for dimension in adr.dimensions]
    names = tuple(row.name for row in rows)
    return RenderValues(names, Laws(rows)(drawn.lam), drawn.boundary, drawn.version)


def measure(
    reader: Reader, renders: Renders, adr: AdrState, config: WidenConfig, step: int, first: int
) -> tuple[AdrState, dict[str, Any]]:
    """Evaluate new renders and update the ranges; returns the new state and the metrics.

    A sample counts 1 within both target errors, otherwise 0. first: number of the first sample in
    the run; step: number of samples that the network was trained on.
    """
    errors = judge(reader, renders).errors
    tags = [(shard["boundary"], shard["version"]) for shard in renders.shards()]
    boundary, version = (np.concatenate(column) for column in zip(*tags, strict=True))
    within = (errors.position_mm <= config.target_mm) & (errors.rotation_deg <= config.target_deg)
    reports = Reports(
        tuple(boundary.tolist()),
        tuple(version.tolist()),
        tuple(within.astype(float).tolist()),
        tuple(range(first, first + len(within))),
        step,
    )
    new_state = decide(adr, config.adr, reports)
    row: dict[str, Any] = {
        "within": _share(within[boundary < 0]),
        "within_boundary": _share(within[boundary >= 0]),
        "position_mm": float(np.median(errors.position_mm)),
        "rotation_deg": float(np.median(errors.rotation_deg)),
        "adr_entropy": entropy(new_state, config.adr),
    }
    for name, ends in physical_ranges(new_state, BY_NAME).items():
        row[f"range/{name}"] = list(ends)
    return new_state, row


def _share(hits: np.ndarray) -> float:
    return float(hits.mean()) if len(hits) else 0.0
