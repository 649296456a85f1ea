"""How the faces of an object get their colours: a texture on the block, stickers on the cube."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import mujoco
import numpy as np

from ...envs.objects.cubes.stickers import STICKERS
from ...envs.rendering.letters import FACE_PIXELS
from ...envs.rendering.looks import add_texture
from ...envs.sim.model import OBJECT
from ...errors import ConfigError

FACE_PX = FACE_PIXELS // 2
"""Resolution of the block's faces: sufficient for the images, at a quarter of the upload cost."""
_BLOCK = "block"


class ObjectPaint(Protocol):
    """Changes the colours of the faces +x, -x, +y, -y, +z, -z in a compiled model."""

    @property
    def textures(self) -> tuple[str, ...]:
        """Textures that the renderer must get again."""

    def apply(self, model: mujoco.MjModel, mixes: np.ndarray) -> None:
        """Map each face's nominal colours, as rows, by its matrix of `mixes` (6, 3, 3)."""


@dataclass(frozen=True)
class TexturePaint:
    """Faces on a cube map."""

    faces: np.ndarray
    """float32 (6, FACE_PX * FACE_PX, 3): nominal, 0 to 255."""
    textures: tuple[str, ...] = (_BLOCK,)

    def apply(self, model: mujoco.MjModel, mixes: np.ndarray) -> None:
        """See `ObjectPaint`."""
        faces = self.faces @ mixes.astype(np.float32)
        texture_of(model, _BLOCK)[:] = np.clip(faces, 0, 255).astype(np.uint8).ravel()


@dataclass(frozen=True)
class StickerPaint:
    """Faces of stickers, each a geom of one colour."""

    geoms: tuple[np.ndarray, ...]
    """Geom ids of the stickers of each face's colour."""
    nominal: np.ndarray
    """(6, 3) in [0, 1]."""
    textures: tuple[str, ...] = ()

    def apply(self, model: mujoco.MjModel, mixes: np.ndarray) -> None:
        """See `ObjectPaint`."""
        colours = np.clip(self.nominal[:, None] @ mixes, 0.0, 1.0)[:, 0]
        for geoms, colour in zip(self.geoms, colours, strict=True):
            model.geom_rgba[geoms, :3] = colour


def paint_of(model: mujoco.MjModel) -> ObjectPaint:
    """The paint of the object in a model. Raises ConfigError if its faces have no colours."""
    if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_TEXTURE, _BLOCK) >= 0:
        faces = texture_of(model, _BLOCK).reshape(6, -1, 3).astype(np.float32)
        return TexturePaint(faces)
    names = [model.geom(index).name for index in range(model.ngeom)]
    own = [name.startswith(f"{OBJECT}_") for name in names]
    geoms = tuple(
        np.array([i for i, name in enumerate(names) if own[i] and name.endswith(f"_{face}")], int)
        for face in STICKERS
    )
    if not all(len(ids) for ids in geoms):
        raise ConfigError("object: got one whose faces have no colours, allowed: block, cube")
    return StickerPaint(geoms, np.array(list(STICKERS.values())))


def texture_of(model: mujoco.MjModel, name: str) -> np.ndarray:
    """The writable bytes (n,) of a texture in the model."""
    row = model.tex(name)
    start = int(row.adr[0])
    size = int(row.width[0] * row.height[0] * row.nchannel[0])
    data: np.ndarray = model.tex_data[start : start + size]
    return data


def shrink_faces(spec: mujoco.MjSpec) -> None:
    """Halve the resolution of the block's faces, if there is a block."""
    texture = spec.texture(_BLOCK)
    if texture is None:
        return
    whole = np.frombuffer(bytes(texture.data), np.uint8)
    tiles = whole.reshape(6 * FACE_PX, 2, FACE_PX, 2, 3)
    spec.delete(texture)
    pixels = tiles.mean(axis=(1, 3)).round().astype(np.uint8)
    add_texture(spec, _BLOCK, mujoco.mjtTexture.mjTEXTURE_CUBE, pixels)
    # Deleting the texture also removed it from its material.
    material = spec.material(_BLOCK)
    material.textures[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = _BLOCK
