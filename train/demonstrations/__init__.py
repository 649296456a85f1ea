"""Demonstrations on disk: episodes of observations, actions and a teacher's labels.

`sleight eval --record` and `sleight data from-rig` write them, `clone.data` reads them; the format
is in docs/cloning.md.
"""
