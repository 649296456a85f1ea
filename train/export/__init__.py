"""Exports a checkpoint as a bundle: ONNX graphs of policy and task, and a manifest."""
