"""The reader of NYUv2's official file."""
