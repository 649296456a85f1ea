"""Randomized renders: scenes, looks, states, shards on disk, and who renders them."""
