"""Which package to install for a module that is missing, and for which extra it is."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires

PACKAGES = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "gymnasium_robotics": "gymnasium-robotics",
    "imageio_ffmpeg": "imageio-ffmpeg",
    "mujoco_menagerie": "mujoco-menagerie",
    "mujoco_warp": "mujoco-warp",
    "rubik_solver": "rubik-solver-py",
    "sklearn": "scikit-learn",
    "warp": "warp-lang",
    "yaml": "pyyaml",
}
"""Module -> package, where the names differ."""
_OWN = __name__.partition(".")[0]


def foreign(error: ImportError) -> bool:
    """Whether it is a package of others that is missing or broken, and not a defect of ours."""
    return bool(error.name) and _top(error) != _OWN


def missing_package(error: ImportError) -> str:
    """A line about a module that cannot be imported: what to install."""
    module = _top(error)
    package = PACKAGES.get(module, module)
    if not isinstance(error, ModuleNotFoundError) or error.name != module:
        line = " ".join(str(error).split())[:200]
        return f"the package {package} is installed but cannot be loaded: {line}"
    return f"needs the package {package}, which is not installed; run: pip install {_what(package)}"


def _what(package: str) -> str:
    """The extra that holds a package, or the package."""
    try:
        lines = requires(_OWN) or []
    except PackageNotFoundError:
        lines = []
    extras = []
    for line in lines:
        name = re.match(r"[\w.-]+", line)
        if name is None or re.sub(r"[-_.]+", "-", name[0]).lower() != package:
            continue
        extra = re.search(r"extra == ['\"]([\w-]+)", line)
        if extra is None:  # a dependency of the whole, not of an extra
            return package
        extras.append(extra[1])
    extras = [extra for extra in extras if extra not in ("dev", "docs")]
    return f"'{_OWN}[{extras[0]}]'" if extras else package


def _top(error: ImportError) -> str:
    return (error.name or "").partition(".")[0]
