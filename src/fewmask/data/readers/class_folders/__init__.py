"""The reader of folders of categories."""
