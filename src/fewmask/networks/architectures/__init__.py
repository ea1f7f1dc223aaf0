"""Architectures of networks, found by name. One folder for each, or for those of one library."""
