"""The cases: which file is mangled, which command reads it, and what shows that it was done."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from . import mangle

Rng = random.Random
CLIMBING = (
    "../../outside/canary", "../../../outside", "..", ".", "/", "/dev/null", "/etc/passwd", "%00",
    "a/../..", "../outside/x", "", " ", "-", "--help", "x\n", "x" * 300, "a\\..\\b", "~", "\ud800",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A command on the samples after `change`."""

    words: tuple[str, ...]
    proofs: tuple[str, ...] = ()
    """Files that exist if it says that it is done."""
    may_be_late: bool = False
    """It works on for long where the input is good."""
    limit_s: float = 60.0


@dataclass(frozen=True)
class Family:
    """Commands that read a kind of file."""

    name: str
    weight: int
    files: tuple[str, ...]
    """Patterns of the samples that are mangled."""
    cases: tuple[Case, ...]
    copies: tuple[str, ...] = ()
    """Samples that a case needs; empty: the first folder of the pattern."""


def _case(line: str, *proofs: str, late: bool = False) -> Case:
    return Case(tuple(line.split()), proofs, late)


LINKS = {"a link to nowhere": "nowhere", "a link to itself": "{name}",
         "a link out": "{above}/outside/canary"}  # fmt: skip
SPOILS = {"mangled": 40, "missing": 1, "a folder": 1, "another's content": 1} | dict.fromkeys(
    LINKS, 1
)
"""Ways in which files go bad, with their weights."""
REFUSED = "--warm_start nowhere"
"""Ends a training that would begin, once its config is read."""
FAMILIES = (
    Family("training config", 14, ("train.yaml",), (
        _case(f"train train.yaml --name n --runs . {REFUSED}"),
        _case(f"train train.yaml --name n --runs . {REFUSED}"),
        _case(f"train train.yaml --name n --runs . {REFUSED}"),
        _case("train train.yaml --name n --runs . --steps 128", "n/config.yaml",
              "n/checkpoints/*/checkpoint.json", late=True),
        _case("calibrate recording.csv --base train.yaml --out new.yaml", "new.yaml"),
    ), ("train.yaml", "recording.csv")),
    Family("rig file", 12, ("rig.yaml",), (
        _case("rig check rig.yaml"), _case("rig run rig.yaml --yes-sim"),
        _case("rig calibrate cameras rig.yaml"), _case("rig dry-run rig.yaml"),
        _case("rig wiggle rig.yaml --yes-sim"),
    ), ("rig.yaml", "bundle")),
    Family("simulated rig", 3, ("sim.yaml",), (
        Case(("rig", "sim", "sim.yaml"), (), True, 5.0),
    ), ("sim.yaml",)),
    Family("bundle", 14, ("bundle/*",), (
        _case("rig check bundle --hand.port 1 --log.min_free_mb 10"),
        _case("rig check bundle --hand.port 1 --log.min_free_mb 10"),
        _case("rig replay rig bundle"),
        _case("eval bundle --trials 1 --goals.timeout_s 0.4 --json done.json", "done.json",
              late=True),
        _case("train train.yaml --name n --runs . --steps 128 --warm_start bundle",
              "n/checkpoints/*/checkpoint.json", late=True),
        _case("train train.yaml --name n --runs . --steps 128 --algorithm clone"
              " --clone.teacher bundle", "n/checkpoints/*/checkpoint.json", late=True),
    ), ("bundle", "rig", "train.yaml")),
    Family("run", 18, (
        "run/config.yaml", "run/metrics.jsonl", "run/adr.json", "run/checkpoints/*/checkpoint.json",
        "run/checkpoints/*/weights.safetensors", "run/checkpoints/*/state.safetensors",
    ), (
        _case("report run", "run/report.html"), _case("runs --runs ."),
        _case("runs run --runs . --html page.html", "page.html"),
        _case("adr report run --out page", "page*"),
        _case("export run --out new", "new/bundle.json", "new/policy.onnx"),
        _case("train --resume run --steps 384", "run/checkpoints/*384/checkpoint.json", late=True),
        _case("eval run --trials 1 --goals.timeout_s 0.4 --json done.json", "done.json", late=True),
    ), ("run",)),
    Family("rig run", 12, ("rig/run.mcap", "rig/*.json", "rig/*.yaml"), (
        _case("rig replay rig bundle"), _case("rig report rig", "rig/report.html"),
        _case("rig report rig --as_ranges ranges.yaml", "ranges.yaml"),
        _case("report run --rig rig", "run/report.html"),
        _case("calibrate rig --csv new.csv", "new.csv"),
        _case("data from-rig rig new", "new/demonstrations.json"),
    ), ("rig", "bundle", "run")),
    Family("demonstrations", 6, ("demonstrations/*",), (
        _case("data show demonstrations"),
        _case("clone --clone.data demonstrations --name n --runs . --steps 64 --env.num_worlds 2"
              " --rollout.horizon 16 --clone.minibatches 1 --wandb off",
              "n/checkpoints/*/checkpoint.json", late=True),
    ), ("demonstrations",)),
    Family("recording", 10, ("recording.csv",), (
        _case("calibrate recording.csv --csv new.csv", "new.csv"),
        _case("calibrate recording.csv --csv new.csv --at-once", "new.csv"),
    ), ("recording.csv",)),
    Family("result", 3, ("eval.json", "run/metrics.jsonl"), (
        _case("report run --eval eval.json", "run/report.html"),
        _case("report run --expected run/metrics.jsonl", "run/report.html"),
    ), ("eval.json", "run")),
    Family("validation set", 4, ("failures.json", "validation.json"), (
        _case("eval bundle --failures failures.json --tries 1 --json done.json", "done.json",
              late=True),
        _case("eval bundle --failures failures.json --tries 1 --against validation.json",
              late=True),
        _case("report run --validation validation.json", "run/report.html"),
    ), ("failures.json", "validation.json", "bundle", "run")),
    Family("renders", 6, ("renders/dataset.json", "renders/config.yaml", "renders/*.safetensors"), (
        _case("vision train --data renders --name n --runs . --training_samples 2 --batch_size 2",
              late=True),
    ), ("renders",)),
    Family("states", 2, ("states.npy",), (
        _case("vision render --count 1 --out new --states.file states.npy", "new/dataset.json",
              late=True),
    ), ("states.npy",)),
    Family("sweep", 8, (
        "runs/sweep/journal.jsonl", "runs/sweep/*.yaml", "sweep.yaml", "runs/sweep/*/*.json*",
    ), (
        _case("sweep sweep.yaml --report", "runs/sweep/report.html"),
        _case("sweep sweep.yaml --report", "runs/sweep/report.html"),
        _case("sweep sweep.yaml --resume", late=True),
    ), ("runs", "sweep.yaml", "train.yaml")),
    Family("record of a check", 2, ("logs/checks/*.json",), (
        _case("rig run rig.yaml --yes-sim"),
    ), ("logs", "rig.yaml", "bundle")),
    Family("camera files", 8, ("calibration/*", "cameras.yaml"), (
        _case("rig check cameras.yaml"), _case("rig run cameras.yaml --yes-sim"),
        _case("rig dry-run cameras.yaml"),
        _case("rig calibrate cameras cameras.yaml", "new/*.yaml"),
        _case("rig calibrate extrinsics cameras.yaml", "new/*.yaml"),
    ), ("calibration", "cameras.yaml", "seeing")),
    Family("pose network", 4, ("seeing/*",), (
        _case("vision eval seeing --data held --json done.json", "done.json", late=True),
        _case("rig check cameras.yaml"),
    ), ("seeing", "held", "calibration", "cameras.yaml")),
    Family("pose run", 5, (
        "pose/config.yaml", "pose/metrics.jsonl", "pose/checkpoints/*/*",
    ), (
        _case("vision train --resume pose --training_samples 4", late=True),
        _case("vision eval pose --data held --json done.json", "done.json", late=True),
        _case("vision export pose --bundle seeing --test held", "seeing/pose.onnx", late=True),
    ), ("pose", "renders", "held", "seeing")),
    Family("ADR state", 2, ("run/adr.json",), (
        _case("adr report run/adr.json --out page", "page*"),
    ), ("run",)),
    Family("secret", 1, ("secret",), (
        _case("rig check rig.yaml --hand.secret secret"),
        Case(("rig", "sim", "sim.yaml", "--secret", "secret"), (), True, 5.0),
    ), ("secret", "rig.yaml", "bundle", "sim.yaml")),
    Family("measurement", 3, ("scale.json", "transfer.json"), (
        _case("bench scale --simulate scale.json --plot plot.png", "plot.png"),
        _case("bench sim_to_sim --join transfer.json"),
        _case("report run --transfer transfer.json", "run/report.html"),
    ), ("scale.json", "transfer.json", "run")),
)  # fmt: skip
NAMES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("train.yaml",), f"train train.yaml --runs . {REFUSED} --name NAME"),
    (("train.yaml",), "train train.yaml --runs runs --steps 128 --name NAME"),
    (("run",), "export run --out new --name NAME"),
    (("rig.yaml", "bundle"), "rig check rig.yaml --rig.name NAME"),
    (("rig.yaml", "bundle"), "rig check rig.yaml --rig.serial NAME"),
    (("run",), "runs NAME --runs ."),
    (("train.yaml",), "train --resume NAME"),
    (("run",), "eval NAME --trials 1"),
    (
        ("renders",),
        "vision train --data renders --runs . --training_samples 2 --batch_size 2 --name NAME",
    ),
    (("run",), "report run --eval NAME"),
    (("run",), "play NAME --video new.mp4"),
)
"""Names that a user may give; none of them may lead out of the folder it belongs to."""


