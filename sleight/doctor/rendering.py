"""Rendering: each backend of MuJoCo draws a scene in a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from . import child
from .finding import Finding, State

PACKAGES = {
    "egl": "apt install libegl1 libegl-mesa0 libgl1-mesa-dri",
    "osmesa": "apt install libosmesa6",
    "glfw": "a screen, or: apt install xvfb libglfw3, then xvfb-run sleight ...",
}
"""What each backend needs on Debian and Ubuntu."""
BACKENDS = tuple(PACKAGES) if sys.platform == "linux" else ("",)
"""Elsewhere MuJoCo has one backend, and MUJOCO_GL chooses none."""
SCENE = """
import time, mujoco
model = mujoco.MjModel.from_xml_string(
    "<mujoco><visual><global offwidth='640' offheight='480'/></visual><worldbody>"
    "<light pos='0 0 3'/><geom type='plane' size='1 1 .1'/><geom size='.2'/></worldbody></mujoco>"
)
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
renderer = mujoco.Renderer(model, 480, 640)
for _ in range(2):
    start_s = time.perf_counter()
    renderer.update_scene(data)
    picture = renderer.render()
    seconds = time.perf_counter() - start_s
if picture.std() == 0:
    raise SystemExit("the picture is empty")
try:
    from OpenGL.GL import GL_RENDERER, glGetString
    name = (glGetString(GL_RENDERER) or b"").decode()
except (ImportError, AttributeError):
    name = ""
print("doctor:", f"{1e3 * seconds:.1f} ms for 640 x 480", *filter(None, [name]), sep="|")
"""
WHAT = "videos, the live page, images for the pose network"


def look() -> Iterator[Finding]:
    """One finding for each backend. Only the one in use is missed."""
    used = os.environ.get("MUJOCO_GL", "").lower().strip()
    found = {name: _try(name, used) for name in BACKENDS}
    works = [name for name, finding in found.items() if finding.state is State.OK]
    if sys.platform == "linux" and used and used not in found:
        yield _unknown(used, works)
    for name, finding in found.items():
        if name == used and finding.state is not State.OK and works:
            yield Finding(
                finding.area, finding.name, finding.state, finding.text,
                f"export MUJOCO_GL={works[0]}, which works here; or {finding.fix}", WHAT,
            )  # fmt: skip
        else:
            yield finding


def _unknown(used: str, works: list[str]) -> Finding:
    fix = f"export MUJOCO_GL={works[0]}" if works else f"allowed: {', '.join(BACKENDS)}"
    text = f"got {used}, allowed: {', '.join(BACKENDS)}"
    return Finding("rendering", "MUJOCO_GL", State.BROKEN, text, fix, WHAT)


def _try(name: str, used: str) -> Finding:
    chosen = {"MUJOCO_GL": name} if name else {}
    outcome = child.run(SCENE, timeout_s=60.0, **chosen)
    title = f"MUJOCO_GL={name}" if name else "rendering"
    in_use = name in ("", used)
    answer = [line for line in outcome.lines if line.startswith("doctor:|")]
    if outcome.ok and answer:
        words = answer[0].split("|")[1:]
        text = ", ".join([*words, *(["in use"] if in_use else [])])
        return Finding("rendering", title, State.OK, text, needed_for=WHAT if in_use else "")
    fix = PACKAGES.get(name, "")
    if in_use:
        return Finding("rendering", title, State.BROKEN, outcome.reason, fix, WHAT)
    return Finding("rendering", title, State.OPTIONAL, "does not work here, not in use", fix)
