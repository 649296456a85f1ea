"""From a checkpoint to a bundle: the policy as an ONNX graph, and its manifest."""
