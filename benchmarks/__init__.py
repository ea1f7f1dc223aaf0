"""How close Fewmask comes to the limit: `uv run python -m benchmarks`. See benchmarks/README.md."""
