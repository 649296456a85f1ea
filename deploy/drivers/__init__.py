"""Drivers by name: the wire (simulated rig or bridge), ROS 1, ROS 2, and registered ones."""
