"""Calibration from recordings: the motors and joints of a hand, by `mujoco.sysid`."""
