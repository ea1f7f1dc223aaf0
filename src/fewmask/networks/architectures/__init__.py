"""Architectures of networks, found by name: one folder for each."""
