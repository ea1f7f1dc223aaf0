"""The reader of Oxford-IIIT Pet."""
