"""Objects: builders that add one body subtree, with its inner joints, symmetry and looks.

They need MuJoCo and numpy alone, so that the simulated rig can hold them too.
"""
