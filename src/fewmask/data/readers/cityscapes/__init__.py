"""The reader of Cityscapes."""
