"""How several losses become one update. One folder for each weighting, found by its name."""
