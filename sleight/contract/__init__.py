"""What training and the robot agree on: hands, bundles, recordings, rotations, lost motion.

Training gives bundles to the robot; the robot gives recordings to training. Nothing needs torch.
"""
