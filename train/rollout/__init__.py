"""From worlds to experience and back to figures: collectors, batches, players, evaluation."""
