"""The reader of PASCAL VOC 2012."""
