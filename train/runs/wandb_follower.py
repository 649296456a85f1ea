"""The process beside a run that sends to Weights & Biases what the run's folder holds.

It is started by `track`; its standard input ends with the process that trains.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import select
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import wandb

from ...config import yamlfile
from ...errors import SleightError
from ...files import read_json, write_text
from . import checkpoint_files

EVERY_S = 3.0
CHECKPOINT_S = 1800.0
"""Between checkpoints that are uploaded; the last one always is."""
INIT_S, FINISH_S = 30, 120
ERROR = "wandb/error.txt"


def main(words: list[str]) -> int:
    """`follow FOLDER MODE`, or `record FOLDER MODE` with the job on the standard input."""
    os.nice(10)  # the run comes first
    kind, folder, mode = words[0], Path(words[1]), words[2]
    try:
        if kind == "follow":
            Follower(folder, mode).run()
        else:
            record(folder, mode, json.loads(sys.stdin.read()))
    except (wandb.Error, OSError, SleightError, ValueError, TypeError) as error:
        line = f"{mode}: {type(error).__name__}: {' '.join(str(error).split())}"
        write_text(folder / ERROR, f"{line}\n")
        return 1
    return 0


class Follower:
    """Curves, ranges, videos, checkpoints and evaluations of one run folder."""

    def __init__(self, folder: Path, mode: str) -> None:
        self.folder = folder
        self._offset = 0
        self._steps = 0
        self._sent: set[str] = set()
        self._uploaded = time.monotonic()
        self._run = _open(folder, mode, _settings(folder), "train", _id(folder))
        self._first = int(self._run.step)

    def run(self) -> None:
        """Until the run's process has ended and everything is sent."""
        while not _ended(EVERY_S):
            self._look()
            if time.monotonic() - self._uploaded > CHECKPOINT_S:
                self._checkpoint()
        self._look()
        self._checkpoint()
        self._run.finish()

    def _look(self) -> None:
        for row in self._rows():
            self._steps = int(row.get("steps", self._steps))
            if self._steps > self._first:  # what an earlier part of the run sent is there
                self._run.log(curves(row), step=self._steps)
        for video in sorted(self.folder.glob("videos/*.mp4")):
            if video.name not in self._sent and not video.name.startswith("."):  # half written
                self._sent.add(video.name)
                self._run.log({"video": wandb.Video(str(video), format="mp4")}, step=self._steps)
        path = self.folder / "eval.json"
        if path.is_file() and path.name not in self._sent:
            self._sent.add(path.name)
            with suppress(SleightError):  # a file that is damaged is left out
                if isinstance(result := read_json(path), dict):
                    self._run.log(tables(result), step=self._steps)

    def _rows(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl since the last look."""
        path = self.folder / "metrics.jsonl"
        if not path.is_file():
            return []
        with path.open("rb") as file:
            file.seek(self._offset)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._offset += len(whole)
        rows = []
        for line in whole.splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                rows.append(row)
        return rows

    def _checkpoint(self) -> None:
        self._uploaded = time.monotonic()
        saved = checkpoint_files.complete(self.folder / "checkpoints")
        if saved:
            self._run.log_artifact(artifact_of(saved[-1]), aliases=["latest", saved[-1].name])


def record(folder: Path, mode: str, job: dict[str, Any]) -> None:
    """An evaluation or an export: what it used, what it made."""
    used = artifact_of(Path(job["uses"]))
    # Offline nothing can be marked as used; its digest says the same to whoever looks.
    config = {**job.get("settings", {}), "uses": {"name": used.name, "digest": used.digest}}
    run = _open(folder, mode, config, job["kind"], None)
    if mode == "online":
        run.use_artifact(used)
    if job["kind"] == "eval":
        run.log(tables(job["result"]))
        made = wandb.Artifact(_clean(f"evaluation-{used.name}"), "evaluation", metadata=config)
        with made.new_file("eval.json") as file:
            json.dump(job["result"], file)
    else:
        made = artifact_of(Path(job["bundle"]), {"uses": config["uses"]})
    run.log_artifact(made)
    run.finish()


def artifact_of(path: Path, metadata: dict[str, Any] | None = None) -> Any:
    """A checkpoint, the newest of a run, or a bundle. The same files are the same version."""
    if (path / "bundle.json").is_file():
        name, kind = f"bundle-{path.resolve().name}", "bundle"
    else:
        path = checkpoint_files.find(path)
        name, kind = f"checkpoint-{path.resolve().parent.parent.name}", "checkpoint"
        metadata = {**(metadata or {}), "steps": checkpoint_files.read_meta(path)["steps"]}
    made = wandb.Artifact(_clean(name), kind, metadata=metadata)
    made.add_dir(str(path))
    return made


def curves(row: dict[str, Any]) -> dict[str, Any]:
    """A line of the metrics as W&B plots it: the two ends of a range are two curves."""
    values: dict[str, Any] = {}
    for name, value in row.items():
        if name.startswith("range/") and isinstance(value, list) and len(value) == 2:
            values[f"{name}/low"], values[f"{name}/high"] = value
        elif name != "steps":
            values[name] = value
    return values


def tables(result: dict[str, Any]) -> dict[str, Any]:
    """An evaluation: every trial as a table, and its numbers."""
    trials = list(enumerate(result.get("trials", [])))
    values: dict[str, Any] = {"eval/trials": wandb.Table(["trial", "successes"], data=trials)}
    for name in ("mean", "standard_error", "median", "max", "drops", "timeouts"):
        if isinstance(result.get(name), int | float):
            values[f"eval/{name}"] = result[name]
    return values


def _open(folder: Path, mode: str, config: dict[str, Any], kind: str, name: str | None) -> Any:
    return wandb.init(
        project=os.environ.get("WANDB_PROJECT", "sleight"),
        name=folder.resolve().name,
        dir=str(folder),
        config=config,
        mode="online" if mode == "online" else "offline",
        id=name,
        resume="allow" if name else None,
        job_type=kind,
        settings=wandb.Settings(
            init_timeout=INIT_S,
            finish_timeout=FINISH_S,
            finish_timeout_raises=False,
            console="off",
            silent=True,
            disable_git=True,
        ),
    )


def _id(folder: Path) -> str:
    """The W&B run of this run folder, the same after --resume; an agent brings its own."""
    if run_id := os.environ.get("WANDB_RUN_ID"):
        return run_id
    path = folder / "wandb" / "id.txt"
    if not path.is_file():
        write_text(path, secrets.token_hex(4))
    return path.read_text().strip()


def _settings(folder: Path) -> dict[str, Any]:
    config = yamlfile.read(folder / "config.yaml")
    return config if isinstance(config, dict) else {}


def _ended(seconds: float) -> bool:
    """Wait; whether the process that trains has ended meanwhile."""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(ready) and not os.read(sys.stdin.fileno(), 1)


def _clean(name: str) -> str:
    return re.sub(r"[^\w.-]", "-", name)[:120]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
