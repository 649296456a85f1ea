"""The simulated rig: another hand than training's, in real time, behind the wire of a real one."""
