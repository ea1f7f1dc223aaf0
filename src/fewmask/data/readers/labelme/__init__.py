"""The reader of LabelMe's JSON files."""
