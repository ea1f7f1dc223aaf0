#!/usr/bin/env bash
# Snakemake runs this from the project's root, in the new environment.
set -euo pipefail
pip install --no-deps --no-build-isolation --editable . || pip install --no-deps --editable .
