"""The simulated rig's cameras calibrated as by an operator: a moving board, then a seated one."""

import numpy as np
import pytest

from sleight.cli import main
from sleight.config import load
from sleight.deploy.cameras.camera_config import Extrinsics, Intrinsics
from sleight.deploy.sim.sim_cameras import RigCamerasConfig, hidden_cameras
from sleight.vision.geometry import Pinhole
from tests.deploy.camera_rig import ports

SEED = 4
SIZE = (640, 480)


def file_of(path, port, calibration):
    rows = [
        f"- {{name: {name}, device: 'rig:127.0.0.1:{port}', size: [640, 480],"
        f" intrinsics: {calibration}/{name}.intrinsics.yaml}}"
        for name in RigCamerasConfig().rig.views
    ]
    path.write_text("\n".join(["cameras:", *rows, f"calibrate: {{out: {calibration}}}"]))
    return str(path)


@pytest.mark.slow
def test_from_pictures_alone_to_within_a_millimetre_and_a_third_of_a_degree(new_rig, tmp_path):
    out = tmp_path / "calibration"
    flags = ("--cameras.port", "0", "--cameras.size", "[640, 480]", "--cameras.fps", "4",
             "--seed", str(SEED))  # fmt: skip
    for job, show in (("cameras", "moving_board"), ("extrinsics", "board")):
        rig = new_rig(*flags, "--cameras.show", show)
        file = file_of(tmp_path / f"{job}.yaml", ports(rig), out)
        frames = ("--calibrate.frames", "5", "--calibrate.timeout_s", "600")
        assert main(["rig", "calibrate", job, file, *frames]) == 0
        rig.end()
    config = RigCamerasConfig(size=SIZE)
    truth = hidden_cameras(config, SEED)
    for index, name in enumerate(config.rig.views):
        inside = load(Intrinsics, out / f"{name}.intrinsics.yaml")
        hole = Pinhole.of_fov(*SIZE, float(truth.fovy_deg[index]))
        assert inside.focal_px[0] == pytest.approx(hole.focal_px[0], rel=5e-3), name
        found = load(Extrinsics, out / f"{name}.extrinsics.yaml").placement
        away_m, away_rad = found.distances(truth.placements[index])
        assert away_m < 1e-3 and np.degrees(away_rad) < 0.3, (name, away_m, np.degrees(away_rad))
    page = (out / "intrinsics.html").read_text()
    assert page.count("data:image/png") == 18
