"""The 80 ms loop: from a rig file to trials of a policy on a connected hand."""
