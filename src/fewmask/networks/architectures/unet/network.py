"""U-Net, of segmentation_models_pytorch."""

from fewmask.networks.architectures.segmentation_models import build_from_library

build = build_from_library
