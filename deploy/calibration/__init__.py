"""Calibration of cameras, and of motors and joints, on the rig."""
