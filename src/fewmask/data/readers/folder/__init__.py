"""The reader of a folder of images and masks."""
