"""Packaging: every root folder is a package under the one name `sleight`; the rest is in
pyproject.toml.

The folder `sleight` holds links to the others, so that checkers and `python -m sleight` see the
package in the tree; installing goes by the table here and needs no links.
"""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
FOLDERS = {
    "sleight": "sleight",
    "sleight.config": "sleight/config",
    "sleight.contract": "sleight/contract",
    "sleight.doctor": "sleight/doctor",
    "sleight.pages": "sleight/pages",
    "sleight.envs": "envs",
    "sleight.policies": "policies",
    "sleight.adr": "adr",
    "sleight.vision": "vision",
    "sleight.train": "train",
    "sleight.deploy": "deploy",
}
# A folder inside one of the six is a package too.
for name, folder in list(FOLDERS.items())[5:]:
    for inner in find_packages(str(ROOT / folder)):
        FOLDERS[f"{name}.{inner}"] = f"{folder}/{inner.replace('.', '/')}"

# What `sleight demo` and `sleight doctor` use of the data beside the code.
DATA = {
    "sleight.configs": ("configs", ["*.yaml", "curves/*.json"]),
    "sleight.pretrained": (
        "pretrained",
        ["block/*", "block/checkpoint/*", "cube/*", "cube/checkpoint/*"],
    ),
}

VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "sleight/__init__.py").read_text())
if VERSION is None:
    raise SystemExit("sleight/__init__.py: no __version__")
# setuptools keeps what an earlier build left there, also modules that the tree no longer has.
shutil.rmtree(ROOT / "build" / "lib", ignore_errors=True)

setup(
    version=VERSION[1],
    packages=[*FOLDERS, *DATA],
    package_dir=FOLDERS | {name: folder for name, (folder, _) in DATA.items()},
    package_data={
        name: ["py.typed", "*.html", "*.json", "*.xml", "*.yaml", "templates/*"] for name in FOLDERS
    }
    | {name: files for name, (_, files) in DATA.items()},
    include_package_data=False,
)
