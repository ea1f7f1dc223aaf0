"""The search of settings: trials, their rungs, and the runs with the chosen settings."""
