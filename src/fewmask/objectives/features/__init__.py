"""Perturbations of the feature maps of an encoder."""
