"""The tasks that a network can learn."""

from typing import Literal

Task = Literal["segmentation", "depth", "normal"]
