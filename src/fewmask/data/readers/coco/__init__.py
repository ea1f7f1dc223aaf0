"""The reader of annotations in COCO's JSON."""