def prepare(
    number: int, rng: Rng, samples: Path, folder: Path, only: Collection[str] = ()
) -> tuple[str, Case]:
    """Fill `folder` with the samples of a case, mangle one, and say what is to be run.

    only: names of families; empty: all, and names that climb.
    """
    if rng.random() < 0.1 and not only:
        return _names(rng, samples, folder)
    families = [family for family in FAMILIES if not only or family.name in only]
    family = rng.choices(families, [family.weight for family in families])[0]
    _copy(family.copies, samples, folder)
    files = sorted(
        path for pattern in family.files for path in folder.glob(pattern) if path.is_file()
    )
    path = rng.choice(files)
    what = _spoil(path, rng, folder)
    case = rng.choice(family.cases)
    return f"{family.name}: {path.relative_to(folder)} {what}: {' '.join(case.words)}", case


def _names(rng: Rng, samples: Path, folder: Path) -> tuple[str, Case]:
    needs, line = rng.choice(NAMES)
    _copy(needs, samples, folder)
    name = rng.choice(CLIMBING)
    words = tuple(name if word == "NAME" else word for word in line.split())
    late = "--steps" in words or "vision" in words
    return f"name {name!r}: {line}", Case(words, (), late)


def _copy(names: tuple[str, ...], samples: Path, folder: Path) -> None:
    for name in names:
        source = samples / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)


