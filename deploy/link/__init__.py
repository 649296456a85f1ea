"""The link between a policy and a hand in another process: framed JSON over TCP.

The hand's side needs only Python 3.8 and the standard library; it runs in the hand's container.
"""
