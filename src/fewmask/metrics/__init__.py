"""How good predictions are. Importing this fills the table of metrics (`fewmask.metrics.table`)."""

from importlib import import_module

# In the order of tables, which is not the alphabet's.
for _module in ("segmentation", "calibration", "pooled_losses", "depth", "normal", "delta_m"):
    import_module(f"fewmask.metrics.{_module}")
