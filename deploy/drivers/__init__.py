"""Drivers by name: the wire (a simulated rig or the bridge), ROS 1, ROS 2, and other packages'."""
