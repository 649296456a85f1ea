"""Randomized renders: scene, random looks, states, shards on disk, and the render job."""
