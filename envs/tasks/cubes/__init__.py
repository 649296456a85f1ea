"""Tasks of a Rubik's cube: turn the face on top, bring another face to the top."""
