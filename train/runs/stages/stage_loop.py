"""From stage to stage: the loop, with the hooks that fill the folder of the run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from ....errors import SleightError
from ..interrupt import Interrupt
from ..metrics import MetricsFile
from ..progress import ProgressBar
from ..training_loop import Hook, Metrics, Training, run
from ..wandb_tracker import Tracker
from .begin import begun
from .behind_curve import BehindCurve
from .ends import keep_end, save
from .plan import Stage


def run_stages(
    plan: Sequence[Stage],
    index: int,
    training: Training,
    work: ExitStack,
    folder: Path,
    resume_at: int | None = None,
) -> None:
    """Train from a stage to the end of the last one. Raises KeyboardInterrupt when stopped.

    training: the stage `index`, which ends with `work`; resume_at: steps after which rows of the
    metrics are to be written anew.
    """
    metrics = MetricsFile(folder / "metrics.jsonl", resume_at)
    tracker = Tracker(training.config.wandb, folder)
    with Interrupt() as stop:
        _train(plan, index, training, folder, metrics, stop)
        while may_go_on(plan, index, training) and not stop():
            work.close()
            index += 1
            training = next_stage(plan[index], training.steps, training.seconds, work, folder)
            if not stop():
                _train(plan, index, training, folder, metrics, stop)
    tracker.close()
    if stop():
        sys.stderr.write(f"stopped; continue with: sleight train --resume {folder}\n")
        raise KeyboardInterrupt


def may_go_on(plan: Sequence[Stage], index: int, training: Training) -> bool:
    """Whether the next stage begins now."""
    return training.ended and index + 1 < len(plan) and not paused(training)


def paused(training: Training) -> bool:
    """Whether the run is to stop here, and to be resumed."""
    return 0 < training.config.pause_steps <= training.steps


def next_stage(stage: Stage, steps: int, seconds: float, work: ExitStack, folder: Path) -> Training:
    """A stage that begins after `steps` and `seconds` of the run, in `work`."""
    training = work.enter_context(begun(stage, folder))
    training.steps, training.seconds = steps, seconds
    training.stage = stage.state(steps)
    return training


def _train(
    plan: Sequence[Stage],
    index: int,
    training: Training,
    folder: Path,
    metrics: MetricsFile,
    stop: Callable[[], bool],
) -> None:
    """One stage to its end, or to where it is stopped or paused; it is saved there."""
    stage, first = plan[index], training.stage.first_step
    title = f"{folder.name}: stage {index + 1}/{len(plan)} {stage.name}"
    title = title if stage.name else folder.name
    with ProgressBar(title, training.config.steps, training.steps - first) as bar:

        def log(training: Training, row: Metrics) -> None:
            metrics.write(row)
            in_all = f"  {training.steps:,} steps in all" if stage.name else ""
            bar.update(training.steps - first, note(row) + in_all)

        def ends() -> bool:
            return stop() or paused(training)

        # A run that is resumed where it already is has nothing to do. What has just begun makes one
        # iteration even if it is stopped before, as there is nothing to save yet.
        if training.steps == first or not ends():
            hooks = [Hook(log), Hook(BehindCurve(folder)), *_hooks(training, folder)]
            run(training, hooks, ends)
        saved = save(training, folder)
    if stage.name and training.ended:
        keep_end(stage, folder, saved)
        sys.stderr.write(f"{title} ended after {training.steps - first:,} steps\n")


def _hooks(training: Training, folder: Path) -> list[Hook]:
    config = training.config
    hooks = [Hook(lambda training, row: save(training, folder), every_s=config.checkpoint_s)]
    if config.video_steps:
        hooks.append(Hook(_recording(folder), every_steps=config.video_steps))
    return hooks


def _recording(folder: Path) -> Callable[[Training, Metrics], None]:
    """Records videos of the present actor; where the machine cannot render, the run continues."""
    from ...reports.video import checkpoint_video

    able = True

    def video(training: Training, row: Metrics) -> None:
        nonlocal able
        try:
            if able:
                checkpoint_video(training, folder)
        except SleightError as error:
            able = False
            sys.stderr.write(f"no videos: {error}\n")

    return video


def note(row: Metrics) -> str:
    """What the progress shows of a row of metrics."""
    parts = [f"sim {row['sim_share']:.0%}"]
    if "successes_mean" in row:
        parts.insert(0, f"successes {row['successes_mean']:.2f}  drops {row['drop_rate']:.0%}")
    if "range/goal.angle" in row:
        parts.append(f"goals up to {row['range/goal.angle'][1]:.2f} rad")
    if "adr_entropy" in row:
        parts.append(f"entropy {row['adr_entropy']:.2f} npd")
    if "kl_to_teacher" in row:
        parts.append(f"student acts {row['student_share']:.0%}")
        parts.append(f"KL to the teacher {row['kl_to_teacher']:.3f} nats")
    if row["broken_worlds"]:
        parts.append(f"physics broke in {row['broken_worlds']} worlds, kept in failures/")
    if "workers" in row:
        rates = [rate for name, rate in row.items() if name.endswith("/steps_per_second")]
        parts.append(f"{row['workers']} workers of {sum(rates) / len(rates):,.0f}/s")
        parts.append(f"policy lag {row['lag_mean']:.1f}  queue {row['queue']}")
        seconds = (f"{name[:-2]} {row[name]:.2f}" for name in ("sim_s", "transfer_s", "learn_s"))
        parts.append(f"{'  '.join(seconds)} s")
    return "  ".join(parts)
