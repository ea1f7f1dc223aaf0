"""Training: one loop for all objectives, its schedule, its checkpoints."""
