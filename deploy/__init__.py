"""The robot: numpy and onnxruntime; no torch, no Ray, and MuJoCo only in the simulated rig.

A hand (hand.py): connect, read, command, hold, relax, stop, health, close; `command` returns what
was really sent, and every driver sits behind one safety gate (gate.py, guard.py). A bundle that
does not match its hand is refused. `sleight rig run` is runner.py, loop.py, stage.py;
`sleight rig sim` is the modules rig_*.py, but for rig_driver.py, the client of their protocol.
Cameras are cameras.py and camera_*.py; poses come from camera_poses.py, markers.py or the referee
(poses.py); `sleight rig calibrate` is calibrate.py, calibration.py and board.py.
"""
