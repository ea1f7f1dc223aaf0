"""The reader of CamVid."""
