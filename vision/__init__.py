"""Cameras, randomized renders, and the networks that read an object's pose from them.

Poses are `object_to_palm`: metres, and quaternions wxyz with w >= 0. No Ray, no policies.
geometry.py and config.py need numpy alone, for the robot imports them; scene.py, looks.py and
studio.py add MuJoCo, which the simulated rig's cameras share; only the others use torch.
"""
