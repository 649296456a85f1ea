"""The control loop and what it runs: from a rig file to trials of a policy on a connected hand."""
