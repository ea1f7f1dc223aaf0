"""Pictures and masks: readers, store, splits, augmentation, batches."""
