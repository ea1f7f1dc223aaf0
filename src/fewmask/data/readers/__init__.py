"""Readers: one folder for each on-disk format, found by the name in the settings."""
