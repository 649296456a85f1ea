"""The simulated rig: a hand that differs from training, in real time, with the hand's protocol."""
