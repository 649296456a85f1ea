"""Hands that speak ROS: a face for ROS 1 (rospy), one for ROS 2 (DDS), and the bridge for ROS 1.

What pack.py lists runs beside a hand, too: on Python 3.8, with the standard library and rospy.
"""
