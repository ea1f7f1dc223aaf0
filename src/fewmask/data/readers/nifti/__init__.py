"""The reader of NIfTI volumes."""
