"""What the policy sees, does and earns: observation terms, sensors, the action law, rewards."""
