"""Cameras that look at many worlds while these run: looks that last an episode, render processes
with shared memory, and the pose that a network reads from each set of pictures."""
