"""What is checked before a hand may move: links, cameras, motors, and the operator's word."""
