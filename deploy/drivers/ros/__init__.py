"""Hands on ROS: a face for ROS 1 (rospy), a face for ROS 2 (DDS), and the bridge for ROS 1.

The modules that bridge_archive.py lists also run beside a hand: on Python 3.8, with only the
standard library and rospy.
"""
