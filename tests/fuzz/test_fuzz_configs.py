"""Every field of every config gets values of every type: refused in one line, or kept as it was."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from sleight.config import field_names, from_dict, load, save, to_dict
from sleight.errors import SleightError

from .mangle import VALUES

CONFIGS = (
    "sleight.train.config.TrainConfig",
    "sleight.train.sweep.config.SweepConfig",
    "sleight.train.pose.config.PoseTrainConfig",
    "sleight.train.pose.config.WidenConfig",
    "sleight.vision.config.RenderConfig",
    "sleight.deploy.rig_file.RigConfig",
    "sleight.deploy.sim.plant_config.RigSimConfig",
    "sleight.deploy.logs.rig_report.ReportConfig",
    "sleight.deploy.cameras.camera_config.Intrinsics",
    "sleight.deploy.cameras.camera_config.Extrinsics",
)
WHOLE = {
    "train": "train.yaml", "data": "renders", "camera": "left", "size": [200, 200],
    "focal_px": [300.0, 300.0], "centre_px": [100.0, 100.0], "distortion": [0.0] * 5,
    "position_m": [0.0, 0.0, 0.5], "wxyz": [1.0, 0.0, 0.0, 0.0],
}  # fmt: skip
"""Fields without a default, where a config has them."""


def _kind(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _nested(name: str, value: Any) -> dict[str, Any]:
    for part in reversed(name.split(".")):
        value = {part: value}
    return value


def _tried(build: Any, what: str) -> Any:
    """The config, or None where the value was refused; any other end is a defect."""
    try:
        return build()
    except SleightError:
        return None
    except Exception as error:  # noqa: BLE001
        pytest.fail(f"{what}: {type(error).__name__}: {error}")


@pytest.mark.slow
@pytest.mark.parametrize("path", CONFIGS)
def test_any_value_in_any_field_is_refused_or_comes_back_equal(path: str, tmp_path: Path) -> None:
    kind = _kind(path)
    names = field_names(kind)
    whole = {name: value for name, value in WHOLE.items() if name in names}
    accepted = 0
    for name in names:
        for value in VALUES:
            what = f"{path}: {name}: {value!r:.60}"
            config = _tried(
                lambda n=name, v=value: from_dict(kind, whole | _nested(n, v), "f"), what
            )
            text = value if isinstance(value, str) else repr(value)
            flags = [f"--{key}={given}" for key, given in {**whole, name: text}.items()]
            _tried(lambda f=flags: load(kind, None, f), f"{what} as a flag")
            if config is None or accepted > 300:
                continue
            accepted += 1
            file = tmp_path / "saved.yaml"
            if _tried(lambda c=config, f=file: (save(c, f), True), f"{what}: saved") is None:
                continue
            again = _tried(lambda f=file: load(kind, f), f"{what}: loaded")
            assert to_dict(again) == to_dict(config), what
    assert accepted
