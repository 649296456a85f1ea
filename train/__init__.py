"""Training: PPO, cloning, pose networks, sweeps, analysis, export; the only folder that uses Ray.

The loop takes factories and runs in one process unless workers are configured. A checkpoint is
safetensors and JSON, written atomically; resuming it continues the same run.
"""
