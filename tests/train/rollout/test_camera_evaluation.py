"""An evaluation by cameras: what is refused, the table, and a whole one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sleight.train.rollout.camera_evaluation import CameraEvaluation
from sleight.train.rollout.evaluation import Evaluation

PRETRAINED = Path(__file__).parents[3] / "pretrained"
SEEN = {
    "poses": 90, "rejected": 2, "ms_per_frame": 20.0, "share_of_renderer": 0.9, "deaths": 0,
    "position_mm_median": 2.4, "position_mm_p90": 4.1,
    "rotation_deg_median": 2.8, "rotation_deg_p90": 5.0,
}  # fmt: skip


def _evaluation(*trials: int) -> Evaluation:
    return Evaluation("someone", list(trials), 1, 0, 3.5, {"pose": SEEN}, {"flip": (9, 8)})


def test_the_table_has_both_side_by_side() -> None:
    found = CameraEvaluation(_evaluation(6, 12), _evaluation(10, 10))
    assert found.ratio == 0.9
    lines = found.table().splitlines()
    assert lines[0] == "someone"
    assert lines[1].split() == ["true", "pose", "cameras"]
    assert lines[3].split() == ["mean", "+-", "s.e.", "10.00", "+-", "0.00", "9.00", "+-", "3.00"]
    assert lines[3].index("9.00") == lines[1].index("cameras")
    assert "  cameras / true     0.90" in lines
    assert "  median error       2.4 mm, 2.8 degrees (p90 4.1, 5.0)" in lines
    assert "  poses, rejected    90, 2" in lines
    assert "  cameras            12, 6" in lines
    data = json.loads(json.dumps(found.data()))
    assert data["ratio"] == 0.9 and data["pose"]["true"]["mean"] == 10.0


def test_no_success_by_the_true_pose_has_no_ratio() -> None:
    found = CameraEvaluation(_evaluation(1, 1), _evaluation(0, 0))
    assert found.ratio is None and "  cameras / true     -" in found.table()
    assert found.data()["ratio"] is None


CAMERAS = PRETRAINED / "block_cameras"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((PRETRAINED / "block", "--pose", "cameras"), "bundle.json: pose: got nothing, allowed"),
        ((CAMERAS, "--pose", "cameras", "--set", "object.size=1.1"), "object.size: got other"),
        ((CAMERAS, "--pose", "both", "--variant", "glove"), "env.model: got variant glove"),
        ((CAMERAS, "--cameras.strength", "0.5"), "--cameras: got fields with --pose true"),
        ((CAMERAS, "--pose", "both", "--trials", "1001"), "num_worlds: got 1001, allowed with"),
        ((CAMERAS, "--pose", "both", "--camera.x", "1"), "--camera.x: unknown flag"),
        ((PRETRAINED / "cube_turns", "--pose", "cameras", "--cameras.bundle", CAMERAS),
         "env.model.object: got face"),
    ],
)  # fmt: skip
def test_refused(words: tuple[object, ...], line: str, refused: Callable[..., str]) -> None:
    assert line in refused("eval", *words)


def test_a_run_has_no_pose_network(reach_run: Path, refused: Callable[..., str]) -> None:
    error = refused("eval", reach_run, "--pose", "cameras")
    assert "which has no pose network, allowed: a bundle" in error


@pytest.mark.slow
def test_a_whole_evaluation(cli: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    words = ("--trials", 2, "--goals.max_successes", 1, "--cameras.workers", 2, "--json")
    code, out, err = cli("eval", CAMERAS, "--pose", "both", *words, tmp_path / "both.json")
    assert code == 0, err
    assert "cameras / true" in out
    data = json.loads((tmp_path / "both.json").read_text())
    seen = data["pose"]["cameras"]["settings"]["pose"]
    assert seen["position_mm_median"] < 8.0 and seen["rotation_deg_median"] < 8.0
    assert seen["frames"] == 3 * seen["poses"]
    assert seen["share_of_renderer"] > 0.7
