"""PPO, cloning, pose training, sweeps: what turns worlds into checkpoints; the only place with Ray.

The loop takes factories and runs in this process unless workers are asked for. A checkpoint is
safetensors and JSON, written atomically; resuming it continues the same run.
"""
