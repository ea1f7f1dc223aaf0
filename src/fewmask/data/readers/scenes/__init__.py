"""The reader of the built-in dataset."""
