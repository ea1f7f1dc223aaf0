"""Objectives: what a stage learns. One folder for each, found by the name in the settings."""
