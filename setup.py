"""Packaging: every root folder is a package under the one name `sleight`.

The folder `sleight` holds links to the others, so that checkers and `python -m sleight` see the
package in the tree; installing goes by the table here and needs no links.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
FOLDERS = {
    "sleight": "sleight",
    "sleight.config": "sleight/config",
    "sleight.contract": "sleight/contract",
    "sleight.pages": "sleight/pages",
    "sleight.envs": "envs",
    "sleight.policies": "policies",
    "sleight.adr": "adr",
    "sleight.vision": "vision",
    "sleight.train": "train",
    "sleight.deploy": "deploy",
}
# A folder inside one of the six is a package too.
for name, folder in list(FOLDERS.items())[4:]:
    for inner in find_packages(str(ROOT / folder)):
        FOLDERS[f"{name}.{inner}"] = f"{folder}/{inner.replace('.', '/')}"

VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "sleight/__init__.py").read_text())
if VERSION is None:
    raise SystemExit("sleight/__init__.py: no __version__")
README = ROOT / "README.md"

setup(
    name="sleight",
    version=VERSION[1],
    description="Dexterous in-hand manipulation: train in simulation, run on a real hand",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    author="the sleight authors",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=list(FOLDERS),
    package_dir=FOLDERS,
    package_data={
        name: ["py.typed", "*.html", "*.json", "*.xml", "*.yaml", "templates/*"] for name in FOLDERS
    },
    entry_points={
        "console_scripts": ["sleight=sleight.cli:main"],
    },
    install_requires=[
        "gymnasium>=1.2",
        "gymnasium-robotics>=1.4",  # its Shadow Hand files; its environments are not imported
        "imageio>=2.36",
        "imageio-ffmpeg>=0.5",
        "jinja2>=3.1",
        "matplotlib>=3.9",
        "mcap>=1.6",
        "mujoco>=4.0,<5",
        "numpy>=2.0",
        "onnx>=1.17",
        "onnxruntime>=1.20",
        "optuna>=4.6",
        "pillow>=10",
        "plotly>=7",
        "pyyaml>=6",
        "ray>=2.40",
        "rich>=13",
        "rosbags>=0.11",  # ROS 2 messages as bytes, without ROS
        "safetensors>=0.5",
        "scikit-learn>=1.5",  # Optuna's fANOVA, and the probes of a memory
        "scipy>=1.13",
        "torch>=2.6",
        "wandb>=0.19",
    ],
    extras_require={
        "deploy": ["opencv-python-headless>=4.12"],  # cameras and their calibration
        "dev": [
            "cyclonedds>=0.10",  # the driver ros2, tested without ROS 2
            "furo>=2025.9",
            "griffelib>=2",
            "hypothesis>=6",
            "import-linter>=2",
            "magiccube>=1.2",  # the cube's moves, by an independent library
            "mujoco-menagerie>=2026.10",
            "mujoco[sysid]>=4.0,<5",
            "mypy>=1.13",
            "myst-parser>=5",
            "opencv-python-headless>=4.12",
            "pytest>=8",
            "ruff>=0.8",
            "scipy>=1.14",  # the laws of the randomizations, by Kolmogorov and Smirnov
            "setuptools>=70",
            "sphinx>=9",
            "types-PyYAML>=6",
            "vermin>=1.6",  # what the bridge carries runs on Python 3.8
        ],
        "docs": ["furo>=2025.9", "griffelib>=2", "myst-parser>=5", "sphinx>=9"],
        "gpu": ["mujoco-warp>=4.0,<5", "warp-lang>=1.9"],
        "menagerie": ["mujoco-menagerie>=2026.10"],
        "sysid": ["mujoco[sysid]>=4.0,<5"],  # calibration from recordings
        "ros2": ["cyclonedds>=0.10"],
    },
)
