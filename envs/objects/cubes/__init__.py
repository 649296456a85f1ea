"""Rubik's cubes: the same puzzle as models of different cost, from a few numbers."""
