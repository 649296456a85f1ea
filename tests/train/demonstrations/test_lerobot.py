"""LeRobot's dataset format: what goes there and back is the same, and theirs loads it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sleight.cli import main
from sleight.train.demonstrations.data_set import open_demonstrations

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def dataset(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lerobot") / "dataset"
    assert main(["data", "to-lerobot", str(recorded), str(folder)]) == 0
    return folder


def test_there_and_back(recorded: Path, dataset: Path, tmp_path: Path) -> None:
    assert main(["data", "from-lerobot", str(dataset), str(tmp_path / "back")]) == 0
    before, after = (open_demonstrations(folder) for folder in (recorded, tmp_path / "back"))
    assert after.manifest.control == before.manifest.control
    assert after.arrays.keys() == before.arrays.keys()
    for name, value in before.arrays.items():
        assert torch.equal(after.arrays[name], value), name
    assert after.ends.tolist() == before.ends.tolist()
    assert after.terminated.tolist() == before.terminated.tolist()


def test_their_own_loader_reads_it(recorded: Path, dataset: Path) -> None:
    try:
        from lerobot.datasets.lerobot_dataset import LeRobotDataset  # type: ignore[import-not-found]
    except (ImportError, RuntimeError) as error:  # of its torch and torchvision
        pytest.skip(f"lerobot: {error}")
    theirs = LeRobotDataset("sleight/reach", root=dataset)
    data = open_demonstrations(recorded)
    assert (theirs.num_episodes, theirs.num_frames) == (data.episodes, data.manifest.steps)
    assert theirs.meta.fps == 12.5
    for row in (0, 11, data.manifest.steps - 1):
        item = theirs[row]
        assert item["task"] == "reach"
        assert torch.equal(item["action"], data.arrays["action"][row])
        assert torch.equal(item["observation.state"], data.arrays["sensors.joint_position"][row])
        assert bool(item["next.done"]) == (row + 1 in data.ends.tolist())
    stats = theirs.meta.stats["action"]
    np.testing.assert_allclose(stats["mean"], data.arrays["action"].mean(dim=0), atol=1e-6)


def test_a_dataset_from_elsewhere_needs_a_config(
    dataset: Path, tmp_path: Path, student: Any, refused: Any
) -> None:
    """With it the actions are their own labels."""
    foreign = Path(shutil.copytree(dataset, tmp_path / "foreign"))
    (foreign / "meta" / "sleight.json").unlink()
    out = tmp_path / "back"
    words = ("data", "from-lerobot", foreign, out)
    assert "--config: got nothing with " in refused(*words)
    config = student(tmp_path)
    assert main([str(word) for word in (*words, "--config", config)]) == 0
    before = open_demonstrations(out)
    assert before.manifest.source == "lerobot" and not before.manifest.pictures
    info = json.loads((foreign / "meta" / "info.json").read_text())
    info["fps"] = 30
    (foreign / "meta" / "info.json").write_text(json.dumps(info))
    other = ("data", "from-lerobot", foreign, tmp_path / "other", "--config", config)
    assert "fps: got 30, allowed: 12.5" in refused(*other)
    info["features"]["action"]["shape"] = [7]
    (foreign / "meta" / "info.json").write_text(json.dumps({**info, "fps": 12.5}))
    assert "action: got (7,), allowed: (20,), of " in refused(*other)
    (foreign / "meta" / "info.json").write_text(json.dumps({**info, "codebase_version": "v2.1"}))
    assert "codebase_version: got 'v2.1', allowed: v3.0" in refused(*other)
    assert not (tmp_path / "other").exists()


def test_what_is_no_dataset(recorded: Path, dataset: Path, tmp_path: Path, refused: Any) -> None:
    out = tmp_path / "out"
    assert "info.json: no such file" in refused("data", "from-lerobot", recorded, out)
    assert "demonstrations.json: no such file" in refused("data", "to-lerobot", dataset, out)
    assert "is not empty" in refused("data", "to-lerobot", recorded, dataset)
    assert not out.exists()
