"""Objects: builders that add one body subtree, with its inner joints, symmetry and materials.

They need only MuJoCo and numpy, so that the simulated rig can use them too.
"""
