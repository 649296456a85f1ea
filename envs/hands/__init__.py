"""Hands: a table of joints and motors (`HandSpec`), and a function that gives the `MjSpec`."""
