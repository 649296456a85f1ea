"""The robot: runs a bundle on a hand. Needs numpy and onnxruntime, neither torch nor Ray.

`hand` holds the contract of a driver (`HandDriver`) and the safety gate in front of every driver;
`drivers` and `link` reach the hand; `runtime` is the control loop of `sleight rig run`; `cameras`
delivers object poses; `checks`, `calibration` and `logs` are the other commands of `sleight rig`;
`sim` is the simulated rig, the only part that uses MuJoCo. A bundle that does not match the hand is
refused.
"""
