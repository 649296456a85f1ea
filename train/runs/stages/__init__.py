"""How a run, or a stage of it, begins: from a checkpoint of its own, or as another ended."""
