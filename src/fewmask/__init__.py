"""Fewmask: with so few masks, which segmentation method makes the most of them?

The package does the work of each job of the workflow. Floors, from the top; each imports only
from those below it: ``cli``, ``report``, ``evaluate``, ``pseudo_label`` and ``predict``,
``training``, ``objectives``, ``networks``, ``data``, then ``grid``, ``config`` and ``metrics``.
"""

from importlib.metadata import version

__version__ = version("fewmask")

IGNORE = 255
"""The mask value of pixels that count nowhere: unlabelled, void, or padding."""
