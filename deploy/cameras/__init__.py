"""Cameras, and the object's pose from them or from markers, each on a thread of its own."""
