"""Pictures of the hand and its object: the looks of the model, and rendering without a screen."""
