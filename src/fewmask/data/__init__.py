"""Images and masks: readers, store, splits, augmentation, batches."""
