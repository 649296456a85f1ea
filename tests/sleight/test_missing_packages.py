"""A package that is not installed is one line wherever it is imported, with what to install."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sleight import missing_packages
from sleight.missing_packages import foreign, missing_package

ROOT = Path(__file__).parents[2]
BUNDLE = str(ROOT / "pretrained" / "block")
REACH = str(ROOT / "configs" / "reach.yaml")
CODE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {sys.argv[1]!r}", name=sys.argv[1])

sys.meta_path.insert(0, Missing())
from sleight.cli import main
sys.exit(main(sys.argv[2:]))
"""
RIG = """
cameras:
  - {name: left, device: nowhere.mp4}
"""


@pytest.mark.parametrize(
    ("module", "package", "words"),
    [
        ("cv2", "opencv-python-headless", ["rig", "calibrate", "cameras", "RIG"]),
        ("cv2", "opencv-python-headless", ["rig", "calibrate", "extrinsics", "RIG"]),
        ("ray", "ray", ["train", REACH, "--train.workers", "1", "--name", "x"]),
        ("optuna", "optuna", ["sweep", str(ROOT / "configs" / "sweep.yaml")]),
        ("onnxruntime", "onnxruntime", ["eval", BUNDLE]),
        ("plotly", "plotly", ["report", BUNDLE]),
        ("imageio_ffmpeg", "imageio-ffmpeg", ["play", BUNDLE, "--video", "x.mp4"]),
        ("mcap", "mcap", ["rig", "replay", "nowhere"]),
        ("sklearn", "scikit-learn", ["adr", "probe", BUNDLE]),
        ("matplotlib", "matplotlib", ["bench", "soak"]),
        ("torch", "torch", ["train", REACH]),
        ("mujoco", "mujoco", ["rig", "sim"]),
    ],
)
def test_a_missing_package_is_one_line(
    module: str, package: str, words: list[str], tmp_path: Path
) -> None:
    rig = tmp_path / "rig.yaml"
    rig.write_text(RIG)
    words = [str(rig) if word == "RIG" else word for word in words]
    found = subprocess.run(
        [sys.executable, "-c", CODE, module, *words],
        cwd=tmp_path, env=_environment(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert found.returncode == 2 and found.stderr.count("\n") == 1, found.stderr
    assert found.stderr.startswith("error: ")
    assert f"needs the package {package}, which is not installed; run: pip install " in found.stderr
    assert list(tmp_path.iterdir()) == [rig]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


REQUIRES = [
    "mujoco>=4", 'mujoco[sysid]>=4; extra == "sysid"', "PyYAML>=6", 'sphinx>=9; extra == "docs"',
    'opencv-python-headless>=4.12; extra == "dev"', "torch>=2.6; extra == 'train'",
    'opencv_python_headless>=4.12; extra == "deploy"',
]  # fmt: skip


def test_what_to_install_is_the_extra_or_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    line = missing_package(ModuleNotFoundError("no", name="cv2"))
    assert "needs the package opencv-python-headless, which is not installed; run: pip" in line
    monkeypatch.setattr(missing_packages, "requires", lambda name: REQUIRES)
    for module, what in (
        ("cv2", "'sleight[deploy]'"), ("torch", "'sleight[train]'"), ("mujoco", "mujoco"),
        ("yaml", "pyyaml"), ("sphinx", "sphinx"), ("unheard_of", "unheard_of"),
    ):  # fmt: skip
        line = missing_package(ModuleNotFoundError("no", name=module))
        assert line.endswith(f"run: pip install {what}")
    broken = ImportError("libGL.so.1: cannot open shared object file", name="cv2")
    assert missing_package(broken) == (
        "the package opencv-python-headless is installed but cannot be loaded:"
        " libGL.so.1: cannot open shared object file"
    )


def test_a_defect_of_ours_is_none_of_a_package() -> None:
    assert not foreign(ImportError("cannot import name 'x'", name="sleight.files"))
    assert not foreign(ImportError("no name"))
    assert foreign(ModuleNotFoundError("no", name="ray"))
