"""Cameras, and sources of the object's pose: cameras, markers, the referee of a simulated rig."""
