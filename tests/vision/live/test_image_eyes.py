"""What a policy that sees is given: pictures, and the matrices of the cameras of each episode."""

from contextlib import closing

import numpy as np
import torch

from sleight.vision.config import CamerasConfig, ImagesConfig, LooksConfig
from sleight.vision.live.image_eyes import ImageEyes, image_sensors

RIG = CamerasConfig(image_px=16)
CONFIG = ImagesConfig(supersample=1, looks=LooksConfig(shadow_share=0.0), rig=RIG)
EVERY = torch.arange(2)


def test_each_episode_has_the_matrices_of_its_calibrated_cameras(can_render: None) -> None:
    states = torch.zeros(2, 31)
    states[:, 27] = 1.0
    with closing(ImageEyes(CONFIG, 0.057, 2, 31, seed=4)) as eyes:
        eyes.begin(EVERY)
        eyes.begin(torch.tensor([1]))
        seen = eyes.see(states, {}, EVERY, torch.ones(2, dtype=torch.bool))
        for world, episode in enumerate((0, 1)):
            told = eyes.cameras.scene.views(world, episode).calibrated
            matrices = np.array([RIG.pinhole.camera_matrix(at) for at in told])
            torch.testing.assert_close(
                seen["camera_matrices"][world], torch.from_numpy(matrices).float()
            )
        assert not torch.allclose(seen["camera_matrices"][0], seen["camera_matrices"][1])
        shapes = {name: value.shape[1:] for name, value in image_sensors(RIG).items()}
        assert {name: value.shape[1:] for name, value in seen.items()} == shapes
        assert {name: value.shape[1:] for name, value in eyes.gives.items()} == shapes
