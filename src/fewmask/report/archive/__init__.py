"""The results of an experiment in one file, without weights and datasets.

On any machine tables and figures can be made of it again, without training.
"""
