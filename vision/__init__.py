"""Cameras, randomized renders, and the networks that estimate an object's pose from images.

Poses are `object_to_palm`: metres, and quaternions wxyz with w >= 0. No Ray, no policies.
geometry.py, config.py, onnx_pose.py, keypoint_fit.py and keypoint_reader.py need no torch and no
MuJoCo, because the robot imports them.
renders/ uses MuJoCo; its studio also renders the cameras of the simulated rig. live/ renders many
worlds while these run, for pose networks and for policies that see (keypoint_encoder.py).
"""
