"""The reader of CVAT's XML."""
