"""The robot: numpy and onnxruntime; no torch, no Ray, and MuJoCo only in the simulated rig.

`Hand`: connect, read, command, hold, relax, stop, health, close; `command` returns what was really
sent, and every driver sits behind one safety gate. A bundle that does not match its hand is refused.
"""
