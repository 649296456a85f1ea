"""Rendering of the hand and its object: materials and lights, and a renderer without a screen."""
