"""Hands: a table of joints and motors (`HandSpec`), and a function that builds the `MjSpec`."""
