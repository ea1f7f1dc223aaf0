"""Networks: thin over segmentation_models_pytorch."""
