"""Calibration on the rig: cameras, and recordings for the calibration of motors and joints."""
