"""The reader of CIFAR-10."""
