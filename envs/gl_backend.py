"""MUJOCO_GL where its library is missing: without this, `import mujoco` fails, and physics with it.

`envs` calls `settle` before anything imports MuJoCo. Where the backend cannot be loaded, rendering
is off, and whoever asks for a picture gets the reason.
"""

from __future__ import annotations

import ctypes
import os
import sys

REASON = "SLEIGHT_NO_RENDERING"
"""In the environment, so that child processes know: why rendering is off."""
_NO_LIBRARY = ("", "glfw", "glx", "disable", "disabled", "off", "false", "0")
"""Values with which MuJoCo loads no library of OpenGL when it is imported."""


def settle() -> None:
    """Turn rendering off when `import mujoco` would fail because of MUJOCO_GL."""
    value = os.environ.get("MUJOCO_GL", "").lower().strip()
    if value in _NO_LIBRARY or "mujoco" in sys.modules:
        return
    if value == "egl" and _loads("libEGL.so.1"):  # the usual case, without the cost of an import
        return
    try:
        import mujoco  # noqa: F401
    except (AttributeError, ImportError, OSError, RuntimeError) as error:
        line = " ".join(str(error).split())
        reason = f"MUJOCO_GL: got {value}, which cannot be loaded ({line})"
    else:
        return
    os.environ[REASON] = f"{reason}; allowed: egl, osmesa or glfw, with its library"
    os.environ["MUJOCO_GL"] = "disable"
    for name in [name for name in sys.modules if name.partition(".")[0] in ("mujoco", "OpenGL")]:
        del sys.modules[name]  # half loaded


def why_not() -> str:
    """Why rendering was turned off; empty: it was not."""
    return os.environ.get(REASON, "")


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
