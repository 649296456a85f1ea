"""Checks before a hand may move: links, cameras, motors, and the operator's confirmation."""
