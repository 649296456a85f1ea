"""Cameras, randomized renders, and the networks that read an object's pose from them.

Poses are `object_to_palm`: metres, and quaternions wxyz with w >= 0. No Ray, no policies.
"""
