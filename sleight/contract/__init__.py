"""What training and the robot agree on: hands, bundles, recordings, rotations in numpy; no torch.

A bundle is what training gives to the robot; a recording is what the robot gives to training.
"""
