"""What a network can learn of every pixel, one module a task (see `fewmask.config.task`)."""
