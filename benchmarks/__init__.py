"""How near the limit Fewmask is: `uv run python -m benchmarks`. See benchmarks/README.md."""