def _spoil(path: Path, rng: Rng, folder: Path) -> str:
    """Change a file in one of the ways that files go bad."""
    what = rng.choices([*SPOILS], [*SPOILS.values()])[0]
    if what == "mangled":
        path.write_bytes(mangle.mangled(path.read_bytes(), path.name, rng))
        if rng.random() < 0.7:
            _sign(path)
        return what
    others = [file for file in _files(folder) if file != path] or [path]
    content = rng.choice(others).read_bytes()
    path.unlink()
    if what == "a folder":
        path.mkdir()
    elif what == "another's content":
        path.write_bytes(content)
    elif what in LINKS:
        path.symlink_to(LINKS[what].format(name=path.name, above=folder.parent))
    return what


def _sign(path: Path) -> None:
    """Write a graph's new hash, or the new size of weights, beside it: else nothing reads on."""
    content = path.read_bytes()
    if path.suffix == ".onnx":
        manifest, text = path.parent / "bundle.json", hashlib.sha256(content).hexdigest()
        pattern = rf'("{path.name}",\s*"sha256": ")\w+'
    elif path.suffix == ".safetensors" and (path.parent / "checkpoint.json").is_file():
        manifest, text = path.parent / "checkpoint.json", str(len(content))
        pattern = rf'("{path.name}": )\d+'
    else:
        return
    manifest.write_text(re.sub(pattern, rf"\g<1>{text}", manifest.read_text()))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
