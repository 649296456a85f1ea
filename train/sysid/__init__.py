"""Calibration of the motors and joints of a hand from recordings, with `mujoco.sysid`."""
