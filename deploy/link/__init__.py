"""The wire between a policy and a hand in another process: framed JSON over TCP.

The hand's side runs on Python 3.8 with the standard library alone, inside the hand's container.
"""
