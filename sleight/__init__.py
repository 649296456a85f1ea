"""Dexterous in-hand manipulation: train in simulation, run on a real hand.

The folders of the package, each with its contract in its docstring; imports point down only:

    train     deploy
    adr       vision
    envs      policies

`errors`, `config` and `files` lie below all of them. Nothing heavy is imported here.
"""

import os

__version__ = "0.1.0"

# Dependencies that phone home, by the switches that they read when they are imported: in every
# process of ours (training, Ray's workers, the Gymnasium API, vision, the robot). A user's own
# setting wins.
for _switch, _value in {
    # ONNX Runtime's wheels write a device id and a database under the user's cache and look up a
    # host, inside the process of the control loop.
    "ORT_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    # W&B asks its server for a telemetry endpoint, also where a run is offline.
    "WANDB_ERROR_REPORTING": "false",
}.items():
    os.environ.setdefault(_switch, _value)
